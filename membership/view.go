package membership

import (
	"context"
	"iter"
)

// ProvisionedUser returns one user of the calling connection's view.
func (d *Directory) ProvisionedUser(ctx context.Context, call Call, id ID) (UserLink, []GroupRef, error) {
	links, groups, _, err := d.readUsers(ctx, call, id, func(r Reader) ([]UserLink, int, error) {
		l, err := r.UserLink(ctx, call.Connection, id)
		return []UserLink{l}, 1, err
	})
	if err != nil {
		return UserLink{}, nil, err
	}
	return links[0], groups[id], nil
}

// ProvisionedUsers returns one page of the calling connection's users, the
// groups it put each of them into, and how many the query selects in all.
func (d *Directory) ProvisionedUsers(ctx context.Context, call Call, q ViewQuery) ([]UserLink, map[ID][]GroupRef, int, error) {
	return d.readUsers(ctx, call, ID{}, func(r Reader) ([]UserLink, int, error) {
		return r.UserLinks(ctx, call.Connection, q)
	})
}

func (d *Directory) readUsers(
	ctx context.Context, call Call, id ID, read func(Reader) ([]UserLink, int, error),
) (links []UserLink, groups map[ID][]GroupRef, total int, err error) {
	if err := d.allow(ctx, call, OpReadUsers, ID{}, id); err != nil {
		return nil, nil, 0, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if links, total, err = read(r); err != nil || len(links) == 0 {
			return err
		}
		ids := make([]ID, len(links))
		for i, l := range links {
			ids[i] = l.User
		}
		groups, err = r.GroupsOf(ctx, call.Connection, ids)
		return err
	})
	return links, groups, total, err
}

// CallingConnection returns the connection of the caller's credential.
func (d *Directory) CallingConnection(ctx context.Context, call Call) (c Connection, err error) {
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		c, err = r.Connection(ctx, call.Connection)
		return err
	})
	return c, err
}

// MembersOf streams the calling connection's members of one group of a page. It
// is valid during the visit that it was given to.
type MembersOf struct {
	reader Reader
	ctx    context.Context //nolint:containedctx // of the visit
	call   Call
}

// IDs streams the ids of the members of a group.
func (m MembersOf) IDs(group ID) iter.Seq2[ID, error] {
	return m.reader.MemberIDs(m.ctx, m.call.Connection, group)
}

// Named streams the members of a group with the names that the connection gave
// them, which costs a look at each user.
func (m MembersOf) Named(group ID) iter.Seq2[NamedMember, error] {
	return m.reader.NamedMembers(m.ctx, m.call.Connection, group)
}

// NamedMember is a member as the connection that granted it sees them.
type NamedMember struct {
	User ID
	Name string // as UserLink has it; may be empty
}

// VisitProvisionedGroup shows one group of the calling connection's view to
// visit, on one snapshot. Members cost nothing unless they are ranged over.
func (d *Directory) VisitProvisionedGroup(
	ctx context.Context, call Call, id ID, visit func(GroupLink, MembersOf) error,
) error {
	if err := d.allow(ctx, call, OpReadGroups, id, ID{}); err != nil {
		return err
	}
	return d.store.Read(ctx, call.Tenant, func(r Reader) error {
		l, err := r.GroupLink(ctx, call.Connection, id)
		if err != nil {
			return err
		}
		return visit(l, membersOf(ctx, r, call))
	})
}

// VisitProvisionedGroups shows one page of the calling connection's groups to
// visit, on one snapshot, with the number of all that the query selects.
func (d *Directory) VisitProvisionedGroups(
	ctx context.Context, call Call, q ViewQuery, visit func(page []GroupLink, total int, members MembersOf) error,
) error {
	if err := d.allow(ctx, call, OpReadGroups, ID{}, ID{}); err != nil {
		return err
	}
	return d.store.Read(ctx, call.Tenant, func(r Reader) error {
		page, total, err := r.GroupLinks(ctx, call.Connection, q)
		if err != nil {
			return err
		}
		return visit(page, total, membersOf(ctx, r, call))
	})
}

func membersOf(ctx context.Context, r Reader, call Call) MembersOf {
	return MembersOf{reader: r, ctx: ctx, call: call}
}
