package server

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// AcceptRestore lets a log go on that was set back, under a new origin: its first
// new event names the last checkpoint of the old one, and why.
func (s *Sealer) AcceptRestore(ctx context.Context, call membership.Call) (origin string, err error) {
	if len(s.keys) == 0 {
		return "", errors.New("there is no key: name the key file that the servers have (seal_key_file)")
	}
	l, found, err := openLog(ctx, s.store, call.Tenant)
	if err != nil {
		return "", err
	}
	if !found {
		return "", ErrNeverSealed
	}
	old := map[string]any{"origin": l.Origin, "size": l.Size, "stopped": l.Stopped}
	text, err := s.store.Checkpoint(ctx, l.tenant, l.Origin, l.Size)
	if err != nil {
		return "", err
	}
	if c, err := seal.UnverifiedCheckpoint([]byte(text)); err == nil {
		old["root"] = c.Root.String()
	}
	if s.state != nil {
		if last, seen, err := s.state.Last(l.Origin); err == nil && seen {
			old["last_seen_size"], old["last_seen_root"] = last.Size, last.Root.String()
		}
	}
	origin = nextOrigin(l.Origin, call.Tenant.String())
	after := membership.Facts{"origin": origin, "before": old, "verifier_key": s.vkey(origin)}
	e := call.Event(s.now(), membership.ActionLogRestored, membership.ID{}, membership.ID{}, nil, after)
	return origin, s.store.RestartSealLog(ctx, call.Tenant, origin, s.keys[0].Public(), e)
}

// nextOrigin is HOST/TENANT/2 after HOST/TENANT, and so on.
func nextOrigin(origin, tenant string) string {
	host, rest, _ := strings.Cut(origin, "/"+tenant)
	n := 1
	if rest != "" {
		_, _ = fmt.Sscanf(rest, "/%d", &n) // the program wrote it
	}
	return fmt.Sprintf("%s/%s/%d", host, tenant, n+1)
}
