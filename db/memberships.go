package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

const qMemberships = `select ` + grantColumns + `, o.id, o.display_name, o.kind, o.origin, o.permissions, o.created_at, o.updated_at,
		coalesce(c.name, '')
	from grants g
	join groups o on o.tenant_id = $1 and o.id = g.group_id
	left join connections c on c.tenant_id = $1 and c.id = g.connection_id
	where g.tenant_id = $1 and g.user_id = $2 and g.closed_at is null and g.group_id in (
		select distinct x.group_id from grants x {index grants_of_user}
		where x.tenant_id = $1 and x.user_id = $2 and x.closed_at is null and x.group_id > $3
		order by x.group_id limit $4)
	order by g.group_id, g.opened_at, g.id`

// Memberships implements membership.Reader.
func (s *session) Memberships(
	ctx context.Context, user membership.ID, q membership.MembershipQuery,
) (ms []membership.Membership, err error) {
	type row struct {
		grant      membership.Grant
		group      membership.Group
		connection string
	}
	rows, err := list(ctx, s, qMemberships, []any{s.tenant, user, q.After, q.Limit}, func(r *row) []any {
		r.group.Tenant = s.tenant
		return append(append(grantDest(&r.grant), groupDest(&r.group)...), &r.connection)
	})
	for _, r := range rows {
		if len(ms) == 0 || ms[len(ms)-1].Group.ID != r.group.ID {
			ms = append(ms, membership.Membership{Group: r.group, JoinedAt: r.grant.MemberSince})
		}
		m := &ms[len(ms)-1]
		if r.grant.MemberSince.Before(m.JoinedAt) {
			m.JoinedAt = r.grant.MemberSince
		}
		m.Sources = append(m.Sources, membership.MemberSource{Grant: r.grant, ConnectionName: r.connection})
	}
	return ms, err
}
