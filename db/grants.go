package db

import (
	"context"
	"iter"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	inGroup = ` where g.tenant_id = $1 and g.group_no = ` + noOfGroup +
		`$2) and g.user_id > $4 and g.user_id <= $5`
	ofConnection  = inGroup + ` and g.connection_no = ` + noOfConnection + `$3) order by g.user_id`
	qMemberIDs    = `select g.user_id from grants g` + ofConnection
	qNamedMembers = `select g.user_id, coalesce(l.name, '') from grants g
		{maybe user_links l on l.tenant_id = $1 and l.connection_id = $3 and l.user_id = g.user_id}` + ofConnection
	// Also those whose grant has ended: who closes them is told so.
	qLocalMemberIDs = `select g.user_id from grants g {index grants_local}` + inGroup + `
		and g.connection_no = 0 and {id $3} = {no id} order by g.user_id`
)

// MemberIDs implements membership.Reader.
func (s *session) MemberIDs(ctx context.Context, connection, group membership.ID) iter.Seq2[membership.ID, error] {
	return func(yield func(membership.ID, error) bool) {
		q := qMemberIDs
		if connection.IsZero() {
			q = qLocalMemberIDs
		}
		rs, err := s.query(ctx, q, s.tenant, group, connection, membership.ID{}, lastID)
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

// NamedMembers implements membership.Reader.
func (s *session) NamedMembers(
	ctx context.Context, connection, group membership.ID,
) iter.Seq2[membership.NamedMember, error] {
	return stream(ctx, s, qNamedMembers, []any{s.tenant, group, connection, membership.ID{}, lastID},
		func(m *membership.NamedMember) []any { return []any{&m.User, &m.Name} })
}

const (
	openGrants = `select ` + grantColumns + `, o.id from grants g {index grants_of_user}
		{lookup groups o on o.tenant_id = $1 and o.no = g.group_no} where g.tenant_id = $1 and g.user_id = $2
		and {open g}`
	openGrantsOrder     = ` order by o.id, g.connection_no`
	qOpenGrantsOfUser   = openGrants + openGrantsOrder
	qOpenGrantsOfMember = openGrants + ` and g.group_no = ` + noOfGroup + `$3)` + openGrantsOrder
)

// OpenGrants implements membership.Reader.
func (s *session) OpenGrants(ctx context.Context, group, user membership.ID) ([]membership.Grant, error) {
	q, args := qOpenGrantsOfUser, []any{s.tenant, user}
	if !group.IsZero() {
		q, args = qOpenGrantsOfMember, append(args, group)
	}
	type row struct {
		grantRow
		of membership.ID
	}
	rows, err := list(ctx, s, q, args, func(r *row) []any { return append(grantDest(&r.grantRow), &r.of) })
	if err != nil {
		return nil, err
	}
	facts, err := s.factsOf(ctx, pointers(rows, func(r *row) *grantRow { return &r.grantRow }))
	grants := make([]membership.Grant, len(rows))
	for i := range rows {
		grants[i] = facts.source(&rows[i].grantRow, rows[i].of).Grant
	}
	return grants, err
}

const qOpenGrantsIn = `select count(*) from grants g
	where g.tenant_id = $1 and g.group_no = ` + noOfGroup + `$2) and g.user_id > $3 and g.user_id <= $4 and {open g}`

// OpenGrantsIn implements membership.Reader.
func (s *session) OpenGrantsIn(ctx context.Context, group membership.ID) (n int, err error) {
	err = s.one(ctx, "group", qOpenGrantsIn, []any{s.tenant, group, membership.ID{}, lastID}, &n)
	return n, err
}

const (
	qUnknownLinks = `select i.id from {ids $3} i where not exists (
		select 1 from user_links l where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = i.id)`
	qUnknownUsers = `select i.id from {ids $2} i where not exists (
		select 1 from users u where u.tenant_id = $1 and u.id = i.id and (u.deleted_at is null) is true)`
)

// UnknownMembers implements membership.Reader.
func (s *session) UnknownMembers(
	ctx context.Context, connection membership.ID, users []membership.ID,
) ([]membership.ID, error) {
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
