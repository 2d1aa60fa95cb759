package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	qNextGrants = `select x.group_id, x.user_id, x.n from (
			select g.group_id, g.user_id, row_number() over (order by g.group_id, g.user_id) as n from grants g
			where g.tenant_id = $1 and g.connection_id = $2 and g.closed_at is null and (g.group_id, g.user_id) > ($3, $4)
			order by g.group_id, g.user_id limit $5) x
		order by x.n desc limit 1`
	qOpenLocally = `insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since, opened_at,
			opened_by_kind, opened_by_id, opened_request, opened_reason)
		select $1, x.group_id, x.user_id, {nth $12 x.n}, $3, x.member_since, $4, $5, $6, $7, $8
		from (select g.group_id, g.user_id, g.member_since, row_number() over (order by g.group_id, g.user_id) - 1 as n
			from grants g
			where g.tenant_id = $1 and g.connection_id = $2 and g.closed_at is null
				and (g.group_id, g.user_id) > ($9, $10) and (g.group_id, g.user_id) <= ($11, $13)
				and ` + localGrants + ` = 0) x`
	// Nothing else in these groups is as late as what was opened just now.
	qOpenedLocally = insertEvents + `x.group_id, x.user_id, '{"member":true}',
			'{"member":true,"grant":"' || {text x.id} || '","source":"local"` + withBatch + `
		from (select g.group_id, g.user_id, g.id, row_number() over (order by g.group_id, g.user_id) - 1 as n
			from grants g
			where g.tenant_id = $1 and g.connection_id = $14 and g.closed_at is null and g.opened_at = $3
				and (g.group_id, g.user_id) > ($15, $16) and (g.group_id, g.user_id) <= ($17, $18)
				and ` + ownGrantBeside + ` > 0) x`
	qGrantsClosed = insertEvents + `x.group_id, x.user_id,
			'{"member":true,"grant":"' || {text x.id} || '","source":"scim"}',
			case when x.still then '{"member":true' else '{"member":false' end || '` + withBatch + `
		from (select g.group_id, g.user_id, g.id,
				` + otherGrants + ` > 0 as still,
				row_number() over (order by g.group_id, g.user_id) - 1 as n
			from grants g
			where g.tenant_id = $1 and g.connection_id = $2 and g.closed_at is null
				and (g.group_id, g.user_id) > ($14, $15) and (g.group_id, g.user_id) <= ($16, $17)) x`
	qEndGrants = `update grants set closed_at = $3, closed_by_kind = $4, closed_by_id = $5, closed_request = $6, closed_reason = $7
		where tenant_id = $1 and connection_id = $2 and closed_at is null
			and (group_id, user_id) > ($8, $9) and (group_id, user_id) <= ($10, $11)`
)

// endGrants closes the connection's grants; when they are converted, a local one
// opens first wherever there is none, so that no membership is interrupted.
func (v *scopeEnd) endGrants(ctx context.Context) error {
	var group, user membership.ID
	c, local := v.e.Call, membership.ID{}
	for {
		var lastGroup, lastUser membership.ID
		var n int
		switch err := v.s.one(ctx, "grant", qNextGrants, []any{v.s.tenant, v.e.Connection, group, user, endBatch},
			&lastGroup, &lastUser, &n); {
		case membership.KindOf(err) == membership.KindNotFound:
			return nil
		case err != nil:
			return err
		}
		if v.e.Convert {
			opened, err := v.s.exec(ctx, qOpenLocally, v.s.tenant, v.e.Connection, local, stamp(v.e.At),
				string(c.Actor.Kind), c.Actor.ID, c.RequestID, c.Reason, group, user, lastGroup, newIDs(n), lastUser)
			if err != nil {
				return err
			}
			v.r.Opened += int(opened)
			if err := v.events(ctx, qOpenedLocally, membership.ActionGrantOpened, v.e.At, n,
				local, group, user, lastGroup, lastUser); err != nil {
				return err
			}
		}
		if err := v.events(ctx, qGrantsClosed, membership.ActionGrantClosed, v.closedAt(), n,
			group, user, lastGroup, lastUser); err != nil {
			return err
		}
		closed, err := v.s.exec(ctx, qEndGrants, v.s.tenant, v.e.Connection, stamp(v.closedAt()),
			string(c.Actor.Kind), c.Actor.ID, c.RequestID, c.Reason, group, user, lastGroup, lastUser)
		if err != nil {
			return err
		}
		v.r.Closed += int(closed)
		group, user = lastGroup, lastUser
	}
}
