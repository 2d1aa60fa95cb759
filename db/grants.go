package db

import (
	"context"
	"iter"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// The table itself is in the same order, with all that were ever closed.
const qMemberIDs = `select user_id from grants {index grants_open}
	where tenant_id = $1 and group_id = $2 and connection_id = $3 and closed_at is null order by user_id`

// MemberIDs implements membership.Reader. The index of open grants answers it
// alone.
func (s *session) MemberIDs(ctx context.Context, connection, group membership.ID) iter.Seq2[membership.ID, error] {
	return func(yield func(membership.ID, error) bool) {
		rs, err := s.query(ctx, qMemberIDs, s.tenant, group, connection)
		if err != nil {
			yield(membership.ID{}, err)
			return
		}
		defer rs.Close()
		var id membership.ID
		for rs.Next() {
			if err := rs.ScanID(&id); err != nil || !yield(id, nil) {
				if err != nil {
					yield(membership.ID{}, err)
				}
				return
			}
		}
		if err := rs.Err(); err != nil {
			yield(membership.ID{}, err)
		}
	}
}

const qNamedMembers = `select g.user_id, coalesce(l.name, '') from grants g {index grants_open}
	left join user_links l on l.tenant_id = $1 and l.connection_id = $3 and l.user_id = g.user_id
	where g.tenant_id = $1 and g.group_id = $2 and g.connection_id = $3 and g.closed_at is null order by g.user_id`

// NamedMembers implements membership.Reader.
func (s *session) NamedMembers(
	ctx context.Context, connection, group membership.ID,
) iter.Seq2[membership.NamedMember, error] {
	return stream(ctx, s, qNamedMembers, []any{s.tenant, group, connection},
		func(m *membership.NamedMember) []any { return []any{&m.User, &m.Name} })
}

const (
	grantColumns = `g.id, g.group_id, g.user_id, g.connection_id, g.member_since,
		g.opened_at, g.opened_by_kind, g.opened_by_id, g.opened_request, g.opened_reason`
	qOpenGrantsOfUser = `select ` + grantColumns + ` from grants g
		where g.tenant_id = $1 and g.user_id = $2 and g.closed_at is null order by g.group_id, g.connection_id`
	qOpenGrantsOfMember = `select ` + grantColumns + ` from grants g
		where g.tenant_id = $1 and g.user_id = $2 and g.group_id = $3 and g.closed_at is null order by g.connection_id`
)

func grantDest(g *membership.Grant) []any {
	return []any{
		&g.ID, &g.Group, &g.User, &g.Connection, (*stamp)(&g.MemberSince),
		(*stamp)(&g.OpenedAt), (*string)(&g.OpenedBy.Kind), &g.OpenedBy.ID, &g.OpenedRequest, &g.OpenedReason,
	}
}

// OpenGrants implements membership.Reader.
func (s *session) OpenGrants(ctx context.Context, group, user membership.ID) ([]membership.Grant, error) {
	if group.IsZero() {
		return list(ctx, s, qOpenGrantsOfUser, []any{s.tenant, user}, grantDest)
	}
	return list(ctx, s, qOpenGrantsOfMember, []any{s.tenant, user, group}, grantDest)
}

const qOpenGrantsIn = `select count(*) from grants where tenant_id = $1 and group_id = $2 and closed_at is null`

// OpenGrantsIn implements membership.Reader.
func (s *session) OpenGrantsIn(ctx context.Context, group membership.ID) (n int, err error) {
	err = s.one(ctx, "group", qOpenGrantsIn, []any{s.tenant, group}, &n)
	return n, err
}

const (
	qUnknownLinks = `select i.id from {ids $3} i where not exists (
		select 1 from user_links l where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = i.id)`
	qUnknownUsers = `select i.id from {ids $2} i where not exists (
		select 1 from users u where u.tenant_id = $1 and u.id = i.id and (u.deleted_at is null) is true)`
)

// UnknownMembers implements membership.Reader.
func (s *session) UnknownMembers(ctx context.Context, connection membership.ID, users []membership.ID) ([]membership.ID, error) {
	if len(users) == 0 {
		return nil, nil
	}
	if connection.IsZero() {
		return s.ids(ctx, qUnknownUsers, s.tenant, users)
	}
	return s.ids(ctx, qUnknownLinks, s.tenant, connection, users)
}

// MemberDifference implements membership.Tx. The members are read in their order
// and held against the wanted ones in theirs: no list goes to the database.
func (s *session) MemberDifference(
	ctx context.Context, group, connection membership.ID, want []membership.ID,
) (open, closed []membership.ID, err error) {
	want = slices.Clone(want)
	slices.SortFunc(want, membership.ID.Compare)
	want = slices.Compact(want)
	for id, err := range s.MemberIDs(ctx, connection, group) {
		if err != nil {
			return nil, nil, err
		}
		for len(want) > 0 && want[0].Compare(id) < 0 {
			open, want = append(open, want[0]), want[1:]
		}
		if len(want) > 0 && want[0] == id {
			want = want[1:]
		} else {
			closed = append(closed, id)
		}
	}
	return append(open, want...), closed, nil
}
