package membership

import (
	"context"
	"iter"
	"slices"
	"time"
)

// LocalChange opens or closes the local grant of one user in one group.
type LocalChange struct {
	Call  Call
	At    time.Time // the earliest that it is dated
	Group ID
	User  ID
	Add   bool // else remove
	// Judge is shown what is there, with the group locked; its error ends the
	// change before anything is written. It may run more than once.
	Judge func(MemberStanding) error
}

// MemberStanding is what is there of a group, a user, and the user as a member
// of the group; what is not is zero.
type MemberStanding struct {
	Group  Group
	User   User
	Member Member
}

// AddMember opens a local grant (rules 7, 8, 12). alsoLocal opens it beside a
// provider's.
func (d *Directory) AddMember(ctx context.Context, call Call, group, user ID, alsoLocal bool) (Member, error) {
	inside, err := d.allowInside(ctx, call, OpAddMembers, group, user)
	if err != nil {
		return Member{}, err
	}
	out, err := d.changeLocal(ctx, LocalChange{
		Call: call, Group: group, User: user, Add: true,
		Judge: func(s MemberStanding) error {
			if err := inside(ctx, s); err != nil {
				return err
			}
			if s.Group.ID.IsZero() {
				return NotFound("group")
			}
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
		},
	})
	if KindOf(err) == KindUnknownMembers { // deleted since we looked
		err = NotFound("user")
	}
	return out, d.refused(ctx, call, OpAddMembers, group, user, err)
}

// RemoveMember closes the local grant (rules 9 to 11). The member that it
// returns is nil when nothing grants the membership any more.
func (d *Directory) RemoveMember(ctx context.Context, call Call, group, user ID) (*Member, error) {
	inside, err := d.allowInside(ctx, call, OpRemoveMembers, group, user)
	if err != nil {
		return nil, err
	}
	var left *Member
	_, err = d.changeLocal(ctx, LocalChange{
		Call: call, Group: group, User: user,
		Judge: func(s MemberStanding) error {
			left = nil
			if err := inside(ctx, s); err != nil {
				return err
			}
			m := s.Member
			switch {
			case s.Group.ID.IsZero():
				return NotFound("group")
			case len(m.Sources) == 0:
				return NotFound("member")
			case !m.local():
				e := errorf(KindManagedByIdP, managedByIdP)
				e.Details = m.details()
				return e
			case len(m.Sources) > 1:
				m.Sources = slices.DeleteFunc(m.Sources, func(s MemberSource) bool { return s.Grant.Connection.IsZero() })
				left = &m
			}
			return nil
		},
	})
	if err = d.refused(ctx, call, OpRemoveMembers, group, user, err); err != nil {
		return nil, err
	}
	return left, nil
}

func (d *Directory) changeLocal(ctx context.Context, c LocalChange) (Member, error) {
	c.At = d.clock.Now()
	m, r, err := d.store.ChangeLocal(ctx, c)
	if err == nil {
		d.observe(SourceLocal, r.Opened, r.Closed)
	}
	return m, err
}

// Member returns one member of a group.
func (d *Directory) Member(ctx context.Context, call Call, group, user ID) (m Member, err error) {
	if err := d.allow(ctx, call, OpReadMembers, group, user); err != nil {
		return Member{}, err
	}
	err = d.store.View(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.Group(ctx, group); err != nil {
			return err
		}
		m, err = r.Member(ctx, group, user)
		return err
	})
	return m, err
}

// VisitMembers shows the members of a group to visit, streamed from one
// snapshot. An error that comes before the first member is returned before
// visit is called.
func (d *Directory) VisitMembers(
	ctx context.Context, call Call, group ID, q MemberQuery, visit func(iter.Seq2[Member, error]) error,
) error {
	if err := d.allow(ctx, call, OpReadMembers, group, ID{}); err != nil {
		return err
	}
	return d.store.View(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.Group(ctx, group); err != nil {
			return err
		}
		return visit(r.Members(ctx, group, q))
	})
}

// Events lists events of the tenant in their order.
func (d *Directory) Events(ctx context.Context, call Call, q EventQuery) (es []Event, err error) {
	if err := d.allow(ctx, call, OpReadAudit, q.Group, q.User); err != nil {
		return nil, err
	}
	err = d.store.View(ctx, call.Tenant, func(r Reader) error {
		es, err = r.Events(ctx, q)
		return err
	})
	return es, err
}

// The refusals of rules 12 and 10.
var errGroupManaged error = errorf(KindGroupManaged, "only an identity provider adds members to an enterprise group")

const managedByIdP = "an identity provider put this member here: remove them there, or pause or remove its connection here"

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
