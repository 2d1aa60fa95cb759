package membership

import (
	"context"
	"time"
)

// GroupReader reads groups, whatever their source.
type GroupReader interface {
	// Group returns living groups only.
	Group(ctx context.Context, id ID) (Group, error)
	Groups(ctx context.Context, q NativeQuery) ([]Group, error)
	// GroupDeleted reports whether there was such a group of the tenant once.
	GroupDeleted(ctx context.Context, id ID) (bool, error)
}

// GroupWriter changes groups. Everything that changes the grants in a group locks
// the group first.
type GroupWriter interface {
	LockGroup(ctx context.Context, id ID) (Group, error)
	InsertGroup(ctx context.Context, g Group) error
	UpdateGroup(ctx context.Context, g Group) error
	// DeleteGroup leaves a tombstone that no other method returns.
	DeleteGroup(ctx context.Context, id ID, at time.Time) error
}
