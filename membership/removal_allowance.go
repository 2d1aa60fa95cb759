package membership

import (
	"context"
	"time"
)

// RemovalAllowance lets one request pass that the removal guard would hold. It is
// used up by the first that needs it, and by no other.
type RemovalAllowance struct {
	Tenant     ID
	Connection ID
	ID         ID
	Group      ID     // zero: any group of the connection
	AllowedBy  string // "kind:id", as of an Actor
	Reason     string
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// RemovalAllowanceSpec is what an allowance is made from.
type RemovalAllowanceSpec struct {
	Group ID            // zero: any group of the connection
	Life  time.Duration // from now on; zero: DefaultAllowanceLife
}

// How long an allowance waits for its request, and how many may wait.
const (
	DefaultAllowanceLife = 24 * time.Hour
	MaxAllowanceLife     = 7 * 24 * time.Hour
	maxAllowances        = 100
)

// AllowRemovals lets one request of a connection pass the removal guard.
func (d *Directory) AllowRemovals(
	ctx context.Context, call Call, connection ID, s RemovalAllowanceSpec,
) (a RemovalAllowance, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return a, err
	}
	if s.Life == 0 {
		s.Life = DefaultAllowanceLife
	}
	if s.Life < time.Second || s.Life > MaxAllowanceLife {
		return a, Invalidf("an allowance lives from 1 second to 7 days")
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.LockConnectionShared(ctx, connection); err != nil {
			return err
		}
		if !s.Group.IsZero() {
			if _, err := tx.GroupLink(ctx, connection, s.Group); err != nil {
				return err
			}
		}
		now := d.clock.Now()
		if err := tx.DropExpiredAllowances(ctx, connection, now); err != nil {
			return err
		}
		waiting, err := tx.RemovalAllowances(ctx, connection, now)
		if err != nil {
			return err
		}
		if len(waiting) >= maxAllowances {
			return Invalidf("the connection has %d allowances that are not used yet: withdraw some", len(waiting))
		}
		a = RemovalAllowance{
			Tenant: call.Tenant, Connection: connection, ID: NewID(), Group: s.Group,
			AllowedBy: call.Actor.String(), Reason: call.Reason,
			CreatedAt: now, ExpiresAt: now.Add(s.Life),
		}
		if err := tx.InsertRemovalAllowance(ctx, a); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionRemovalAllowed, a.Group, ID{}, nil,
			Facts{"allowance_id": a.ID, "connection_id": connection, "expires_at": Timestamp(a.ExpiresAt)}))
	})
	return a, err
}

// RemovalAllowances lists the allowances of a connection that are neither used
// nor expired, in the order of their ids.
func (d *Directory) RemovalAllowances(
	ctx context.Context, call Call, connection ID,
) (as []RemovalAllowance, err error) {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.Connection(ctx, connection); err != nil {
			return err
		}
		as, err = r.RemovalAllowances(ctx, connection, d.clock.Now())
		return err
	})
	return as, err
}

// WithdrawRemovals takes an allowance back that was not used yet.
func (d *Directory) WithdrawRemovals(ctx context.Context, call Call, connection, id ID) error {
	if err := d.allow(ctx, call, OpAdminister, ID{}, ID{}); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.Connection(ctx, connection); err != nil {
			return err
		}
		now := d.clock.Now()
		if err := tx.DeleteRemovalAllowance(ctx, connection, id, now); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionAllowanceGone, ID{}, ID{},
			Facts{"allowance_id": id, "connection_id": connection}, nil))
	})
}

// useAllowance deletes an allowance that lets the held request pass, in its
// transaction: if that comes to nothing, so does the deletion. Without one it
// returns the held request.
func (d *Directory) useAllowance(
	ctx context.Context, tx Tx, call Call, group ID, now time.Time, held *heldRemoval,
) error {
	a, err := tx.LockRemovalAllowance(ctx, call.Connection, group, now)
	if KindOf(err) == KindNotFound {
		return held
	}
	if err != nil {
		return err
	}
	if err := tx.DeleteRemovalAllowance(ctx, call.Connection, a.ID, now); err != nil {
		return err
	}
	facts := held.facts()
	facts["allowance_id"] = a.ID
	return tx.AppendEvents(ctx, call.Event(now, ActionAllowanceUsed, group, ID{}, nil, facts))
}
