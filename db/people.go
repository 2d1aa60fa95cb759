package db

import (
	"cmp"
	"context"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// These compare with a list instead of joining it: without statistics PostgreSQL
// would read all rows of the tenant for each id of the list, and so reads them
// once at worst.
const (
	qUsersByID = `select ` + userColumns + ` from users u
		where u.tenant_id = $1 and u.id {in $2} and (u.deleted_at is null) is true order by u.id`
	qUsersByNames = `select ` + userColumns + ` from users u {index users_user_name}
		where u.tenant_id = $1 and u.user_name_key {in keys $2} and u.deleted_at is null order by u.id`
	qUsersByEmails = `select ` + userColumns + ` from users u {index users_email}
		where u.tenant_id = $1 and u.email_key {in keys $2} and u.deleted_at is null order by u.id`
)

func (s *session) users(ctx context.Context, q string, args ...any) ([]membership.User, error) {
	return list(ctx, s, q, args, s.userDest)
}

// UsersByID implements membership.Reader.
func (s *session) UsersByID(ctx context.Context, ids []membership.ID) ([]membership.User, error) {
	return s.users(ctx, qUsersByID, s.tenant, ids)
}

// UsersByName implements membership.Reader.
func (s *session) UsersByName(ctx context.Context, keys []string) ([]membership.User, error) {
	return s.users(ctx, qUsersByNames, s.tenant, keys)
}

// UsersByEmail implements membership.Reader.
func (s *session) UsersByEmail(ctx context.Context, keys []string) ([]membership.User, error) {
	return s.users(ctx, qUsersByEmails, s.tenant, keys)
}

const (
	qMembershipsOf = `select distinct g.user_id, g.group_no from grants g {index grants_of_user}
		where g.tenant_id = $1 and g.user_id {in $2} and {open g}`
	qPermissionsOf = `select o.no, o.id, o.permissions from groups o {index groups_no}
		where o.tenant_id = $1 and o.no {in numbers $2} and (o.deleted_at is null) is true`
)

// MembershipsOf implements membership.Reader.
func (s *session) MembershipsOf(ctx context.Context, users []membership.ID) ([]membership.MembershipOf, error) {
	type row struct {
		user  membership.ID
		group int64
	}
	of, err := list(ctx, s, qMembershipsOf, []any{s.tenant, users}, func(r *row) []any {
		return []any{&r.user, &r.group}
	})
	if err != nil || len(of) == 0 {
		return nil, err
	}
	type giving struct {
		no          int64
		id          membership.ID
		permissions []string
	}
	groups := map[int64]giving{}
	for _, r := range of {
		note(groups, r.group)
	}
	living, err := list(ctx, s, qPermissionsOf, []any{s.tenant, numbers(groups)}, func(g *giving) []any {
		return []any{&g.no, &g.id, jsonInto[string]{&g.permissions}}
	})
	if err != nil {
		return nil, err
	}
	for _, g := range living {
		groups[g.no] = g
	}
	out := make([]membership.MembershipOf, 0, len(of))
	for _, r := range of {
		if g := groups[r.group]; !g.id.IsZero() {
			out = append(out, membership.MembershipOf{User: r.user, Group: g.id, Permissions: g.permissions})
		}
	}
	slices.SortFunc(out, func(a, b membership.MembershipOf) int {
		return cmp.Or(a.User.Compare(b.User), a.Group.Compare(b.Group))
	})
	return out, nil
}

const qGroupDeleted = `select count(*) from groups where tenant_id = $1 and id = $2 and deleted_at is not null`

// GroupDeleted implements membership.Reader.
func (s *session) GroupDeleted(ctx context.Context, id membership.ID) (bool, error) {
	var n int
	err := s.one(ctx, "group", qGroupDeleted, []any{s.tenant, id}, &n)
	return n > 0, err
}

const qNamesOf = `select l.user_id,
		coalesce(l.attributes{::json} -> 'name' ->> 'givenName', ''),
		coalesce(l.attributes{::json} -> 'name' ->> 'familyName', '')
	from user_links l where l.tenant_id = $1 and l.user_id {in $2}
	order by l.user_id, l.active desc, l.connection_id`

// NamesOf implements membership.Reader.
func (s *session) NamesOf(ctx context.Context, users []membership.ID) (map[membership.ID]membership.PersonName, error) {
	type row struct {
		user membership.ID
		name membership.PersonName
	}
	rs, err := list(ctx, s, qNamesOf, []any{s.tenant, users}, func(r *row) []any {
		return []any{&r.user, &r.name.Given, &r.name.Family}
	})
	out := make(map[membership.ID]membership.PersonName)
	for _, r := range slices.Backward(rs) { // so that the first of a user is what stays
		if r.name != (membership.PersonName{}) {
			out[r.user] = r.name
		}
	}
	return out, err
}
