package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// What else there is besides the connection's own. They are counted, and by a
// column of the table: what is asked whether it exists becomes a join, or is
// looked for in an index that has all columns but not the order, and without
// statistics both engines take the wrong one.
const (
	otherLinks = `(select count(o.version) from user_links o
		where o.tenant_id = $1 and o.user_id = l.user_id and o.connection_id <> $2)`
	activeLinks = `(select count(o.version) from user_links o
		where o.tenant_id = $1 and o.user_id = l.user_id and o.connection_id <> $2 and o.active)`
	otherGroupLinks = `(select count(p.version) from group_links p
		where p.tenant_id = $1 and p.group_id = l.group_id and p.connection_id <> $2)`
)

const (
	qUsersEnded = `select count(*), coalesce(sum(case when x.links = 0 then 1 else 0 end), 0),
			coalesce(sum(case when x.active and x.links > 0 and x.alive = 0 then 1 else 0 end), 0)
		from (select u.active, ` + otherLinks + ` as links, ` + activeLinks + ` as alive
			from user_links l join users u on u.tenant_id = $1 and u.id = l.user_id
			where l.tenant_id = $1 and l.connection_id = $2) x`
	connectionNo = `(select c.no from connections c where c.tenant_id = $1 and c.id = $2)`
	// One pass over the tenant's open grants each. A local grant lasts that does not end
	// before one which is opened at $3.
	qGrantsEnded = `select coalesce(sum(x.own), 0), coalesce(sum(case when x.others = 0 then x.own else 0 end), 0),
			coalesce(sum(case when x.lasting = 0 then x.own else 0 end), 0),
			coalesce(sum(case when x.lasting = 0 and x.longest > 0 then x.own else 0 end), 0)
		from (select count(case when g.connection_no = ` + connectionNo + ` then 1 end) as own,
				count(case when g.connection_no <> ` + connectionNo + ` then 1 end) as others,
				count(case when g.connection_no = 0 and (g.expires_at is null
					or o.longest > 0 and {later g.expires_at -o.longest} >= $3) then 1 end) as lasting,
				max(o.longest) as longest
			from grants g left join (select y.no, y.max_grant_seconds as longest from groups y
				where y.tenant_id = $1 and y.max_grant_seconds > 0) o on o.no = g.group_no
			where g.tenant_id = $1 and {open g} group by g.group_no, g.user_id) x`
	qUsersWithoutGroups = `select count(*) from (
		select user_id from grants g where tenant_id = $1 and {open g} group by user_id
		having count(case when connection_no = ` + connectionNo + ` then 1 end) > 0
			and count(case when connection_no <> ` + connectionNo + ` then 1 end) = 0) x`
	openIn = `(select x.id as group_id, o.open, o.others from (
			select group_no, count(*) as open, count(case when connection_no <> ` + connectionNo +
		` then 1 end) as others
			from grants g where tenant_id = $1 and {open g} group by group_no) o
		join groups x on x.tenant_id = $1 and x.no = o.group_no)`
	groupsEnded = ` from group_links l join groups g on g.tenant_id = $1 and g.id = l.group_id
		left join ` + openIn + ` o on o.group_id = l.group_id
		where l.tenant_id = $1 and l.connection_id = $2`
	qGroupsReleased = `select count(*), coalesce(sum(case when g.origin = 'scim' and coalesce(o.others, 0) = 0
			and ` + otherGroupLinks + ` = 0 then 1 else 0 end), 0)` + groupsEnded
	qGroupsConverted = `select count(*), coalesce(sum(case when g.origin = 'scim' and coalesce(o.open, 0) = 0
			and ` + otherGroupLinks + ` = 0 then 1 else 0 end), 0)` + groupsEnded
)

// RemovalCounts implements membership.Reader.
func (s *session) RemovalCounts(
	ctx context.Context, connection membership.ID, how membership.Removal, at time.Time,
) (n membership.RemovalCounts, err error) {
	qGroups := qGroupsReleased
	if how == membership.RemovalConvert {
		qGroups = qGroupsConverted
	}
	var unlinked, deactivated, ended, opened, ending, ungrouped, deleted int
	of := []any{s.tenant, connection}
	for _, q := range []struct {
		text string
		args []any
		to   []any
	}{
		{qUsersEnded, of, []any{&n.Users, &unlinked, &deactivated}},
		{qGrantsEnded, append(of, micros(at)), []any{&n.Grants, &ended, &opened, &ending}},
		{qUsersWithoutGroups, of, []any{&ungrouped}},
		{qGroups, of, []any{&n.Groups, &deleted}},
	} {
		if err := s.one(ctx, "connection", q.text, q.args, q.to...); err != nil {
			return n, err
		}
	}
	switch how {
	case membership.RemovalFreeze:
		return n, nil
	case membership.RemovalConvert:
		n.LocalGrantsOpened, n.LocalGrantsEnding = opened, ending
	default:
		n.MembershipsEnded, n.UsersLeftWithoutGroups = ended, ungrouped
	}
	n.UsersWithoutProvider, n.UsersDeactivated, n.GroupsDeleted = unlinked, deactivated, deleted
	return n, nil
}
