package db

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

const memberColumns = `select ` + grantColumns + `, ` + userColumns + `, coalesce(c.name, '')
	from grants g
	join users u on u.tenant_id = $1 and u.id = g.user_id
	left join connections c on c.tenant_id = $1 and c.id = g.connection_id
	where g.tenant_id = $1 and g.group_id = $2`

const (
	memberOrder = ` order by g.user_id, g.opened_at, g.id`
	qMember     = memberColumns + ` and g.user_id = $3 and g.closed_at is null` + memberOrder
)

// membersQuery writes the query of a MemberQuery. The conditions on a member
// (not on one grant) stand in the subquery that picks the users.
func membersQuery(s *session, group membership.ID, q membership.MemberQuery) (string, []any) {
	args := []any{s.tenant, group}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	open := func(alias string) string {
		if q.AsOf.IsZero() {
			return ` and ` + alias + `.closed_at is null`
		}
		t := arg(stamp(q.AsOf))
		return fmt.Sprintf(` and %[1]s.opened_at <= %[2]s and (%[1]s.closed_at is null or %[1]s.closed_at > %[2]s)`, alias, t)
	}
	var b strings.Builder
	b.WriteString(memberColumns + open("g"))
	if !q.After.IsZero() {
		b.WriteString(` and g.user_id > ` + arg(q.After))
	}
	if q.Active != nil {
		b.WriteString(` and u.active = ` + arg(*q.Active))
	}
	if q.Source != "" {
		is := ` <> `
		if q.Source == membership.SourceLocal {
			is = ` = `
		}
		b.WriteString(` and exists (select 1 from grants x where x.tenant_id = $1 and x.group_id = $2
			and x.user_id = g.user_id and x.connection_id` + is + arg(membership.ID{}) + open("x") + `)`)
	}
	if q.Limit > 0 {
		// The same conditions pick the users of the page.
		where := strings.TrimPrefix(b.String(), memberColumns)
		b.WriteString(` and g.user_id in (select distinct g.user_id from grants g
			join users u on u.tenant_id = $1 and u.id = g.user_id
			where g.tenant_id = $1 and g.group_id = $2` + where + ` order by g.user_id limit ` + arg(q.Limit) + `)`)
	}
	return b.String() + memberOrder, args
}

type memberRow struct {
	grant      membership.Grant
	user       membership.User
	connection string
}

func memberDest(r *memberRow) []any {
	return append(append(grantDest(&r.grant), userDest(&r.user)...), &r.connection)
}

// Members implements membership.Reader.
func (s *session) Members(ctx context.Context, group membership.ID, q membership.MemberQuery) iter.Seq2[membership.Member, error] {
	query, args := membersQuery(s, group, q)
	return s.members(ctx, query, args)
}

// members folds the rows of grants to members.
func (s *session) members(ctx context.Context, query string, args []any) iter.Seq2[membership.Member, error] {
	return func(yield func(membership.Member, error) bool) {
		var m membership.Member
		for r, err := range stream(ctx, s, query, args, memberDest) {
			if err != nil {
				yield(membership.Member{}, err)
				return
			}
			if len(m.Sources) > 0 && m.User.ID != r.user.ID {
				if !yield(m, nil) {
					return
				}
				m = membership.Member{}
			}
			if len(m.Sources) == 0 {
				m.User, m.JoinedAt = r.user, r.grant.MemberSince
				m.User.Tenant = s.tenant
			}
			if r.grant.MemberSince.Before(m.JoinedAt) {
				m.JoinedAt = r.grant.MemberSince
			}
			m.Sources = append(m.Sources, membership.MemberSource{Grant: r.grant, ConnectionName: r.connection})
		}
		if len(m.Sources) > 0 {
			yield(m, nil)
		}
	}
}

// Member implements membership.Reader.
func (s *session) Member(ctx context.Context, group, user membership.ID) (membership.Member, error) {
	for m, err := range s.members(ctx, qMember, []any{s.tenant, group, user}) {
		return m, err
	}
	return membership.Member{}, membership.NotFound("member")
}
