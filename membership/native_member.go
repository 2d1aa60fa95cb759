package membership

import (
	"context"
	"iter"
	"slices"
)

// AddMember opens a local grant (rules 7, 8, 12). alsoLocal opens it beside a
// provider's.
func (d *Directory) AddMember(ctx context.Context, call Call, group, user ID, alsoLocal bool) (Member, error) {
	inside, err := d.allowInside(ctx, call, OpAddMembers, group, user)
	if err != nil {
		return Member{}, err
	}
	var out Member
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		if err := inside(ctx, tx); err != nil {
			return err
		}
		g, err := tx.LockGroup(ctx, group)
		if err != nil {
			return err
		}
		if err := g.takesLocal(); err != nil {
			return err
		}
		if _, err := tx.User(ctx, user); err != nil {
			return err
		}
		switch m, err := tx.Member(ctx, group, user); {
		case KindOf(err) == KindNotFound:
		case err != nil:
			return err
		case !alsoLocal || m.local():
			return alreadyMember(m)
		}
		if _, err := t.change(ctx, tx, MemberChange{
			Call: call, At: d.clock.Now(), Group: group, Open: []ID{user},
		}); KindOf(err) == KindUnknownMembers { // deleted since we looked
			return NotFound("user")
		} else if err != nil {
			return err
		}
		out, err = tx.Member(ctx, group, user)
		return err
	})
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
	err = d.update(ctx, call.Tenant, func(tx Tx, t *tally) error {
		left = nil
		if err := inside(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.LockGroup(ctx, group); err != nil {
			return err
		}
		m, err := tx.Member(ctx, group, user)
		if err != nil {
			return err
		}
		if !m.local() {
			e := errorf(KindManagedByIdP, managedByIdP)
			e.Details = m.details()
			return e
		}
		if _, err := t.change(ctx, tx, MemberChange{
			Call: call, At: d.clock.Now(), Group: group, Close: []ID{user},
		}); err != nil {
			return err
		}
		if len(m.Sources) == 1 {
			return nil
		}
		m.Sources = slices.DeleteFunc(m.Sources, func(s MemberSource) bool { return s.Grant.Connection.IsZero() })
		left = &m
		return nil
	})
	return left, d.refused(ctx, call, OpRemoveMembers, group, user, err)
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
