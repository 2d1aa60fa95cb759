package server

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// inTurns does a piece of work for each tenant of a list until none has more: a large
// log lets others through. After some time the list is asked for again, since others
// have begun to wait meanwhile.
func inTurns(
	ctx context.Context, list func(context.Context) ([]membership.ID, error), again time.Duration,
	piece func(membership.ID) (more bool, err error),
) error {
	for {
		tenants, err := list(ctx)
		if err != nil {
			return err
		}
		for listed := time.Now(); len(tenants) > 0; {
			left := tenants[:0]
			for _, tenant := range tenants {
				more, err := piece(tenant)
				if err != nil {
					return err
				}
				if more {
					left = append(left, tenant)
				}
			}
			if tenants = left; time.Since(listed) >= again {
				break
			}
		}
		if len(tenants) == 0 {
			return nil
		}
	}
}

// work is what is done for a tenant: its problem is logged once.
type work struct {
	tenant membership.ID
	what   string
}

// Number gives every committed event its number. Where that is much others get in
// between: each transaction is short, and is followed by a rest if others write. A
// tenant whose events cannot be numbered holds up no other.
func (s *Sealer) Number(ctx context.Context) error {
	var written time.Duration
	return inTurns(ctx, s.store.TenantsToNumber, numberEvery, func(tenant membership.ID) (more bool, err error) {
		asked := time.Now()
		began := asked
		err = s.store.Update(ctx, tenant, func(tx membership.Tx) error {
			began = time.Now()
			more, err = tx.NumberEvents(ctx, numberBatch)
			return err
		})
		if s.tell(ctx, work{tenant, "numbered"}, err); err != nil || !more {
			return false, ctx.Err()
		}
		took := time.Since(began)
		if written += took; written > writeBackAfter {
			written, err = 0, s.store.WriteBack(ctx)
		}
		if began.Sub(asked) > othersWrite {
			rest(ctx, min(took, longestRest))
		}
		return true, err
	})
}

// rest leaves the store to others for as long as they had to wait.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
