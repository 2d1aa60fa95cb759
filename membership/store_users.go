package membership

import (
	"context"
	"time"
)

// UserReader reads living users, whatever their source. Methods that take many ids
// or names are one query.
type UserReader interface {
	// User and UserByName return living users only; key is Fold(userName). Of
	// several whose names became the same, the one who had this key first.
	User(ctx context.Context, id ID) (User, error)
	UserByName(ctx context.Context, key string) (User, error)
	// Users lists living users in the order of their ids.
	Users(ctx context.Context, q NativeQuery) ([]User, error)
	// UsersByID returns those of ids that are living users, ordered by id.
	UsersByID(ctx context.Context, ids []ID) ([]User, error)
	// UsersByName returns the living users whose userName has one of the keys,
	// which are made by Fold; ordered by id. There is at most one for each, unless
	// their names became the same by another Fold (see docs/semantics.md, Names).
	UsersByName(ctx context.Context, keys []string) ([]User, error)
	// UsersByEmail is UsersByName for addresses, which users can share; ordered
	// by id.
	UsersByEmail(ctx context.Context, keys []string) ([]User, error)
	// UsersShowing lists living users of a connection's view, with greater ids than
	// after and in their order, who show something that the connection says while
	// another source may have something else: another connection, or Native.
	UsersShowing(ctx context.Context, connection, after ID, limit int) ([]User, error)
	// NamesOf returns given and family names of users, as far as a connection gives
	// them; an active link goes before others.
	NamesOf(ctx context.Context, users []ID) (map[ID]PersonName, error)
}

// UserWriter changes users. Groups are locked before users, and users in the order
// of their ids.
type UserWriter interface {
	LockUser(ctx context.Context, id ID) (User, error)
	// LockUsers returns those of users that live, in no order. Until the transaction
	// ends they cannot be deleted; others can lock them so, too.
	LockUsers(ctx context.Context, users []ID) ([]User, error)
	InsertUser(ctx context.Context, u User) error
	InsertUsers(ctx context.Context, us []User) error
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser leaves a tombstone that no other method returns.
	DeleteUser(ctx context.Context, id ID, at time.Time) error
}

// MaxPrefixed bounds what a NamePrefix selects: a longer one selects fewer.
const MaxPrefixed = 1000

// NativeQuery selects users or groups of a tenant, in the order of their ids.
type NativeQuery struct {
	After ID  // only greater ids
	Limit int // at most so many; at least 1
	// Of users and groups: what is not empty must be so. Names and addresses are
	// compared by Fold.
	Name string // userName or displayName
	// NamePrefix is what the name begins with. Of those the first MaxPrefixed in the order
	// of their names are looked at.
	NamePrefix string
	Origin     Origin
	// Of users only.
	Email  string
	Active *bool
	// Of groups only.
	Kind GroupKind
}
