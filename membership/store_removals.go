package membership

import (
	"context"
	"time"
)

// RemovalReader reads what lets requests pass the removal guard.
type RemovalReader interface {
	// RemovalAllowances lists the allowances of a connection that have not
	// expired at that time, in the order of their ids.
	RemovalAllowances(ctx context.Context, connection ID, at time.Time) ([]RemovalAllowance, error)
}

// RemovalWriter changes what lets requests pass the removal guard.
type RemovalWriter interface {
	// ForgetRemovals forgets what the connection removed lately, from the group and
	// from all groups.
	ForgetRemovals(ctx context.Context, connection, group ID) error
	// DropRemovals forgets those of all connections that do not count any more, at most
	// limit rows, and returns how many.
	DropRemovals(ctx context.Context, over time.Time, limit int) (int64, error)
	InsertRemovalAllowance(ctx context.Context, a RemovalAllowance) error
	// LockRemovalAllowance returns an allowance that has not expired and lets a
	// request on group pass, one for that group alone first. KindNotFound: none.
	LockRemovalAllowance(ctx context.Context, connection, group ID, at time.Time) (RemovalAllowance, error)
	// DeleteRemovalAllowance deletes one that has not expired, or is KindNotFound.
	DeleteRemovalAllowance(ctx context.Context, connection, id ID, at time.Time) error
	DropExpiredAllowances(ctx context.Context, connection ID, at time.Time) error
}
