package db

import (
	"cmp"
	"context"
	"iter"
	"math"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// exceptional says which open grants g make exceptions of a kind. They are few among
// many, so a list of a kind begins with what there is little of, d, and is in the
// order in which that leads to members: by group, or by user.
type exceptional struct {
	// from leads to the members who may have such grants; group and user are the keys
	// of a member.
	from        string
	group, user string
	byUser      bool
	// where is what makes a grant one, and with are the tables that it looks into.
	// listed is asked instead of the grants of such a member, where the first needs d.
	with, where, listed string
	// table has them, with these columns; empty: grants.
	table, columns string
}

const (
	// A list begins behind the group with the number $2 and the user $3, and has $4 members.
	behindUser  = `, case when x.no = $2 then {id $3} else {no id} end as behind`
	behindGroup = `, case when x.id = $3 then cast($2 as bigint) else 0 end as behind`

	grantsOfUser = ` {lookup grants g by grants_of_user on g.tenant_id = $1 and g.user_id = d.id
		and g.group_no > d.behind}`

	// A grant that its connection will not end: the connection is gone, or does not
	// provision the group any more.
	abandoned = `(c.id is null or c.removed_at is not null or not exists (select 1 from group_links k
		where k.tenant_id = $1 and k.connection_id = c.id and k.group_id = o.id limit 1 offset 0))`
	withConnection = ` {lookup groups o on o.tenant_id = $1 and o.no = g.group_no}
		{maybe connections c on c.tenant_id = $1 and c.no = g.connection_no}`
)

var exceptionsOf = map[membership.ExceptionKind]exceptional{
	membership.ExceptionLocalInEnterprise: {
		from: `(select x.no` + behindUser + ` from groups x {index groups_no}
				where x.tenant_id = $1 and x.kind = 'enterprise' and x.no >= $2) d
			{lookup grants g by grants_local on g.tenant_id = $1 and g.group_no = d.no and g.connection_no = 0
				and g.user_id > d.behind}`,
		group: `d.no`, user: `g.user_id`,
		where: `g.connection_no = 0 and {open g}`,
	},
	// Who was a member already when a grant was opened has two, or had.
	membership.ExceptionDoublyGranted: {
		from: `(select x.group_no, x.user_id from grants x {index grants_beside}
				where x.tenant_id = $1 and x.member_since is not null and (x.group_no, x.user_id) > ($2, $3)
					and {open x} and exists (select 1 from grants y
						where y.tenant_id = $1 and y.group_no = x.group_no and y.user_id = x.user_id
						and y.connection_no <> x.connection_no and {open y} limit 1 offset 0)) d`,
		group: `d.group_no`, user: `d.user_id`,
		where: `true`, listed: `{open g}`,
	},
	membership.ExceptionBreakGlass: {
		from: `(select x.group_no, x.user_id from break_glass x {index break_glass_pending}
				where x.tenant_id = $1 and x.signed_at is null and (x.group_no, x.user_id) > ($2, $3)) d`,
		group: `d.group_no`, user: `d.user_id`,
		where: `true`, listed: `g.signed_at is null`,
		table: `break_glass`, columns: `g.user_id, g.group_no, 0, g.grant_id, g.opened_at, g.opened_at,
			g.opened_event, g.expires_at`,
	},
	// Of a group that asks for ends.
	membership.ExceptionGrantTooLong: {
		from: `(select x.no, x.max_grant_seconds as seconds` + behindUser + ` from groups x {index groups_asking}
				where x.tenant_id = $1 and (x.grants_must_end or x.max_grant_seconds > 0) and x.no >= $2) d
			{lookup grants g by grants_local on g.tenant_id = $1 and g.group_no = d.no and g.connection_no = 0
				and g.user_id > d.behind}`,
		group: `d.no`, user: `g.user_id`,
		where:  `{open g} and (g.expires_at is null or d.seconds > 0 and g.expires_at > {later g.opened_at d.seconds})`,
		listed: `g.connection_no = 0 and {open g}`,
	},
	// So many members are of so many users at most.
	membership.ExceptionInactiveMember: {
		from: `(select x.id` + behindGroup + ` from users x {index users_inactive} where x.tenant_id = $1
				and not x.active and not x.deprovisioned and x.deleted_at is null and x.id >= $3
				and exists (select 1 from grants y {index grants_of_user} where y.tenant_id = $1 and y.user_id = x.id
					and y.group_no > case when x.id = $3 then cast($2 as bigint) else 0 end and {open y}
					limit 1 offset 0)
				order by x.id limit $4) d` + grantsOfUser,
		group: `g.group_no`, user: `d.id`, byUser: true,
		where: `{open g}`,
	},
	membership.ExceptionAfterDeprovisioning: {
		from: `(select x.id` + behindGroup + ` from users x {index users_deprovisioned}
					where x.tenant_id = $1 and x.deprovisioned and x.deleted_at is null and x.id >= $3
				union select x.user_id` + strings.ReplaceAll(behindGroup, `x.id`, `x.user_id`) + ` from ended_links x
					where x.tenant_id = $1 and x.group_no = 0 and x.user_id >= $3) d` + grantsOfUser + registerUser,
		group: `g.group_no`, user: `d.id`, byUser: true,
		with: withConnection,
		where: `{open g} and (u.id is null or u.deleted_at is not null or u.deprovisioned
			or g.connection_no <> 0 and not ` + abandoned + ` and not exists (select 1 from user_links l
				where l.tenant_id = $1 and l.connection_id = c.id and l.user_id = g.user_id limit 1 offset 0))`,
	},
	membership.ExceptionConnectionGone: {
		from: `(select x.no` + behindUser + ` from (
					select y.no from connections k {lookup group_links l on l.tenant_id = $1 and l.connection_id = k.id}
						{lookup groups y on y.tenant_id = $1 and y.id = l.group_id}
						where k.tenant_id = $1 and k.removed_at is not null and y.no >= $2
					union select y.group_no from ended_links y
						where y.tenant_id = $1 and y.group_no > 0 and y.group_no >= $2) x) d
			{lookup grants g on g.tenant_id = $1 and g.group_no = d.no and g.connection_no <> 0
				and g.user_id > d.behind}`,
		group: `d.no`, user: `g.user_id`,
		with:  withConnection,
		where: `g.connection_no <> 0 and ` + abandoned,
	},
}

// exceptionsQuery writes the query of the grants that make exceptions of one kind,
// behind a group and a user. A limit counts members; all such grants of each come.
func exceptionsQuery(
	s *session, kind membership.ExceptionKind, group int64, user membership.ID, limit int,
) (string, []any) {
	e := exceptionsOf[kind]
	if limit == 0 { // with any limit SQLite keeps the order, and does not sort again
		limit = math.MaxInt
	}
	order := func(group, user string) string {
		if e.byUser {
			return ` order by ` + user + `, ` + group
		}
		return ` order by ` + group + `, ` + user
	}
	listed := cmp.Or(e.listed, e.where)
	table, columns := cmp.Or(e.table, `grants`), cmp.Or(e.columns, grantColumns)
	return `select ` + columns + grantNoEnd + registerColumns + ` from (
			select distinct ` + e.group + ` as group_no, ` + e.user + ` as user_id from ` + e.from + e.with + `
			where ` + e.where + order(e.group, e.user) + ` limit $4
		) m {lookup ` + table + ` g on g.tenant_id = $1 and g.group_no = m.group_no and g.user_id = m.user_id}` +
			registerUser + e.with + ` where ` + listed + order(`m.group_no`, `m.user_id`),
		[]any{s.tenant, group, user, limit}
}

const qGroupNo = `select o.no from groups o where o.tenant_id = $1 and o.id = $2`

// ExceptionalGrants implements membership.Reader.
func (s *session) ExceptionalGrants(
	ctx context.Context, after membership.ExceptionCursor, limit int,
) iter.Seq2[membership.RegisterRow, error] {
	if after.Kind.OfNames() {
		return s.exceptionalNames(ctx, after, limit)
	}
	return func(yield func(membership.RegisterRow, error) bool) {
		var group int64
		if err := s.groupNo(ctx, after.Group, &group); err != nil {
			yield(membership.RegisterRow{}, err)
			return
		}
		query, args := exceptionsQuery(s, after.Kind, group, after.User, limit)
		for part, err := range s.register(ctx, membership.AsOf{}, query, args) {
			if !yieldAll(part, err, yield) {
				return
			}
		}
	}
}
