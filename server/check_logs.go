package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// CheckedLog is what held of the log of one tenant.
type CheckedLog struct {
	Tenant membership.ID
	// Found: there is a checkpoint to hold it against.
	Found bool
	// KeyKnown: the checkpoint was verified with a key that is not the store's own word.
	KeyKnown bool
	VerifiedStore
}

// CheckLogs holds the log of every tenant of a store against its checkpoints, with the
// verifier keys that are given, else with those of the key file, else with the public
// key in the store. Its error is the first thing that does not hold.
func (s *Sealer) CheckLogs(ctx context.Context, vkeys []string, checked func(CheckedLog)) error {
	const page = 100
	for after := (membership.ID{}); ; {
		tenants, err := s.store.Tenants(ctx, after, page)
		if err != nil {
			return err
		}
		for _, t := range tenants {
			after = t.ID
			c, err := s.checkLog(ctx, t.ID, vkeys)
			if err != nil {
				return fmt.Errorf("tenant %s: %w", t.ID, err)
			}
			checked(c)
		}
		if len(tenants) < page {
			return nil
		}
	}
}

func (s *Sealer) checkLog(ctx context.Context, tenant membership.ID, vkeys []string) (c CheckedLog, err error) {
	c.Tenant = tenant
	l, found, err := openLog(ctx, s.store, tenant)
	if err != nil || !found || l.Size == 0 {
		return c, err
	}
	c.Found, c.KeyKnown = true, true
	text := strings.Join(vkeys, "\n")
	switch {
	case text != "":
	case s.keys.Has(l.PublicKey):
		text, err = s.keys.VerifierKeys(l.Origin)
	default:
		c.KeyKnown = false
		text, err = seal.VerifierKey(l.Origin, l.PublicKey)
	}
	if err != nil {
		return c, err
	}
	c.VerifiedStore, err = VerifyStore(ctx, s.store, tenant, text, nil, nil)
	return c, err
}
