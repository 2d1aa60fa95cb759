package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// The groups come by their numbers, which the index of a user's grants has in order:
// first those of the page, then all grants of the user in them.
const (
	qMemberships = `select ` + grantColumns + `, ` + memberGroup + ` from (
			select distinct m.group_no from grants m {index grants_of_user}
			where m.tenant_id = $1 and m.user_id = $2 and m.group_no > coalesce(` + noOfGroup + `$3), 0) and {open m}
			order by m.group_no limit $4) p
		{lookup grants g by grants_of_user on g.tenant_id = $1 and g.user_id = $2 and g.group_no = p.group_no}
		{lookup groups o on o.tenant_id = $1 and o.no = g.group_no} where {open g} order by 2`
	memberGroup = `o.id, o.display_name, o.kind, o.origin, o.permissions, o.created_at, o.updated_at,
		o.max_grant_seconds, o.grants_must_end`
)

// Memberships implements membership.Reader.
func (s *session) Memberships(
	ctx context.Context, user membership.ID, q membership.MembershipQuery,
) (ms []membership.Membership, err error) {
	type row struct {
		grantRow
		of membership.Group
	}
	rows, err := list(ctx, s, qMemberships, []any{s.tenant, user, q.After, q.Limit}, func(r *row) []any {
		r.of.Tenant = s.tenant
		return append(grantDest(&r.grantRow), groupDest(&r.of)...)
	})
	if err != nil {
		return nil, err
	}
	facts, err := s.factsOf(ctx, pointers(rows, func(r *row) *grantRow { return &r.grantRow }))
	if err != nil {
		return nil, err
	}
	for i := range rows {
		r := &rows[i]
		if len(ms) == 0 || ms[len(ms)-1].Group.ID != r.of.ID {
			ms = append(ms, membership.Membership{Group: r.of, JoinedAt: r.memberSince})
		}
		m := &ms[len(ms)-1]
		if r.memberSince.Before(m.JoinedAt) {
			m.JoinedAt = r.memberSince
		}
		m.Sources = append(m.Sources, facts.source(&r.grantRow, r.of.ID))
	}
	for i := range ms {
		oldestFirst(ms[i].Sources)
	}
	return ms, nil
}
