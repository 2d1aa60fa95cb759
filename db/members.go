package db

import (
	"context"
	"iter"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	memberColumns = `select ` + grantColumns + `, ` + memberUserColumns + `, coalesce(c.name, '')
	from grants g `
	memberJoins = `
	join users u on u.tenant_id = $1 and u.id = g.user_id
	left join connections c on c.tenant_id = $1 and c.id = g.connection_id
	where g.tenant_id = $1 and g.group_id = $2`
	memberOrder = ` order by g.user_id, g.opened_at, g.id`

	// Of a group that has seen many come and go only those who are in are read.
	openGrants  = `{index grants_open}`
	openMembers = memberColumns + openGrants + memberJoins
	qMember     = openMembers + ` and g.user_id = $3 and g.closed_at is null` + memberOrder
)

// membersQuery writes the query of a MemberQuery. The conditions on a member
// (not on one grant) stand in the subquery that picks the users.
func membersQuery(s *session, group membership.ID, q membership.MemberQuery) (string, []any) {
	c := newWhere(s.tenant, group)
	open := func(alias string) {
		if q.AsOf.Time.IsZero() {
			c.WriteString(` and ` + alias + `.closed_at is null`)
			return
		}
		c.WriteString(` and ` + openAsOf(alias, q.AsOf, c.arg(stamp(q.AsOf.Time)), c.arg))
	}
	open("g")
	among := openGrants
	if !q.AsOf.Time.IsZero() {
		among = ``
	}
	if !q.After.IsZero() || q.Limit > 0 { // a page with two ends is planned as a small part
		c.and(`g.user_id >`, q.After)
	}
	if q.Active != nil {
		c.and(`u.active =`, *q.Active)
	}
	if q.Email != "" {
		// Members live; those of another time need not, and have no index.
		living := `{index users_email} where x.deleted_at is null and`
		if !q.AsOf.Time.IsZero() {
			living = `where`
		}
		c.WriteString(` and g.user_id in (select x.id from users x ` + living + ` x.tenant_id = $1`)
		c.and(`x.email_key =`, membership.Fold(q.Email))
		c.WriteString(`)`)
	}
	if q.Source != "" {
		is := `x.connection_id <>`
		if q.Source == membership.SourceLocal {
			is = `x.connection_id =`
		}
		c.WriteString(` and exists (select 1 from grants x where x.tenant_id = $1 and x.group_id = $2
			and x.user_id = g.user_id`)
		c.and(is, membership.ID{})
		open("x")
		c.WriteString(`)`)
	}
	if q.Limit > 0 {
		// The same conditions find the last user of the page. Of the open grants an
		// index has the users in their order, and no more of it is read.
		where := c.String()
		joined := ``
		if q.Active != nil {
			joined = ` join users u on u.tenant_id = $1 and u.id = g.user_id`
		}
		c.WriteString(` and g.user_id <= (select p.user_id from (select distinct g.user_id from grants g ` + among + joined + `
			where g.tenant_id = $1 and g.group_id = $2` + where + ` order by g.user_id limit ` + c.arg(q.Limit) + `) p
			order by p.user_id desc limit 1)`)
	}
	return memberColumns + among + memberJoins + c.String() + memberOrder, c.args
}

type memberRow struct {
	grant      membership.Grant
	user       membership.User
	connection string
}

func memberDest(r *memberRow) []any {
	return append(append(grantDest(&r.grant), memberUserDest(&r.user)...), &r.connection)
}

// Members implements membership.Reader.
func (s *session) Members(ctx context.Context, group membership.ID, q membership.MemberQuery) iter.Seq2[membership.Member, error] {
	query, args := membersQuery(s, group, q)
	return s.members(ctx, query, args)
}

func (s *session) members(ctx context.Context, query string, args []any) iter.Seq2[membership.Member, error] {
	return s.fold(stream(ctx, s, query, args, memberDest))
}

// fold makes members of the rows of their grants.
func (s *session) fold(rows iter.Seq2[memberRow, error]) iter.Seq2[membership.Member, error] {
	return func(yield func(membership.Member, error) bool) {
		var m membership.Member
		for r, err := range rows {
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
