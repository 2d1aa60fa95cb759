package membership

import "time"

// Grant records that one source put one user into one group. It is closed,
// never deleted; at most one is open for each (group, user, connection).
type Grant struct {
	ID         ID
	Group      ID
	User       ID
	Connection ID // zero: local
	// MemberSince is when the unbroken membership that this grant is part of
	// began: a second grant takes it over from the first, so closing one of two
	// moves nothing.
	MemberSince   time.Time
	OpenedAt      time.Time
	OpenedBy      Actor
	OpenedRequest string
	OpenedReason  string
	ClosedAt      time.Time // zero: open
	ClosedBy      Actor
	ClosedRequest string
	ClosedReason  string
	// ExpiresAt is when a local grant ends; zero: it does not. In a register it is what
	// was known at that time.
	ExpiresAt  time.Time
	BreakGlass bool
}

// Source is the side that the grant belongs to.
func (g Grant) Source() Source {
	if g.Connection.IsZero() {
		return SourceLocal
	}
	return SourceSCIM
}

// Member is a user with at least one open grant in a group.
type Member struct {
	User     User // what a member is shown with: ID, Email, Name and Active
	JoinedAt time.Time
	// Sources are the open grants, the oldest first.
	Sources []MemberSource
}

// Membership is a group of which a user is a member.
type Membership struct {
	Group    Group
	JoinedAt time.Time
	Sources  []MemberSource // the open grants, the oldest first
}

// Source is scim when any connection grants the membership, else local.
func (m Membership) Source() Source { return sourceOf(m.Sources) }

// MembershipQuery selects groups of a user.
type MembershipQuery struct {
	After ID  // only groups behind this one
	Limit int // at most so many; at least 1
}

// MemberSource is one open grant of a member, with the name of its connection.
type MemberSource struct {
	Grant          Grant
	ConnectionName string
}

// Source is scim when any connection grants the membership, else local.
func (m Member) Source() Source { return sourceOf(m.Sources) }

func sourceOf(grants []MemberSource) Source {
	for _, s := range grants {
		if s.Grant.Source() == SourceSCIM {
			return SourceSCIM
		}
	}
	return SourceLocal
}

// MemberChange is a delta on one source's grants in one group. A user stands in
// at most one of Open and Close.
type MemberChange struct {
	Call  Call
	At    time.Time
	Group ID
	// Connection owns the grants; zero: local. It differs from Call.Connection
	// only when the end of a user or a group closes others' grants.
	Connection ID
	Open       []ID
	Close      []ID
	// Check are users that must exist in the connection's view although the
	// request's net effect does not open a grant for them (rule 6).
	Check []ID
	// UsersLocked says that Tx.LockUsers has found all of Open in this transaction.
	UsersLocked bool
	// IfVersion, when not zero, is the version that the link must have.
	IfVersion int64
	// Batch, when not zero, is a fact of the events.
	Batch ID
	// ExpiresAt, when not zero, is when the local grants end that it opens. Such a change
	// closes none.
	ExpiresAt time.Time
	// BreakGlass says that the grants, which end, are taken by break-glass.
	BreakGlass bool
	// Guard holds a change that would close too much: it is not made, and its result
	// says what it would have been. Closing more than one grant counts. The zero value
	// neither holds nor counts.
	Guard RemovalGuard
	// Judge decides about a local change of one user, with the group locked, by what
	// is there: its error is the answer, and then nothing is written. It may run more
	// than once. nil: nothing is asked. Only Store.WriteMembers runs it.
	Judge func(MemberState) error
}

// Event is that of what the change opens or closes, without its time and members.
func (c *MemberChange) Event(action Action) Event {
	var after Facts
	if !c.Batch.IsZero() {
		after = Facts{"batch": c.Batch}
	}
	if !c.ExpiresAt.IsZero() {
		if after == nil {
			after = Facts{}
		}
		after[FactExpiresAt] = Timestamp(c.ExpiresAt)
	}
	if c.BreakGlass {
		after[FactBreakGlass] = true
	}
	e := c.Call.Event(time.Time{}, action, c.Group, ID{}, nil, after)
	e.MemberSource = c.Side()
	return e
}

// Side is that of the grants.
func (c *MemberChange) Side() Source {
	if c.Connection.IsZero() {
		return SourceLocal
	}
	return SourceSCIM
}

// MemberResult says what a MemberChange did. Version and LastModified are those
// of the connection's link after it (zero for local grants).
type MemberResult struct {
	Opened, Closed int
	Events         []ID // that were written, in their order
	Version        int64
	LastModified   time.Time
	Member         Member // added by a change with Judge, as it is now
	Held           *HeldRemovals
}

// HeldRemovals says what a change would close that its Guard held.
type HeldRemovals struct {
	Closing   int // by this change
	InGroup   int // closed lately in the group
	InAll     int // closed lately in all groups of the connection
	Open      int // of the connection in the group, now
	OpenInAll int // of the connection, now; 0: its removals in all groups did not matter
}

// MemberQuery selects members of a group.
type MemberQuery struct {
	Source Source // local: has an open local grant; scim: any connection grants it; "": all
	Active *bool  // nil: all
	Email  string // when not empty: the user's address is this, by Fold
	AsOf   AsOf
	After  ID  // only users with a greater id
	Limit  int // 0: all
}
