package membership

// managedByIdP is the refusal of rule 10, membership_managed_by_idp.
const managedByIdP = "an identity provider put this member here: " +
	"remove them there, or pause or remove its connection here"

// judgeRemoval is rules 9 to 11: the local grant closes, if there is one. What a
// provider granted is not closed here.
func judgeRemoval(s MemberState) error {
	switch {
	case len(s.Member.Sources) == 0:
		return NotFound("member")
	case !s.Member.local():
		e := errorf(KindManagedByIdP, managedByIdP)
		e.Details = s.Member.details()
		return e
	}
	return nil
}

// Removable is rules 9 to 11 for a page that shows a member: nil, or why a local
// removal of them would be refused.
func (m Member) Removable() error { return judgeRemoval(MemberState{Member: m}) }
