package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// One pass over the open grants of the group, $3, and one over the users of the
// connection, $2. A local grant lasts that ends at $4 at the earliest, if at all.
const qLinkCounts = `select count(*), coalesce(sum(x.local), 0), coalesce(sum(x.others), 0), coalesce(sum(x.seen), 0),
		(select count(*) from user_links l where l.tenant_id = $1 and l.connection_id = $2),
		coalesce(sum(x.own), 0), coalesce(sum(case when x.local + x.others = 0 then x.own else 0 end), 0),
		coalesce(sum(case when x.lasting = 0 then x.own else 0 end), 0)
	from (select max(case when g.connection_no = 0 then 1 else 0 end) as local,
			max(case when g.connection_no = 0 and (g.expires_at is null or g.expires_at >= $4)
				then 1 else 0 end) as lasting,
			max(case when g.connection_no = c.no then 1 else 0 end) as own,
			max(case when g.connection_no <> c.no and g.connection_no <> 0 then 1 else 0 end) as others,
			(select count(l.version) from user_links l
				where l.tenant_id = $1 and l.connection_id = $2 and l.user_id = g.user_id) as seen
		from connections c {lookup grants g on g.tenant_id = $1 and g.group_no = ` + noOfGroup + `$3)}
		where c.tenant_id = $1 and c.id = $2 and {open g} group by g.user_id) x`

// LinkCounts implements membership.Reader.
func (s *session) LinkCounts(
	ctx context.Context, connection, group membership.ID, ends time.Time,
) (n membership.LinkCounts, err error) {
	err = s.one(ctx, "group", qLinkCounts, []any{s.tenant, connection, group, micros(ends)},
		&n.Members, &n.Local, &n.OtherConnections, &n.Seen, &n.Users, &n.Own, &n.OwnAlone, &n.OwnNotLocal)
	return n, err
}
