package membership

import (
	"context"
	"time"
)

// TenantReader reads the tenant itself.
type TenantReader interface {
	Tenant(ctx context.Context) (Tenant, error)
}

// TenantWriter makes the tenant.
type TenantWriter interface {
	InsertTenant(ctx context.Context, t Tenant) error
}

// ConnectionReader reads connections.
type ConnectionReader interface {
	// Connection returns removed ones as well.
	Connection(ctx context.Context, id ID) (Connection, error)
	// Connections lists at most limit connections with greater ids than after,
	// in the order of their ids; those that are removed, with no grants left,
	// only when asked for.
	Connections(ctx context.Context, after ID, limit int, removed bool) ([]Connection, error)
	// RemovalCounts counts what the removal of a connection would do.
	RemovalCounts(ctx context.Context, connection ID, how Removal, at time.Time) (RemovalCounts, error)
}

// ConnectionWriter changes connections. A connection is locked before its groups
// and users.
type ConnectionWriter interface {
	// LockConnection also waits for those who hold the connection, and returns
	// removed ones as well.
	LockConnection(ctx context.Context, id ID) (Connection, error)
	// LockConnectionShared returns a connection that is not removed, and keeps it from
	// being changed until the transaction ends; others can hold it too. Whatever
	// makes a link or a credential holds its connection.
	LockConnectionShared(ctx context.Context, id ID) (Connection, error)
	// LockNameHolders is LockConnectionShared, and returns the users that have a user name,
	// folded, or one of some addresses, folded too.
	LockNameHolders(ctx context.Context, connection ID, name string, emails []string) (NameHolders, error)
	InsertConnection(ctx context.Context, c Connection) error
	// UpdateConnection writes everything that can change of it.
	UpdateConnection(ctx context.Context, c Connection) error
}

// ScopeWriter ends the scope of a connection: its links and its grants.
type ScopeWriter interface {
	// LockConnectionScope locks all groups that the connection is linked to, then all
	// of its users, each in the order of their ids: until the transaction ends its
	// scope does not change.
	LockConnectionScope(ctx context.Context, connection ID) error
	// FreezeLinks makes every later change of members by the connection fail, with
	// KindNotFound, or not any more.
	FreezeLinks(ctx context.Context, connection ID, frozen bool) error
	// EndUserLinks ends links of a connection to users, those with the least ids, with
	// an event for each, and returns how many. Users stay, and none of them becomes
	// active: one whose only link said inactive stays so until an administrator decides.
	EndUserLinks(ctx context.Context, e UserLinksEnd) (int, error)
}

// UserLinksEnd is one Tx.EndUserLinks.
type UserLinksEnd struct {
	Call       Call
	At         time.Time
	Connection ID
	Batch      ID // that every event names
	Most       int
}
