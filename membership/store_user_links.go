package membership

import "context"

// UserLinkReader reads users as connections provision them.
type UserLinkReader interface {
	// UserLink finds nothing once the connection is removed, also while its
	// links are frozen; so does GroupLink.
	UserLink(ctx context.Context, connection, user ID) (UserLink, error)
	UserLinkByName(ctx context.Context, connection ID, key string) (UserLink, error)
	// UserLinks selects one page of a connection's view in the order asked for, and
	// counts all that the filter selects. UserLinksByID loads some of a page in the
	// order of ids; those that are no more there are left out.
	UserLinks(ctx context.Context, connection ID, q LinkQuery) (LinkPage[UserLink], error)
	UserLinksByID(ctx context.Context, connection ID, ids []ID) ([]UserLink, error)
	LinksOfUser(ctx context.Context, user ID) ([]UserLink, error)
	// LinkedUsers returns those of users that are in the connection's view,
	// ordered by id.
	LinkedUsers(ctx context.Context, connection ID, users []ID) ([]User, error)
	// GroupsOf returns, for each of users, the groups into which connection put
	// them, under the connection's names, ordered by group id; nil when they are
	// more than limit (0: however many).
	GroupsOf(ctx context.Context, connection ID, users []ID, limit int) (map[ID][]GroupRef, error)
}

// UserLinkWriter changes the links of users. A name that the connection has given
// to another user is KindUniqueness.
type UserLinkWriter interface {
	LockUserLink(ctx context.Context, connection, user ID) (UserLink, error)
	InsertUserLink(ctx context.Context, l UserLink) error
	UpdateUserLink(ctx context.Context, l UserLink) error
	DeleteUserLink(ctx context.Context, connection, user ID) error
}

// LinkQuery selects resources of one connection's view. A page begins at an
// index, Offset, or at a cursor, After or Before.
type LinkQuery struct {
	Filter Filter  // nil: all
	Sort   Sort    // zero: by id
	Offset int     // how many of the selected to leave out first
	After  *Cursor // only what comes after it
	Before *Cursor // only what comes before it: the last Limit of that
	Limit  int     // at most so many; 0: only count
	// Resources renders what Filter and Sort read, where the store cannot decide by
	// itself. It is needed with either of them.
	Resources Resources
	More      bool // of a page that is visited: whether there is another
}

// LinkPage is one page of a view: the resources where they are few, else which
// they are. A page of a thousand can be a quarter of a gigabyte, so a reader
// loads it in parts.
type LinkPage[L any] struct {
	Links []L
	Keys  []LinkKey // when there are any, Links is empty
	Total int       // of all that the filter selects
}

// LinkKey is one resource of a page, and the bytes of its attributes.
type LinkKey struct {
	ID   ID
	Size int64
}
