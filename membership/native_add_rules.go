package membership

// judgeAddition is rules 7, 8 and 12: a local grant opens, unless the group takes none
// or the user is a member already.
func judgeAddition(s MemberState, alsoLocal bool) error {
	if err := s.Group.TakesLocal(); err != nil {
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

// errGroupManaged is the refusal of rule 12, group_managed_by_idp.
var errGroupManaged error = errorf(KindGroupManaged, "only an identity provider adds members to an enterprise group")

// TakesLocal is rule 12: nil, or why the group takes no local members.
func (g *Group) TakesLocal() error {
	if g.Kind == GroupEnterprise {
		return errGroupManaged
	}
	return nil
}

// alreadyMember is the refusal of rule 8, already_member.
func alreadyMember(m Member) error {
	e := errorf(KindAlreadyMember, "the user is already a member of the group")
	e.Details = m.details()
	return e
}
