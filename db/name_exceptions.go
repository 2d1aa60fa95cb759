package db

import (
	"context"
	"iter"

	"github.com/scimbridge/scimbridge/membership"
)

// The exceptions of names are of users or of groups, and their sources are the
// connections that provision them; none is the native side.
const (
	exceptionalUsers = `select u.id, u.user_name, u.email, u.name, u.active, l.connection_id, coalesce(c.name, ''),
			coalesce(l.created_at, u.created_at)
		from (`
	// They are few: who they are comes first, and the users by that.
	orderOfUsers = `) d {lookup users u on u.tenant_id = $1 and u.id = d.id}
		left join user_links l on l.tenant_id = $1 and l.user_id = u.id
		left join connections c on c.tenant_id = $1 and c.id = l.connection_id
		where u.deleted_at is null and u.id > $2
		order by u.id, coalesce(l.created_at, u.created_at), l.connection_id`
	qUsersOfOneName = exceptionalUsers + `
			select s.id from users s {index users_name_shared}
				where s.tenant_id = $1 and s.name_rank > 0 and s.deleted_at is null
				and exists (select 1 from users o where o.tenant_id = $1 and o.user_name_key = s.user_name_key
					and o.deleted_at is null and o.id <> s.id)
			union select o.id from users s {index users_name_shared} cross join users o
				where s.tenant_id = $1 and s.name_rank > 0 and s.deleted_at is null
				and o.tenant_id = $1 and o.user_name_key = s.user_name_key and o.deleted_at is null and o.id <> s.id
			union select s.user_id from user_links s {index user_links_name_shared}
				where s.tenant_id = $1 and s.name_rank > 0
				and exists (select 1 from user_links o where o.tenant_id = $1 and o.user_name_key = s.user_name_key
					and o.connection_id = s.connection_id and o.user_id <> s.user_id)
			union select o.user_id from user_links s {index user_links_name_shared} cross join user_links o
				where s.tenant_id = $1 and s.name_rank > 0
				and o.tenant_id = $1 and o.user_name_key = s.user_name_key and o.connection_id = s.connection_id
				and o.user_id <> s.user_id` + orderOfUsers
	qUsersOfPartedNames = exceptionalUsers + `
			select s.user_id as id from user_links s cross join users o where s.tenant_id = $1 and s.name_parted = 1
				and o.tenant_id = $1 and o.id = s.user_id and o.user_name_key <> s.user_name_key
			union select s.user_id from user_links s cross join user_links o
				where s.tenant_id = $1 and s.name_parted = 1
				and o.tenant_id = $1 and o.user_id = s.user_id and o.user_name_key <> s.user_name_key` + orderOfUsers
	qGroupsOfOneName = `select g.id, l.display_name, g.kind, l.connection_id, c.name, l.created_at
		from group_links l
		join groups g on g.tenant_id = $1 and g.id = l.group_id
		join connections c on c.tenant_id = $1 and c.id = l.connection_id
		where l.tenant_id = $1 and l.group_id > $2 and l.group_id in (
			select s.group_id from group_links s {index group_links_name_shared}
				where s.tenant_id = $1 and s.name_rank > 0
				and exists (select 1 from group_links o
					where o.tenant_id = $1 and o.display_name_key = s.display_name_key
					and o.connection_id = s.connection_id and o.group_id <> s.group_id)
			union select o.group_id from group_links s {index group_links_name_shared} cross join group_links o
				where s.tenant_id = $1 and s.name_rank > 0
				and o.tenant_id = $1 and o.display_name_key = s.display_name_key and o.connection_id = s.connection_id
				and o.group_id <> s.group_id)
		order by l.group_id, l.created_at, l.connection_id`
)

// exceptionalNames are the rows of an exception of names, and so its sources; a
// limit is one of users or groups.
func (s *session) exceptionalNames(
	ctx context.Context, after membership.ExceptionCursor, limit int,
) iter.Seq2[membership.RegisterRow, error] {
	query, place, dest := qGroupsOfOneName, after.Group, func(r *membership.RegisterRow) []any {
		return []any{
			&r.Group.ID, &r.Group.DisplayName, (*string)(&r.Group.Kind), &r.Grant.Connection, &r.ConnectionName,
			(*stamp)(&r.Grant.OpenedAt),
		}
	}
	if after.Kind != membership.ExceptionSharedGroupName {
		query, place, dest = qUsersOfOneName, after.User, func(r *membership.RegisterRow) []any {
			return []any{
				&r.User.ID, &r.User.UserName, &r.User.Email, &r.User.Name, &r.User.Active,
				&r.Grant.Connection, &r.ConnectionName, (*stamp)(&r.Grant.OpenedAt),
			}
		}
	}
	if after.Kind == membership.ExceptionPartedUserName {
		query = qUsersOfPartedNames
	}
	return func(yield func(membership.RegisterRow, error) bool) {
		n, last := 0, membership.ExceptionCursor{}
		for r, err := range stream(ctx, s, query, []any{s.tenant, place}, dest) {
			r.Group.Tenant, r.User.Tenant = s.tenant, s.tenant
			r.Grant.OpenedBy = membership.Actor{Kind: membership.ActorSystem}
			if c := r.Grant.Connection; !c.IsZero() {
				r.Grant.OpenedBy = membership.Actor{Kind: membership.ActorConnection, ID: c.String()}
			}
			at := membership.ExceptionCursor{Group: r.Group.ID, User: r.User.ID}
			if at != last {
				n, last = n+1, at
			}
			if limit > 0 && n > limit || !yield(r, err) {
				return
			}
		}
	}
}
