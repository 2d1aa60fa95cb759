package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// One pass over the open grants of the group, $3, and one over the users of the
// connection, $2; $4 is local.
const qLinkCounts = `select count(*), coalesce(sum(x.local), 0), coalesce(sum(x.others), 0), coalesce(sum(x.seen), 0),
		(select count(*) from user_links l where l.tenant_id = $1 and l.connection_id = $2),
		coalesce(sum(x.own), 0), coalesce(sum(case when x.local + x.others = 0 then x.own else 0 end), 0),
		coalesce(sum(case when x.local = 0 then x.own else 0 end), 0)
	from (select max(case when g.connection_id = $4 then 1 else 0 end) as local,
			max(case when g.connection_id = $2 then 1 else 0 end) as own,
			max(case when g.connection_id <> $2 and g.connection_id <> $4 then 1 else 0 end) as others,
			(select count(l.version) from user_links l
				where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = g.user_id) as seen
		from grants g {index grants_open} where g.tenant_id = $1 and g.group_id = $3 and g.closed_at is null group by g.user_id) x`

// LinkCounts implements membership.Reader.
func (s *session) LinkCounts(ctx context.Context, connection, group membership.ID) (n membership.LinkCounts, err error) {
	err = s.one(ctx, "group", qLinkCounts, []any{s.tenant, connection, group, membership.ID{}},
		&n.Members, &n.Local, &n.OtherConnections, &n.Seen, &n.Users, &n.Own, &n.OwnAlone, &n.OwnNotLocal)
	return n, err
}
