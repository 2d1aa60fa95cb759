package db

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The rows of what grants a user has open, and what it takes to end them.
const qGrantsToEnd = `select g.group_no, x.id, x.members_changed_at, g.connection_no, c.id, coalesce(l.version, 0),
		l.last_modified,
		g.id, g.member_since, g.opened_at, g.opened_event, g.expires_at
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
	qEndGrantsOf = `delete from grants where tenant_id = $1 and user_id = $2 and group_no {in numbers $3}
		and ($4 or connection_no = $5)`
	qPastGrantsOf  = insertPast + ` values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`
	qGroupsChanged = `update groups set members_changed_at = $3 where tenant_id = $1 and id {in $2}`
	qLinksLeft     = `update group_links set version = version + 1, last_modified = $4, members = members - 1
		where tenant_id = $1 and connection_id = $2 and group_id {in $3}`
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
			&g.fact.grant, &g.fact.since, &g.fact.opened, &g.fact.event, &g.fact.ends,
		}
	})
	if err != nil {
		return 0, 0, err
	}
	if err := s.refuseEndedOf(ctx, e, grants); err != nil {
		return 0, 0, err
	}
	left := map[membership.ID]int{} // open grants in each group
	for _, g := range grants {
		left[g.group]++
	}
	var events []eventRow
	var past [][]any
	var pastOf []int // the row of the event
	var ids []membership.ID
	var numbers []int64                       // of groups, one for each grant
	var of int64                              // the number of the connection, if it is of one
	groups := map[int64][]membership.ID{}     // by the time of their change
	links := map[linkChange][]membership.ID{} // groups, too
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
		numbers, of = append(numbers, g.groupNo), g.connectionNo
		past = append(past, []any{
			g.groupNo, e.User, nil, g.connectionNo, g.fact.grant, micros(g.fact.since),
			micros(g.fact.opened), g.fact.event, micros(at),
		})
		groups[at.UnixMicro()] = append(groups[at.UnixMicro()], g.group)
		if g.connectionNo == 0 {
			local++
			continue
		}
		byConnection++
		if g.version > 0 {
			l := linkChange{g.connection, after(at, time.Time(g.modified)).UnixMicro()}
			links[l] = append(links[l], g.group)
		}
	}
	if len(numbers) == 0 {
		return 0, 0, nil
	}
	positions, err := s.insertEvents(ctx, events)
	if err != nil {
		return 0, 0, err
	}
	e.Call.Effect.Wrote(ids...)
	for i := range past {
		past[i][2] = positions[pastOf[i]]
	}
	n, err := s.exec(ctx, qEndGrantsOf, s.tenant, e.User, numbers, e.All, of)
	if err == nil && n != int64(len(numbers)) {
		err = fmt.Errorf("of %d grants of a user %d ended", len(numbers), n)
	}
	if err != nil {
		return 0, 0, err
	}
	if err := inParts(past, func(part [][]any) error {
		c := newWhere(s.tenant)
		for i, row := range part {
			first := len(c.args) + 1
			c.args = append(c.args, row...)
			if i > 0 {
				c.row(first, len(row)-1, "$"+strconv.Itoa(first+len(row)-1)+")")
			}
		}
		return s.execLater(ctx, qPastGrantsOf+c.String(), c.args...)
	}); err != nil {
		return 0, 0, err
	}
	// Most changed at one time.
	for at, ids := range groups {
		if err := s.execLater(ctx, qGroupsChanged, s.tenant, ids, micros(time.UnixMicro(at).UTC())); err != nil {
			return 0, 0, err
		}
	}
	for l, ids := range links {
		if err := s.execLater(ctx, qLinksLeft, s.tenant, l.connection, ids,
			stamp(time.UnixMicro(l.at).UTC())); err != nil {
			return 0, 0, err
		}
	}
	return byConnection, local, nil
}

// refuseEndedOf is the error of a grant of the user that has ended: it is closed first.
func (s *session) refuseEndedOf(ctx context.Context, e membership.UserGrantsEnd, grants []grantToEnd) error {
	var passed stamp
	ended := endedMembers{users: []membership.ID{e.User}}
	for i := range grants {
		g := &grants[i]
		ends, at := time.Time(g.fact.ends), after(e.At, time.Time(g.changed))
		if ends.IsZero() {
			continue
		}
		if time.Time(passed).IsZero() {
			if err := s.one(ctx, "clock", qPassedAt, []any{s.tenant}, &passed); err != nil {
				return err
			}
		}
		if !ends.After(latest(at, time.Time(passed))) {
			ended.groups, ended.at = append(ended.groups, g.group), latest(ended.at, at)
		}
	}
	if len(ended.groups) > 0 {
		return &ended
	}
	return nil
}

// linkChange is the change of links of one connection at one time, in microseconds.
type linkChange struct {
	connection membership.ID
	at         int64
}
