package db

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The rows of what grants a user has open, and what it takes to end them.
const qGrantsToEnd = `select g.group_no, x.id, x.members_changed_at, g.connection_no, c.id, coalesce(l.version, 0), l.last_modified,
		g.id, g.member_since, g.opened_at, g.opened_event
	from grants g {index grants_of_user}
	join groups x on x.tenant_id = $1 and x.no = g.group_no
	left join connections c on c.tenant_id = $1 and c.no = g.connection_no
	left join group_links l on l.tenant_id = $1 and l.connection_id = c.id and l.group_id = x.id
	where g.tenant_id = $1 and g.user_id = $2
	order by x.id, g.connection_no`

type grantToEnd struct {
	groupNo, connectionNo int64
	group                 membership.ID
	changed               stamp
	connection            membership.ID
	version               int64 // 0: it has no link
	modified              stamp
	fact                  memberFact
}

const (
	qLockGroupsOf = `select count(*) from (select g.id from groups g {index groups_no} where g.tenant_id = $1
		and g.no in (select x.group_no from grants x where x.tenant_id = $1 and x.user_id = $2)
		order by g.id {for no key update}) x`
	qLockSomeGroupsOf = `select g.id from groups g {index groups_no} where g.tenant_id = $1
		and g.no in (select x.group_no from grants x where x.tenant_id = $1 and x.user_id = $2)
		order by g.id limit $3 {for no key update}`
	qGroupChanged = `update groups set members_changed_at = $3 where tenant_id = $1 and id = $2`
	qLinkLeft     = `update group_links set version = version + 1, last_modified = $4, members = members - 1
		where tenant_id = $1 and connection_id = $2 and group_id = $3`
)

// LockGroupsOf implements membership.Tx.
func (s *session) LockGroupsOf(ctx context.Context, user membership.ID) error {
	var n int
	return s.one(ctx, "user", qLockGroupsOf, []any{s.tenant, user}, &n)
}

// LockSomeGroupsOf implements membership.ErasureWriter.
func (s *session) LockSomeGroupsOf(ctx context.Context, user membership.ID, limit int) ([]membership.ID, error) {
	return s.ids(ctx, qLockSomeGroupsOf, s.tenant, user, limit)
}

// EndGrantsOf implements membership.Tx.
func (s *session) EndGrantsOf(ctx context.Context, e membership.UserGrantsEnd) (byConnection, local int, err error) {
	grants, err := list(ctx, s, qGrantsToEnd, []any{s.tenant, e.User}, func(g *grantToEnd) []any {
		return []any{
			&g.groupNo, &g.group, &g.changed, &g.connectionNo, &g.connection, &g.version, &g.modified,
			&g.fact.grant, &g.fact.since, &g.fact.opened, &g.fact.event,
		}
	})
	if err != nil {
		return 0, 0, err
	}
	left := map[membership.ID]int{} // open grants in each group
	for _, g := range grants {
		left[g.group]++
	}
	var events []eventRow
	var ended, past, groups, links [][]any
	var pastOf []int // the row of the event
	var ids []membership.ID
	for _, g := range grants {
		if !e.All && g.connection != e.Connection || e.Groups != nil && !slices.Contains(e.Groups, g.group) {
			continue
		}
		left[g.group]--
		at := after(e.At, time.Time(g.changed))
		c := membership.MemberChange{Call: e.Call, Group: g.group, Connection: g.connection}
		event := c.Event(membership.ActionGrantClosed)
		event.At = at
		event.Members = []membership.EventMember{{User: e.User, Grant: g.fact.grant, Still: left[g.group] > 0}}
		rows, err := eventRows(event)
		if err != nil {
			return 0, 0, err
		}
		ids = append(ids, event.ID)
		events, pastOf = append(events, rows...), append(pastOf, len(events))
		ended = append(ended, []any{s.tenant, g.groupNo, e.User, g.connectionNo})
		past = append(past, []any{
			s.tenant, g.groupNo, e.User, nil, g.connectionNo, g.fact.grant, micros(g.fact.since), micros(g.fact.opened), g.fact.event, micros(at),
		})
		groups = append(groups, []any{s.tenant, g.group, micros(at)})
		if g.connectionNo == 0 {
			local++
			continue
		}
		byConnection++
		if g.version > 0 {
			links = append(links, []any{s.tenant, g.connection, g.group, stamp(after(at, time.Time(g.modified)))})
		}
	}
	positions, err := s.insertEvents(ctx, events)
	if err != nil {
		return 0, 0, err
	}
	e.Call.Effect.Wrote(ids...)
	for i := range past {
		past[i][3] = positions[pastOf[i]]
	}
	for _, of := range []struct {
		q    string
		rows [][]any
	}{{qEndGrant, ended}, {qPastGrant, past}, {qGroupChanged, groups}, {qLinkLeft, links}} {
		if err := s.execEach(ctx, of.q, of.rows); err != nil {
			return 0, 0, err
		}
	}
	return byConnection, local, nil
}
