package membership

import "slices"

// LocalChange is what a native caller asks for one user of a group.
type LocalChange struct {
	User      ID
	Add       bool // else remove
	AlsoLocal bool // rule 8: open a local grant beside a provider's
}

func (c LocalChange) operation() Operation {
	if c.Add {
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

// judge says whether a local change may be made (rules 7 to 12). Its error is the
// answer to the caller.
func judge(s MemberState, c LocalChange) error {
	switch {
	case s.Group.ID.IsZero():
		return NotFound("group")
	case c.Add:
		return judgeAddition(s, c.AlsoLocal)
	case len(s.Member.Sources) == 0:
		return NotFound("member")
	case !s.Member.local():
		e := errorf(KindManagedByIdP, managedByIdP)
		e.Details = s.Member.details()
		return e
	}
	return nil
}

func judgeAddition(s MemberState, alsoLocal bool) error {
	if err := s.Group.takesLocal(); err != nil {
		return err
	}
	switch {
	case s.User.ID.IsZero():
		return NotFound("user")
	case len(s.Member.Sources) > 0 && (!alsoLocal || s.Member.local()):
		return alreadyMember(s.Member)
	}
	return nil
}

// takesLocal is rule 12.
func (g *Group) takesLocal() error {
	if g.Kind == GroupEnterprise {
		return errGroupManaged
	}
	return nil
}

// The refusals of rules 12 and 10.
var errGroupManaged error = errorf(KindGroupManaged, "only an identity provider adds members to an enterprise group")

const managedByIdP = "an identity provider put this member here: " +
	"remove them there, or pause or remove its connection here"

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

func alreadyMember(m Member) error {
	e := errorf(KindAlreadyMember, "the user is already a member of the group")
	e.Details = m.details()
	return e
}
