package membership

import (
	"context"
	"iter"
)

// ProvisionedUser is one user of a connection's view and the groups that the
// connection put them into.
type ProvisionedUser struct {
	UserLink
	Groups []GroupRef
}

// Size is about how many bytes of memory the user takes.
func (u ProvisionedUser) Size() int64 {
	size := userLinks.size(&u.UserLink)
	for _, g := range u.Groups {
		size += refSize + int64(len(g.DisplayName))
	}
	return size
}

// refSize is what a GroupRef takes beside its name.
const refSize = 64

// ProvisionedUser returns one user of the calling connection's view.
func (d *Directory) ProvisionedUser(ctx context.Context, call Call, id ID) (ProvisionedUser, error) {
	if err := d.allow(ctx, call, OpReadUsers, ID{}, id); err != nil {
		return ProvisionedUser{}, err
	}
	return d.store.LookUpUser(ctx, call.Tenant, call.Connection, id)
}

// ProvisionedPage is one page of the calling connection's users or groups. Its
// items are read in parts while they are ranged over, each part on a snapshot of
// its own that has ended before the first item of it is there. What is deleted
// between two parts is made up for with what follows, so that a page is short
// only at the end of the list.
type ProvisionedPage[T any] struct {
	Items iter.Seq2[T, error]
	// Total is how many the query selects. It is final once the items were ranged
	// over.
	Total int
	// More: there is another page in the direction of reading. It is set when the
	// query asks for it, and is final with Total.
	More bool
}

// VisitProvisionedUsers shows one page of the calling connection's users to visit.
// Their memory is counted until visit returns.
func (d *Directory) VisitProvisionedUsers(
	ctx context.Context, call Call, q LinkQuery, visit func(*ProvisionedPage[ProvisionedUser]) error,
) error {
	if err := d.allow(ctx, call, OpReadUsers, ID{}, ID{}); err != nil {
		return err
	}
	held := d.HoldAnswer(call.Tenant)
	defer held.End()
	if name, ok := q.name(); ok {
		var users []ProvisionedUser
		if err := held.read(ctx, func() (size int64, err error) {
			users, err = d.store.LookUpUsersNamed(ctx, call.Tenant, call.Connection, name)
			for i := range users {
				size += users[i].Size()
			}
			return size, err
		}, func() { users = nil }); err != nil {
			return err
		}
		if len(users) <= 1 { // else their order matters
			return visit(&ProvisionedPage[ProvisionedUser]{Items: all(users), Total: len(users)})
		}
	}
	p := userPager{linkPager[UserLink]{view: userLinks, connection: call.Connection, query: q}}
	var users []ProvisionedUser
	next := func() error {
		before := p.at
		return held.read(ctx, func() (size int64, err error) {
			p.at = before
			err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
				users, err = p.part(ctx, r)
				return err
			})
			for _, u := range users {
				size += u.Size()
			}
			return size, err
		}, func() { users = nil })
	}
	if err := next(); err != nil {
		return err
	}
	page := &ProvisionedPage[ProvisionedUser]{Total: p.total(), More: p.at.more}
	page.Items = func(yield func(ProvisionedUser, error) bool) {
		for {
			for i := range users {
				if !yield(users[i], nil) {
					return
				}
			}
			page.Total, page.More = p.total(), p.at.more
			if p.ended() {
				return
			}
			users = nil
			if err := next(); err != nil {
				yield(ProvisionedUser{}, err)
				return
			}
		}
	}
	return visit(page)
}

// name returns the folded userName that the query asks for, if it wants nothing else
// than the users who have it, from the first.
func (q LinkQuery) name() (string, bool) {
	f, ok := q.Filter.(Compare)
	if !ok || f.Op != Equal || f.Attribute != (Attribute{Name: "userName"}) ||
		q.Offset > 0 || q.After != nil || q.Before != nil || q.Limit < 1 {
		return "", false
	}
	name, ok := f.Value.(string)
	return Fold(name), ok && name != "" && ValidText(name)
}

// all ranges over what is there already.
func all[T any](items []T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for i := range items {
			if !yield(items[i], nil) {
				return
			}
		}
	}
}

// userPager loads users with their groups.
type userPager struct{ linkPager[UserLink] }

// partGroups is how many groups a part of several users has at most.
const partGroups = 5000

func (p *userPager) part(ctx context.Context, r Reader) ([]ProvisionedUser, error) {
	links, err := p.next(ctx, r)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	ids := make([]ID, len(links))
	for i, l := range links {
		ids[i] = l.User
	}
	// Who is in many groups comes with fewer others, at last alone.
	groups, n := map[ID][]GroupRef(nil), len(links)
	for {
		limit := partGroups
		if n == 1 {
			limit = 0
		}
		if groups, err = r.GroupsOf(ctx, p.connection, ids[:n], limit); err != nil {
			return nil, err
		}
		if groups != nil {
			break
		}
		n /= 2
	}
	p.giveBack(links, n)
	users := make([]ProvisionedUser, n)
	for i, l := range links[:n] {
		users[i] = ProvisionedUser{UserLink: l, Groups: groups[l.User]}
	}
	return users, nil
}

// CallingConnection returns the connection of the caller's credential.
func (d *Directory) CallingConnection(ctx context.Context, call Call) (c Connection, err error) {
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		c, err = r.Connection(ctx, call.Connection)
		return err
	})
	return c, err
}

// NamedMember is a member as the connection that granted it sees them.
type NamedMember struct {
	User ID
	Name string // as UserLink has it; may be empty, or not asked for
}
