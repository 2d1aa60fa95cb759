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
	RemovalCounts(ctx context.Context, connection ID, how Removal) (RemovalCounts, error)
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
	// scope does not change. It returns the time of the last change in those groups.
	LockConnectionScope(ctx context.Context, connection ID) (time.Time, error)
	// FreezeLinks makes every later change of members by the connection fail, with
	// KindNotFound, also by servers that know nothing of its removal.
	FreezeLinks(ctx context.Context, connection ID) error
	// EndConnectionScope closes or converts all grants of a connection and ends its
	// links, with an event for each. Users stay, and none of them becomes active;
	// groups go as rule 32 says. Its cost in memory does not follow what it ends.
	EndConnectionScope(ctx context.Context, e ScopeEnd) (MemberResult, error)
}
