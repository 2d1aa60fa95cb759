package membership

import (
	"context"
	"iter"
	"time"
)

// Store is the port to durable storage. Every implementation passes the one
// contract suite in db/dbtest.
//
// Nothing read or written through it crosses the tenant that it was opened
// for. A row that does not exist is an error of KindNotFound. A name that is
// taken is an error of KindUniqueness.
type Store interface {
	// Read runs fn on one consistent snapshot. What fn reads is valid during fn
	// only. fn may begin anew when it comes to a list that no index answers: such
	// queries wait for a place. They end with KindRateLimited when there is none for
	// long, and with KindTooMany when they take too long.
	Read(ctx context.Context, tenant ID, fn func(Reader) error) error

	// Update runs fn in one transaction: all of it is durable when Update
	// returns nil, and none of it otherwise. fn may run again after a
	// serialization failure, a deadlock or a lost race for a unique name, so it
	// must not change what lies outside it except by assignment.
	Update(ctx context.Context, tenant ID, fn func(Tx) error) error

	// WriteMembers is Tx.ChangeMembers in a transaction of its own, or together with
	// others that come at the same time, in as few round trips as the engine allows;
	// before that c.Judge, if there is one, decides. Its cost follows the change,
	// never the size of the group.
	WriteMembers(ctx context.Context, c MemberChange) (MemberResult, error)

	// Ready reports whether the store answers and has the schema that this
	// program expects.
	Ready(ctx context.Context) error
}

// Reader reads one tenant.
type Reader interface {
	Tenant(ctx context.Context) (Tenant, error)
	// Connection returns removed ones as well.
	Connection(ctx context.Context, id ID) (Connection, error)
	// Connections lists at most limit connections with greater ids than after,
	// in the order of their ids; those that are removed, with no grants left,
	// only when asked for.
	Connections(ctx context.Context, after ID, limit int, removed bool) ([]Connection, error)

	// User and UserByName return living users only; key is Fold(userName). Of
	// several whose names became the same, the one who had this key first.
	User(ctx context.Context, id ID) (User, error)
	UserByName(ctx context.Context, key string) (User, error)
	// UsersShowing lists living users of a connection's view, with greater ids than
	// after and in their order, who show something that the connection says while
	// another source may have something else: another connection, or Native.
	UsersShowing(ctx context.Context, connection, after ID, limit int) ([]User, error)
	// Users lists living users in the order of their ids.
	Users(ctx context.Context, q NativeQuery) ([]User, error)

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

	// Group returns living groups only.
	Group(ctx context.Context, id ID) (Group, error)
	Groups(ctx context.Context, q NativeQuery) ([]Group, error)
	GroupLink(ctx context.Context, connection, group ID) (GroupLink, error)
	GroupLinkByName(ctx context.Context, connection ID, key string) (GroupLink, error)
	// GroupLinks and GroupLinksByID are to groups what UserLinks and UserLinksByID
	// are to users.
	GroupLinks(ctx context.Context, connection ID, q LinkQuery) (LinkPage[GroupLink], error)
	GroupLinksByID(ctx context.Context, connection ID, ids []ID) ([]GroupLink, error)
	LinksOfGroup(ctx context.Context, group ID) ([]GroupLink, error)

	// MemberIDs streams the users that connection put into group, ordered by id.
	MemberIDs(ctx context.Context, connection, group ID) iter.Seq2[ID, error]
	// NamedMembers is MemberIDs with the names that connection gave the users.
	NamedMembers(ctx context.Context, connection, group ID) iter.Seq2[NamedMember, error]
	// Members streams the members of group by any source, ordered by user id.
	Members(ctx context.Context, group ID, q MemberQuery) iter.Seq2[Member, error]
	// Member returns one member; KindNotFound when no grant is open.
	Member(ctx context.Context, group, user ID) (Member, error)
	// OpenGrants returns the open grants of one user, in one group or (with the
	// zero group) in all, ordered by group and connection.
	OpenGrants(ctx context.Context, group, user ID) ([]Grant, error)
	// OpenGrantsIn counts the open grants in a group by any source.
	OpenGrantsIn(ctx context.Context, group ID) (int, error)
	// Memberships returns the groups that a user is a member of by any source,
	// ordered by group id.
	Memberships(ctx context.Context, user ID, q MembershipQuery) ([]Membership, error)
	// RemovalCounts counts what the removal of a connection would do.
	RemovalCounts(ctx context.Context, connection ID, how Removal) (RemovalCounts, error)
	// LinkCounts counts what a connection has to do with the members of a group.
	LinkCounts(ctx context.Context, connection, group ID) (LinkCounts, error)
	// UnknownMembers returns those of users that are no user in the
	// connection's view; with the zero connection: no living user of the tenant.
	UnknownMembers(ctx context.Context, connection ID, users []ID) ([]ID, error)

	// OpenAmong counts those of users whom connection put into group.
	OpenAmong(ctx context.Context, connection, group ID, users []ID) (int, error)
	// OpenOf counts the open grants of a connection in one group or (with the
	// zero group) in all, up to limit.
	OpenOf(ctx context.Context, connection, group ID, limit int) (int, error)
	// RemovalAllowances lists the allowances of a connection that have not
	// expired at that time, in the order of their ids.
	RemovalAllowances(ctx context.Context, connection ID, at time.Time) ([]RemovalAllowance, error)

	// Register streams the grants that were open at a time, ordered by group,
	// user and when they were opened. What was deleted is in it.
	Register(ctx context.Context, q RegisterQuery) iter.Seq2[RegisterRow, error]

	// ExceptionalGrants streams the open grants that make exceptions of after's
	// kind, of at most limit (0: all) members behind after, ordered as Register.
	ExceptionalGrants(ctx context.Context, after ExceptionCursor, limit int) iter.Seq2[RegisterRow, error]

	// RequestChanged reports whether there is an event of a request, other than
	// refusals, dated within these times.
	RequestChanged(ctx context.Context, requestID string, from, to time.Time) (bool, error)
	// EventsPending reports whether events have no number yet.
	EventsPending(ctx context.Context) (bool, error)
	// LastWritten is the latest time that an event of the tenant has; zero: there
	// is none. Of what has no number yet it looks at the last thousand.
	LastWritten(ctx context.Context) (time.Time, error)
	// EventHead is the last number that was given; 0: none.
	EventHead(ctx context.Context) (int64, error)
	// EventsBetween returns the least and the greatest number of the events of a
	// period, and zeros when there are none. Its cost follows the period.
	EventsBetween(ctx context.Context, from, to time.Time) (first, last int64, err error)
	// NumberedEvents lists events in the order of their numbers.
	NumberedEvents(ctx context.Context, f EventFilter) ([]Event, error)
	// Names returns the names that ids have, or had when they were deleted.
	Names(ctx context.Context, q NameQuery) (Names, error)

	PeopleReader
	OutboxReader
	OrganizationReader
}

// Tx reads and writes one tenant inside a transaction.
type Tx interface {
	Reader
	OutboxWriter
	OrganizationWriter

	// The Lock methods make later writers of the same row wait until the
	// transaction ends, and return the row as it is now. Everything that changes
	// the grants in a group locks the group first.
	LockUser(ctx context.Context, id ID) (User, error)
	LockUserLink(ctx context.Context, connection, user ID) (UserLink, error)
	LockGroup(ctx context.Context, id ID) (Group, error)
	// LockConnection also waits for whoever holds the connection, and returns
	// removed ones as well.
	LockConnection(ctx context.Context, id ID) (Connection, error)
	// HoldConnection returns a connection that is not removed, and keeps it from
	// being changed until the transaction ends; others can hold it too. Whatever
	// makes a link or a credential holds its connection.
	HoldConnection(ctx context.Context, id ID) (Connection, error)
	// HoldName is HoldConnection, and tells who has a user name, folded, or one of
	// some addresses, folded too.
	HoldName(ctx context.Context, connection ID, name string, emails []string) (NameHolders, error)

	// LockUsers returns those of users that live, in no order, and makes whoever
	// would delete one of them wait until the transaction ends.
	LockUsers(ctx context.Context, users []ID) ([]User, error)

	InsertTenant(ctx context.Context, t Tenant) error
	InsertConnection(ctx context.Context, c Connection) error
	// UpdateConnection writes everything that can change of it.
	UpdateConnection(ctx context.Context, c Connection) error

	InsertUser(ctx context.Context, u User) error
	InsertUsers(ctx context.Context, us []User) error
	UpdateUser(ctx context.Context, u User) error
	// DeleteUser leaves a tombstone that no other method returns.
	DeleteUser(ctx context.Context, id ID, at time.Time) error
	InsertUserLink(ctx context.Context, l UserLink) error
	UpdateUserLink(ctx context.Context, l UserLink) error
	DeleteUserLink(ctx context.Context, connection, user ID) error

	InsertGroup(ctx context.Context, g Group) error
	UpdateGroup(ctx context.Context, g Group) error
	// DeleteGroup leaves a tombstone that no other method returns.
	DeleteGroup(ctx context.Context, id ID, at time.Time) error
	InsertGroupLink(ctx context.Context, l GroupLink) error
	UpdateGroupLink(ctx context.Context, l GroupLink) error
	DeleteGroupLink(ctx context.Context, connection, group ID) error

	// ChangeMembers locks the group and the connection's link to it, applies the
	// delta, writes one event for each grant it opened or closed, and raises the
	// link's version if there was any. Errors: KindNotFound (no such group, or
	// the connection has no link to it), KindVersionMismatch, KindUnknownMembers
	// (Details["unknown"] has the first of the ids); then nothing was written.
	ChangeMembers(ctx context.Context, c MemberChange) (MemberResult, error)
	// LockConnectionScope locks all groups that the connection is linked to, then all of its
	// users, each in the order of their ids: until the transaction ends nobody
	// changes its view. It returns when anything happened last in those groups.
	LockConnectionScope(ctx context.Context, connection ID) (time.Time, error)
	// FreezeLinks makes every later change of members by the connection fail, with
	// KindNotFound, also by servers that know nothing of its removal.
	FreezeLinks(ctx context.Context, connection ID) error
	// EndConnectionScope closes or converts all grants of a connection and ends its links,
	// with an event for each. Users stay, and none of them becomes active; groups
	// go as rule 32 says. Its cost in memory does not follow what it ends.
	EndConnectionScope(ctx context.Context, e ScopeEnd) (MemberResult, error)
	// MemberDifference compares the connection's open grants in a group with the
	// users it wants there. Call it with the group locked.
	MemberDifference(ctx context.Context, group, connection ID, want []ID) (open, closed []ID, err error)

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

	AppendEvents(ctx context.Context, events ...Event) error

	// InsertReservation returns false when there is a claim of that actor, route and
	// key. LockReservation reads it. DeleteExpiredReservations takes a few at a time, and
	// returns how many, and how long their answers were together.
	InsertReservation(ctx context.Context, c IdempotencyReservation) (bool, error)
	LockReservation(ctx context.Context, of IdempotencyReservation) (IdempotencyReservation, error)
	UpdateReservation(ctx context.Context, c IdempotencyReservation) error
	DeleteExpiredReservations(ctx context.Context, now time.Time) (claims, bytes int, err error)
	// AddReservationBytes changes what the tenant's claims take together, and returns it.
	AddReservationBytes(ctx context.Context, change int) (int, error)
	// NumberEvents gives events that have none the next numbers, and returns how
	// many: limit at least where there are as many, and a few more where one
	// change of members is many events. An event that depends on another has the
	// greater number. One at a time does so in a tenant.
	NumberEvents(ctx context.Context, limit int) (int, error)
}

// NativeQuery selects users or groups of a tenant, in the order of their ids.
type NativeQuery struct {
	After ID  // only greater ids
	Limit int // at most so many; at least 1
	// Of users and groups: what is not empty must be so. Names and addresses are
	// compared by Fold.
	Name   string // userName or displayName
	Origin Origin
	// Of users only.
	Email  string
	Active *bool
	// Of groups only.
	Kind GroupKind
}

// LinkQuery selects resources of one connection's view. A page is taken by
// index, with Offset, or from a place, with After or Before.
type LinkQuery struct {
	Filter Filter  // nil: all
	Sort   Sort    // zero: by id
	Offset int     // how many of the selected to leave out first
	After  *Cursor // only what comes behind this place
	Before *Cursor // only what comes before this place: the last Limit of it
	Limit  int     // at most so many; 0: only count
	More   bool    // of a page that is visited: whether there is another
}

// LinkPage is one page of a view: the resources where they are few, else which
// they are. A page of a thousand can be a quarter of a gigabyte, so whoever reads
// it loads it in parts.
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
