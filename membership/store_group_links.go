package membership

import (
	"context"
	"time"
)

// GroupLinkReader reads groups as connections provision them.
type GroupLinkReader interface {
	GroupLink(ctx context.Context, connection, group ID) (GroupLink, error)
	GroupLinkByName(ctx context.Context, connection ID, key string) (GroupLink, error)
	// GroupLinks and GroupLinksByID are to groups what UserLinks and UserLinksByID
	// are to users.
	GroupLinks(ctx context.Context, connection ID, q LinkQuery) (LinkPage[GroupLink], error)
	GroupLinksByID(ctx context.Context, connection ID, ids []ID) ([]GroupLink, error)
	// GroupsLinked returns the groups that a connection is linked to, those with the
	// least ids.
	GroupsLinked(ctx context.Context, connection ID, limit int) ([]ID, error)
	LinksOfGroup(ctx context.Context, group ID) ([]GroupLink, error)
	// LinkCounts counts what a connection has to do with the members of a group.
	// ends: a local grant that ends sooner is as none for OwnNotLocal; zero: one that ends.
	LinkCounts(ctx context.Context, connection, group ID, ends time.Time) (LinkCounts, error)
}

// GroupLinkWriter changes the links of groups, with their group locked.
type GroupLinkWriter interface {
	InsertGroupLink(ctx context.Context, l GroupLink) error
	UpdateGroupLink(ctx context.Context, l GroupLink) error
	DeleteGroupLink(ctx context.Context, connection, group ID) error
}
