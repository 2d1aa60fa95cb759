package membership

import (
	"slices"
	"time"
)

// LocalChange is what a native caller asks for one user of a group.
type LocalChange struct {
	User      ID
	Add       bool // else remove
	AlsoLocal bool // rule 8: open a local grant beside a provider's
	GrantTerms
	At time.Time // when it is asked for
}

func (c LocalChange) operation() Operation {
	switch {
	case c.BreakGlass:
		return OpBreakGlass
	case c.Add:
		return OpAddMembers
	}
	return OpRemoveMembers
}

// MemberState is what is there of a group, a user, and the user as a member of the
// group. What does not exist is zero. The user may be left out for a removal.
type MemberState struct {
	Group  Group
	User   User
	Member Member
}

// judge says whether a local change may be made: an addition by rules 7, 8, 12 and 13
// (native_add_rules.go), a removal by rules 9 to 11 (native_remove_rules.go). Its
// error is the answer to the caller.
func judge(s MemberState, c LocalChange) error {
	switch {
	case s.Group.ID.IsZero():
		return NotFound("group")
	case c.Add:
		return judgeAddition(s, c)
	}
	return judgeRemoval(s)
}

func (m Member) local() bool {
	return slices.ContainsFunc(m.Sources, func(s MemberSource) bool { return s.Grant.Connection.IsZero() })
}

// details names the sources of a membership for an error.
func (m Member) details() map[string]any {
	var sources []map[string]any
	for _, s := range m.Sources {
		one := map[string]any{"source": s.Grant.Source()}
		if !s.Grant.Connection.IsZero() {
			one["connection"] = s.Grant.Connection
			one["connection_name"] = s.ConnectionName
		}
		sources = append(sources, one)
	}
	return map[string]any{"sources": sources}
}
