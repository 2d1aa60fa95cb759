package membership

import (
	"context"
	"iter"
	"time"
)

// MemberReader reads who is a member of what. A member has one open grant or more.
// Streams are valid inside the transaction, and can be ranged over once.
type MemberReader interface {
	// MemberIDs streams the users that connection put into group, ordered by id.
	MemberIDs(ctx context.Context, connection, group ID) iter.Seq2[ID, error]
	// NamedMembers is MemberIDs with the names that connection gave the users.
	NamedMembers(ctx context.Context, connection, group ID) iter.Seq2[NamedMember, error]
	// Members streams the members of group by any source, ordered by user id.
	Members(ctx context.Context, group ID, q MemberQuery) iter.Seq2[Member, error]
	// Member returns one member; KindNotFound when no grant is open.
	Member(ctx context.Context, group, user ID) (Member, error)
	// MembersAmong returns those of users who are members of a group now, by any
	// source, ordered by id.
	MembersAmong(ctx context.Context, group ID, users []ID) ([]Member, error)
	// Memberships returns the groups that a user is a member of by any source, in the
	// order in which they were made.
	Memberships(ctx context.Context, user ID, q MembershipQuery) ([]Membership, error)
	// MembershipsOf returns the living groups of which users are members by any
	// source, ordered by user and group.
	MembershipsOf(ctx context.Context, users []ID) ([]MembershipOf, error)
	// UnknownMembers returns those of users that are no user in the
	// connection's view; with the zero connection: no living user of the tenant.
	UnknownMembers(ctx context.Context, connection ID, users []ID) ([]ID, error)
}

// GrantReader reads and counts open grants.
type GrantReader interface {
	// OpenGrants returns the open grants of one user, in one group or (with the
	// zero group) in all, ordered by group and connection.
	OpenGrants(ctx context.Context, group, user ID) ([]Grant, error)
	// OpenGrantsIn counts the open grants in a group by any source.
	OpenGrantsIn(ctx context.Context, group ID) (int, error)
}

// MemberWriter changes members. Its cost follows the change, never the size of the
// group.
type MemberWriter interface {
	// ChangeMembers locks the group and the connection's link to it, applies the
	// delta, writes an event for what it opened and one for what it closed (each of
	// at most 500 members: more are several, one after another), and raises the
	// link's version if there was any. Errors: KindNotFound (no such group, or
	// the connection has no link to it), KindVersionMismatch, KindUnknownMembers
	// (Details["unknown"] has the first of the ids); then nothing was written.
	ChangeMembers(ctx context.Context, c MemberChange) (MemberResult, error)
	// LockGroupsOf locks the groups in which a user has open grants, in the order of
	// their ids.
	LockGroupsOf(ctx context.Context, user ID) error
	// EndGrantsOf closes the open grants of a user whose groups are locked, with an
	// event for each, and raises the versions of their links. It returns how many of
	// connections it closed, and how many local ones.
	EndGrantsOf(ctx context.Context, e UserGrantsEnd) (byConnection, local int, err error)
	// MemberDifference compares the connection's open grants in a group with the
	// users it wants there. Call it with the group locked.
	MemberDifference(ctx context.Context, group, connection ID, want []ID) (open, closed []ID, err error)
}

// UserGrantsEnd is one Tx.EndGrantsOf.
type UserGrantsEnd struct {
	Call       Call
	At         time.Time
	User       ID
	All        bool // also those of other sources than Connection
	Connection ID
	Groups     []ID // only those in these groups; nil: in all
}
