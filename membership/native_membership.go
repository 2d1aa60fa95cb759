package membership

import (
	"context"
	"errors"
	"slices"
)

// Memberships lists the groups of a user, by any source, without those whose
// members the caller may not read. next is where the next page begins; the zero
// id on the last one.
func (d *Directory) Memberships(
	ctx context.Context, call Call, user ID, q MembershipQuery,
) (ms []Membership, next ID, err error) {
	// Of no group yet: who may not read members at all is refused.
	err = d.authorize(ctx, Question{Call: call, Operation: OpReadMembers, User: user})
	if err != nil && !errors.Is(err, ErrUndecided) {
		return nil, ID{}, d.refused(ctx, call, OpReadMembers, ID{}, user, err)
	}
	var u User
	more := false
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if u, err = r.User(ctx, user); err != nil {
			return err
		}
		ms, more, err = fillPage(q.Limit, (*Membership).size, func(last *Membership, n int) ([]Membership, error) {
			part := MembershipQuery{After: q.After, Limit: n}
			if last != nil {
				part.After = last.Group.ID
			}
			return r.Memberships(ctx, user, part)
		})
		return err
	})
	if err != nil {
		return nil, ID{}, err
	}
	if more {
		next = ms[len(ms)-1].Group.ID
	}
	ms = slices.DeleteFunc(ms, func(m Membership) bool {
		return d.authorize(ctx, Question{
			Call: call, Operation: OpReadMembers, Group: m.Group.ID, User: user,
			Objects: &Objects{Group: m.Group, User: u},
		}) != nil
	})
	return ms, next, nil
}
