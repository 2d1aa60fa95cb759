package db

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Local grants that have ended are closed here, dated at their end: by the job, and by
// who wants to change something of such a member. Who closes holds the groups, and finds
// nothing that another has closed: so there is one event of each, however many servers
// look for them.

const (
	endedGrant = `select g.group_no, g.user_id, g.id, g.member_since, g.opened_at, g.opened_event, g.expires_at,
			(select count(*) from grants y where y.tenant_id = $1 and y.group_no = g.group_no
				and y.user_id = g.user_id and y.connection_no <> 0)
		from grants g `
	qEndedGrants = endedGrant + `{index grants_ending} where g.tenant_id = $1 and g.expires_at <= $2
		and g.group_no {in numbers $3} order by g.expires_at, g.group_no, g.user_id limit $4`
	qEndedMembers = endedGrant + `where g.tenant_id = $1 and g.expires_at <= $2
		and g.group_no {in numbers $3} and g.user_id {in $4} and g.connection_no = 0
		order by g.expires_at, g.group_no, g.user_id`
	qGroupsEnded = `select distinct x.group_no from (select g.group_no from grants g {index grants_ending}
		where g.tenant_id = $1 and g.expires_at <= $2 order by g.expires_at limit $3) x order by x.group_no`
	qLockGroupsNumbered = `select g.no, g.id, g.members_changed_at from groups g {index groups_no}
		where g.tenant_id = $1 and g.no {in numbers $2} order by g.id {for no key update}`
	qGroupNumbers   = `select g.no from groups g where g.tenant_id = $1 and g.id {in $2}`
	qRaiseGroupTime = `update groups set members_changed_at = $3
		where tenant_id = $1 and no = $2 and (members_changed_at < $3 or members_changed_at is null)`

	qGroupsToNotice = `select distinct x.group_no from (select g.group_no from grants g {index grants_to_notice}
		where g.tenant_id = $1 and g.notice_at <= $2 order by g.notice_at limit $3) x order by x.group_no`
	qGrantsToNotice = endedGrant + `{index grants_to_notice} where g.tenant_id = $1 and g.notice_at <= $2
		and g.group_no {in numbers $3} order by g.notice_at, g.group_no, g.user_id limit $4`
	qNoticed = `update grants set notice_at = null
		where tenant_id = $1 and group_no = $2 and user_id = $3 and connection_no = 0`

	qHoldClock = qPassedAt + ` {for update}`
	qNextWork  = `update grant_clocks set work_at = (select min(x.at) from (
			select * from (select g.expires_at as at from grants g {index grants_ending}
				where g.tenant_id = $1 and g.expires_at is not null order by g.expires_at limit 1) y
			union all select * from (select g.notice_at as at from grants g {index grants_to_notice}
				where g.tenant_id = $1 and g.notice_at is not null order by g.notice_at limit 1) z) x)
		where tenant_id = $1`
	qTenantsEnding = `select clock.tenant_id from grant_clocks clock where clock.work_at <= $1
		order by clock.work_at limit $2`
)

type endedRow struct {
	group  int64
	fact   memberFact
	ends   stamp
	others int // grants of the same member
}

func endedDest(r *endedRow) []any {
	f := &r.fact
	return []any{&r.group, &f.user, &f.grant, &f.since, &f.opened, &f.event, &r.ends, &r.others}
}

// lockedGroup is a group whose members do not change meanwhile.
type lockedGroup struct {
	no      int64
	id      membership.ID
	changed stamp
}

func (s *session) lockGroupsNumbered(ctx context.Context, numbers []int64) (map[int64]lockedGroup, error) {
	groups, err := list(ctx, s, qLockGroupsNumbered, []any{s.tenant, numbers}, func(g *lockedGroup) []any {
		return []any{&g.no, &g.id, &g.changed}
	})
	of := make(map[int64]lockedGroup, len(groups))
	for _, g := range groups {
		of[g.no] = g
	}
	return of, err
}

func (s *session) groupNumbers(ctx context.Context, q string, args ...any) ([]int64, error) {
	return list(ctx, s, q, args, func(n *int64) []any { return []any{n} })
}

// passTime raises the clock of the tenant, and returns what it is then.
func (s *session) passTime(ctx context.Context, at time.Time) (time.Time, error) {
	if _, err := s.exec(ctx, qPassTime, s.tenant, micros(at)); err != nil {
		return at, err
	}
	var passed stamp
	err := s.one(ctx, "clock", qPassedAt, []any{s.tenant}, &passed)
	return time.Time(passed), err
}

// closeEndedMembers closes the grants that a change of members met.
func (s *session) closeEndedMembers(ctx context.Context, e *endedMembers) error {
	numbers, err := s.groupNumbers(ctx, qGroupNumbers, s.tenant, e.groups)
	if err != nil || len(numbers) == 0 {
		return err
	}
	groups, err := s.lockGroupsNumbered(ctx, numbers)
	if err != nil {
		return err
	}
	at := e.at
	for _, g := range groups { // the change will be dated after all that was done in them
		at = latest(at, after(e.at, time.Time(g.changed)))
	}
	if at, err = s.passTime(ctx, at); err != nil {
		return err
	}
	rows, err := list(ctx, s, qEndedMembers, []any{s.tenant, micros(at), numbers, e.users}, endedDest)
	if err != nil {
		return err
	}
	return s.closeEnded(ctx, membership.SystemCall(s.tenant, membership.ReasonExpired), groups, rows)
}

// CloseEnded implements membership.MemberWriter.
func (s *session) CloseEnded(ctx context.Context, call membership.Call, at time.Time, limit int) (int, error) {
	numbers, err := s.groupNumbers(ctx, qGroupsEnded, s.tenant, micros(at), limit)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	groups, err := s.lockGroupsNumbered(ctx, numbers)
	if err != nil {
		return 0, err
	}
	if at, err = s.passTime(ctx, at); err != nil {
		return 0, err
	}
	rows, err := list(ctx, s, qEndedGrants, []any{s.tenant, micros(at), numbers, limit}, endedDest)
	if err != nil {
		return 0, err
	}
	return len(rows), s.closeEnded(ctx, call, groups, rows)
}

// closeEnded writes the events and closes the grants.
func (s *session) closeEnded(
	ctx context.Context, call membership.Call, groups map[int64]lockedGroup, rows []endedRow,
) error {
	positions, err := s.eventsOfEnds(ctx, call, membership.ActionGrantClosed, groups, rows,
		func(r *endedRow) time.Time { return time.Time(r.ends) })
	if err != nil || len(rows) == 0 {
		return err
	}
	ended, past := make([][]any, len(rows)), make([][]any, len(rows))
	latest := map[int64]time.Time{}
	for i, r := range rows {
		ended[i] = []any{s.tenant, r.group, r.fact.user, int64(0)}
		past[i] = []any{s.tenant, r.group, r.fact.user, positions[i], int64(0), r.fact.grant, micros(r.fact.since),
			micros(r.fact.opened), r.fact.event, micros(r.ends)}
		if at := time.Time(r.ends); at.After(latest[r.group]) {
			latest[r.group] = at
		}
	}
	var times [][]any
	for group, at := range latest {
		times = append(times, []any{s.tenant, group, micros(at)})
	}
	for _, step := range []struct {
		q    string
		rows [][]any
	}{{qEndGrant, ended}, {qPastGrant, past}, {qRaiseGroupTime, times}} {
		if err := s.execEach(ctx, step.q, step.rows); err != nil {
			return err
		}
	}
	return nil
}

// eventsOfEnds writes an event for all grants of a group that end at the same time, and
// returns the position of each grant's.
func (s *session) eventsOfEnds(
	ctx context.Context, call membership.Call, action membership.Action, groups map[int64]lockedGroup, rows []endedRow,
	at func(*endedRow) time.Time,
) ([]int64, error) {
	slices.SortFunc(rows, func(a, b endedRow) int {
		return cmp.Or(time.Time(a.ends).Compare(time.Time(b.ends)), cmp.Compare(a.group, b.group),
			a.fact.user.Compare(b.fact.user))
	})
	var events []eventRow
	of := make([]int, len(rows)) // the event of each
	for first := 0; first < len(rows); {
		r := &rows[first]
		e := membership.EndEvent(call, action, groups[r.group].id, at(r), time.Time(r.ends))
		next := first
		for ; next < len(rows) && rows[next].group == r.group && rows[next].ends == r.ends; next++ {
			e.Members = append(e.Members, membership.EventMember{
				User: rows[next].fact.user, Grant: rows[next].fact.grant, Still: rows[next].others > 0,
			})
			of[next] = len(events) + (next-first)/membership.MaxEventMembers
		}
		one, err := eventRows(e)
		if err != nil {
			return nil, err
		}
		events, first = append(events, one...), next
	}
	if len(events) == 0 {
		return nil, nil
	}
	positions, err := s.insertEvents(ctx, events)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(rows))
	for i := range rows {
		out[i] = positions[of[i]]
	}
	return out, nil
}

// NoticeEnds implements membership.MemberWriter.
func (s *session) NoticeEnds(ctx context.Context, call membership.Call, at time.Time, limit int) (int, error) {
	numbers, err := s.groupNumbers(ctx, qGroupsToNotice, s.tenant, micros(at), limit)
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	groups, err := s.lockGroupsNumbered(ctx, numbers)
	if err != nil {
		return 0, err
	}
	rows, err := list(ctx, s, qGrantsToNotice, []any{s.tenant, micros(at), numbers, limit}, endedDest)
	if err != nil {
		return 0, err
	}
	noticed := make([][]any, len(rows))
	for i, r := range rows {
		noticed[i] = []any{s.tenant, r.group, r.fact.user}
	}
	if err := s.execEach(ctx, qNoticed, noticed); err != nil {
		return 0, err
	}
	n := len(rows)
	rows = slices.DeleteFunc(rows, func(r endedRow) bool { return !time.Time(r.ends).After(at) }) // it is too late
	_, err = s.eventsOfEnds(ctx, call, membership.ActionGrantExpiring, groups, rows,
		func(*endedRow) time.Time { return at })
	return n, err
}

// NextEnd implements membership.MemberWriter.
func (s *session) NextEnd(ctx context.Context) error {
	var passed stamp
	err := s.one(ctx, "clock", qHoldClock, []any{s.tenant}, &passed)
	if membership.KindOf(err) == membership.KindNotFound { // the tenant has never had an end
		return nil
	}
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, qNextWork, s.tenant) // after the lock: it sees what they wrote who had it
	return err
}

// TenantsEnding lists tenants in which a grant has ended, or is to be given notice of.
func (s *Store) TenantsEnding(ctx context.Context, at time.Time, limit int) (ids []membership.ID, err error) {
	err = s.acrossTenants(ctx, func(s *session) error {
		ids, err = s.ids(ctx, qTenantsEnding, micros(at), limit)
		return err
	})
	return ids, err
}
