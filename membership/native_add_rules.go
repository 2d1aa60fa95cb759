package membership

// judgeAddition is rules 7, 8, 12 and 13: a local grant opens, unless the group takes
// none, or none with this end, or the user is a member already.
func judgeAddition(s MemberState, c LocalChange) error {
	if err := s.Group.TakesLocal(); err != nil && !c.BreakGlass { // the policy was asked about that
		return err
	}
	switch {
	case s.User.ID.IsZero():
		return NotFound("user")
	case len(s.Member.Sources) > 0 && (!c.AlsoLocal || s.Member.local()):
		return alreadyMember(s.Member)
	}
	if err := CheckEnd(c.At, c.ExpiresAt); err != nil {
		return err
	}
	return s.Group.checkEnd(c.At, c.ExpiresAt)
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
