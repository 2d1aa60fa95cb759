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

// RemovalWriter keeps the windows of the removal guard, and its allowances.
type RemovalWriter interface {
	// LockRemovals locks a group and then what the connection removed lately from
	// it and from all groups, and returns that. KindNotFound: the group is not in
	// the connection's view.
	LockRemovals(ctx context.Context, connection, group ID) (RemovalWindows, error)
	// UpdateRemovals replaces what LockRemovals returned.
	UpdateRemovals(ctx context.Context, connection, group ID, w RemovalWindows) error
	InsertRemovalAllowance(ctx context.Context, a RemovalAllowance) error
	// LockRemovalAllowance returns an allowance that has not expired and lets a
	// request on group pass, one for that group alone first. KindNotFound: none.
	LockRemovalAllowance(ctx context.Context, connection, group ID, at time.Time) (RemovalAllowance, error)
	// DeleteRemovalAllowance deletes one that has not expired, or is KindNotFound.
	DeleteRemovalAllowance(ctx context.Context, connection, id ID, at time.Time) error
	DropExpiredAllowances(ctx context.Context, connection ID, at time.Time) error
}
