package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/seal/anchor"
)

// untrusted is why a log must not be sealed any further.
type untrusted struct{ error }

func (u untrusted) Unwrap() error { return u.error }

// stopFor stops the sealing of a log if the error says so.
func (s *Sealer) stopFor(ctx context.Context, l sealedLog, err error) error {
	var u untrusted
	var conflict *anchor.Conflict
	if errors.As(err, &u) || errors.As(err, &conflict) {
		return errors.Join(err, s.store.StopSealLog(ctx, l.tenant, l.Origin, err.Error()))
	}
	return err
}

// trusted loads the tree of a log and holds it against its last checkpoint, and
// against the last one that this server has signed: a log that was set back or
// rewritten is not continued.
func (s *Sealer) trusted(ctx context.Context, l sealedLog) (*seal.Tree, error) {
	tree, err := l.tree(ctx)
	if err != nil {
		return nil, untrusted{fmt.Errorf("the hashes of the log cannot be read: %w", err)}
	}
	if l.Head < l.Size {
		return nil, untrusted{fmt.Errorf("the log has %d events, and %d were sealed", l.Head, l.Size)}
	}
	root, err := tree.Root()
	if err != nil {
		return nil, err
	}
	if l.Size > 0 {
		vkeys, err := s.keys.VerifierKeys(l.Origin)
		if err != nil {
			return nil, err
		}
		keys, err := seal.Verifiers(vkeys)
		if err != nil {
			return nil, err
		}
		text, err := s.store.Checkpoint(ctx, l.tenant, l.Origin, l.Size)
		if err != nil {
			return nil, err
		}
		c, err := seal.OpenCheckpoint([]byte(text), keys)
		if err != nil || c.Size != l.Size || c.Root != root {
			return nil, untrusted{fmt.Errorf("the log is not what its checkpoint of size %d says", l.Size)}
		}
	}
	if s.state == nil {
		return tree, nil
	}
	last, seen, err := s.state.Last(l.Origin)
	if err != nil {
		return nil, err
	}
	if !seen {
		return tree, s.named(ctx, l)
	}
	switch {
	case last.Size > l.Size:
		err = &anchor.Conflict{Anchor: "this server", Origin: l.Origin, Seen: last.Size, Size: l.Size}
	case last.Size == l.Size && last.Root != root:
		err = &anchor.Conflict{Anchor: "this server", Origin: l.Origin, Seen: last.Size, Size: l.Size}
	case last.Size > 0 && last.Size < l.Size:
		proof, perr := tlog.ProveTree(l.Size, last.Size, l.hashes(ctx, tree))
		if perr != nil || tlog.CheckTree(proof, l.Size, root, last.Size, last.Root) != nil {
			err = &anchor.Conflict{Anchor: "this server", Origin: l.Origin, Seen: last.Size, Size: l.Size}
		}
	}
	return tree, err
}

// errNameUntold is that of a log whose newest events have no number yet: they may tell why
// it has another name.
var errNameUntold = errors.New("the log has another name than before, and the event that tells why has no number yet")

// named holds the name of a log that this server has not signed against those that it has
// signed of the tenant: a log begins anew where an event tells why, and not by itself.
func (s *Sealer) named(ctx context.Context, l sealedLog) error {
	known, err := s.state.Origins(l.tenant.String())
	if err != nil || len(known) == 0 {
		return err
	}
	return s.store.Read(ctx, l.tenant, func(r membership.Reader) error {
		f := membership.EventFilter{Action: membership.ActionLogRestored, Limit: 100}
		for {
			events, err := r.NumberedEvents(ctx, f)
			if err != nil {
				return err
			}
			for _, e := range events {
				var told struct{ Origin string }
				if json.Unmarshal(e.After, &told) == nil && told.Origin == l.Origin {
					return nil
				}
				f.Cursor.Number = e.Number
			}
			if len(events) < f.Limit {
				break
			}
		}
		if pending, err := r.EventsPending(ctx); err != nil || pending {
			return cmp.Or(err, errNameUntold)
		}
		return untrusted{fmt.Errorf("the log is called %s, and was %s, and no event tells why", l.Origin,
			strings.Join(known, ", "))}
	})
}
