package membership

import (
	"context"
	"iter"
	"slices"
	"time"
)

// AddMember opens a local grant (rules 7, 8, 12, 13). alsoLocal opens it beside a
// provider's. Of several terms the last ones hold.
func (d *Directory) AddMember(
	ctx context.Context, call Call, group, user ID, alsoLocal bool, terms ...GrantTerms,
) (Member, error) {
	c := LocalChange{User: user, Add: true, AlsoLocal: alsoLocal}
	for _, t := range terms {
		c.GrantTerms = t
	}
	r, _, err := d.changeLocal(ctx, call, group, c)
	if KindOf(err) == KindUnknownMembers { // deleted since we looked
		err = NotFound("user")
	}
	return r.Member, d.refused(ctx, call, c.operation(), group, user, err)
}

// RemoveMember closes the local grant (rules 9 to 11). The member that it
// returns is nil when nothing grants the membership any more.
func (d *Directory) RemoveMember(ctx context.Context, call Call, group, user ID) (*Member, error) {
	_, was, err := d.changeLocal(ctx, call, group, LocalChange{User: user})
	if err = d.refused(ctx, call, OpRemoveMembers, group, user, err); err != nil || len(was.Sources) == 1 {
		return nil, err
	}
	was.Sources = slices.DeleteFunc(was.Sources, func(s MemberSource) bool { return s.Grant.Connection.IsZero() })
	return &was, nil
}

// changeLocal makes one local change, in a transaction that others may share, and
// returns the member as it was before. A refusal of the rules is left to the caller
// to record.
func (d *Directory) changeLocal(
	ctx context.Context, call Call, group ID, c LocalChange,
) (r MemberResult, was Member, err error) {
	inside, err := d.allowInside(ctx, call, c.operation(), group, c.User)
	if err != nil {
		return r, was, err
	}
	c.At, c.ExpiresAt = d.clock.Now(), c.ExpiresAt.UTC().Truncate(time.Microsecond)
	if c.BreakGlass {
		if err := c.takeBreakGlass(call); err != nil {
			return r, was, err
		}
	}
	change := MemberChange{Call: call, At: c.At, Group: group, ExpiresAt: c.ExpiresAt, BreakGlass: c.BreakGlass}
	change.Judge = func(s MemberState) error {
		if was = s.Member; inside != nil {
			if err := inside(ctx, s); err != nil {
				return err
			}
		}
		if c.BreakGlass {
			if err := d.allowEnterprise(ctx, call, s, c.User); err != nil {
				return err
			}
		}
		return judge(s, c)
	}
	if c.Add {
		change.Open = []ID{c.User}
	} else {
		change.Close = []ID{c.User}
	}
	if r, err = d.store.WriteMembers(ctx, change); err == nil {
		for _, s := range r.Member.Sources {
			d.clock.saw(s.Grant.OpenedAt)
		}
		d.observe(SourceLocal, r.Opened, r.Closed)
	}
	return r, was, err
}

// Member returns one member of a group.
func (d *Directory) Member(ctx context.Context, call Call, group, user ID) (m Member, err error) {
	if err := d.allow(ctx, call, OpReadMembers, group, user); err != nil {
		return Member{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.Group(ctx, group); err != nil {
			return err
		}
		m, err = r.Member(ctx, group, user)
		return err
	})
	return m, err
}

// How many members are read at a time: few at first, so that an answer begins
// early; of a time in the past many, because no index has them in their order.
const (
	firstMembers = 100
	moreMembers  = 1000
	pastMembers  = 20_000
)

// VisitMembers shows the members of a group to visit, in the order of their ids.
// They are read in parts while they are ranged over, each part on a snapshot of
// its own that has ended before the first of it is there: who is a member all the
// while is there once, who comes or goes meanwhile may be there or not. Of a time
// (AsOf) all parts are of that time. An error that comes before the first member
// is returned before visit is called.
func (d *Directory) VisitMembers(
	ctx context.Context, call Call, group ID, q MemberQuery, visit func(iter.Seq2[Member, error]) error,
) error {
	if err := d.allow(ctx, call, OpReadMembers, group, ID{}); err != nil {
		return err
	}
	q.AsOf = q.AsOf.near(d.clock.machine.Now())
	held := d.HoldAnswer(call.Tenant)
	defer held.End()
	part, left, last := q, q.Limit, false
	var members []Member
	next := func(most int) error {
		if part.Limit = most; q.Limit > 0 {
			part.Limit = min(most, left)
		}
		return held.read(ctx, func() (size int64, err error) {
			members = make([]Member, 0, min(part.Limit, moreMembers))
			err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
				if _, err := r.Group(ctx, group); err != nil {
					return err
				}
				part.AsOf = q.AsOf.of(d.clock.machine.Now())
				members, size = members[:0], 0
				for m, err := range r.Members(ctx, group, part) {
					if err != nil {
						return err
					}
					members, size = append(members, m), size+m.size()
				}
				return nil
			})
			left -= len(members)
			last = len(members) < part.Limit || q.Limit > 0 && left == 0
			return size, err
		}, func() { left, members = left+len(members), nil })
	}
	first, more := firstMembers, moreMembers
	if !q.AsOf.Time.IsZero() {
		first, more = pastMembers, pastMembers
	}
	if err := next(first); err != nil {
		return err
	}
	return visit(func(yield func(Member, error) bool) {
		for {
			for i := range members {
				if !yield(members[i], nil) {
					return
				}
			}
			if last {
				return
			}
			part.After = members[len(members)-1].User.ID
			members = nil
			if err := next(more); err != nil {
				yield(Member{}, err)
				return
			}
		}
	})
}

// size is about how many bytes of memory the member takes.
func (m *Member) size() int64 {
	const user = 256
	return int64(user + len(m.User.UserName) + len(m.User.Email) + len(m.User.Name) + sizeOf(m.Sources))
}

// size is about how many bytes of memory the membership takes.
func (m *Membership) size() int {
	const group = 256
	n := group + len(m.Group.DisplayName) + sizeOf(m.Sources)
	for _, p := range m.Group.Permissions {
		n += len(p)
	}
	return n
}

func sizeOf(sources []MemberSource) (n int) {
	const source = 320
	for _, s := range sources {
		n += source + len(s.ConnectionName) + len(s.Grant.OpenedReason) + len(s.Grant.OpenedRequest) +
			len(s.Grant.OpenedBy.ID)
	}
	return n
}
