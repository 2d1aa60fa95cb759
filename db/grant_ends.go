package db

import (
	"context"
	"iter"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The ends of local grants, and what they were set to: who sets one holds the group, and
// then the clock of the tenant, so that it does not pass meanwhile.

const (
	localGrantsOf = ` where g.tenant_id = $1 and g.group_no = ` + noOfGroup + `$2) and g.user_id {in $3}
		and g.connection_no = 0`
	// Of a change that has just opened grants they have its time.
	openedNow = ` and g.opened_at = (select x.members_changed_at from groups x where x.tenant_id = $1 and x.id = $2)`

	// Of two of the same microsecond.
	lastCounts = ` on conflict (tenant_id, grant_id, set_at) do update set expires_at = excluded.expires_at`

	qEndOpened  = `update grants as g set expires_at = $4, notice_at = $5` + localGrantsOf + openedNow
	qNoteOpened = `insert into grant_ends (tenant_id, grant_id, set_at, expires_at)
		select g.tenant_id, g.id, g.opened_at, g.expires_at from grants g` + localGrantsOf + openedNow + lastCounts
	qSetEnd  = `update grants as g set expires_at = $4, notice_at = $5` + localGrantsOf
	qNoteEnd = `insert into grant_ends (tenant_id, grant_id, set_at, expires_at)
		select g.tenant_id, g.id, $4, g.expires_at from grants g` + localGrantsOf + lastCounts

	// It holds the row in any case.
	qSetClock = `insert into grant_clocks (tenant_id, passed_at, work_at) values ($1, $2, $3)
		on conflict (tenant_id) do update set work_at = case
			when grant_clocks.work_at <= excluded.work_at or excluded.work_at is null
			then grant_clocks.work_at else excluded.work_at end`

	qEndingBefore = `select g.user_id from grants g` + localGrantsOf + ` and g.expires_at is not null
		and (g.expires_at < $4) is not false`

	qLockGroupTime = `select g.members_changed_at from groups g where g.tenant_id = $1 and g.id = $2
		{for no key update}`
	qLocalEnd = `select g.expires_at, (select count(*) from grants y where y.tenant_id = $1
			and y.group_no = g.group_no and y.user_id = g.user_id and y.connection_no <> 0)
		from grants g` + localGrantsOf
)

// setClock sees to it that there is a clock for an end and that the job looks at it in
// time, and holds it. An end that has passed by the clock, or at the time, is refused;
// zero: none.
func (s *session) setClock(ctx context.Context, at, ends time.Time) (passed time.Time, err error) {
	first := ends
	if notice := membership.NoticeOfEnd(at, ends); !notice.IsZero() {
		first = notice
	}
	if _, err := s.exec(ctx, qSetClock, s.tenant, micros(at), micros(first)); err != nil {
		return passed, err
	}
	err = s.one(ctx, "clock", qPassedAt, []any{s.tenant}, (*stamp)(&passed))
	if err == nil && !ends.IsZero() && !ends.After(latest(at, passed)) {
		err = membership.EndHasPassed()
	}
	return passed, err
}

// endOpened gives the grants that a change has just opened their end. They are dated after
// whatever happened in the group, by any server's clock: an end before that is refused.
func (s *session) endOpened(ctx context.Context, c membership.MemberChange) error {
	var opened stamp
	if err := s.one(ctx, "group", qLockGroupTime, []any{s.tenant, c.Group}, &opened); err != nil {
		return err
	}
	if _, err := s.setClock(ctx, time.Time(opened), c.ExpiresAt); err != nil {
		return err
	}
	if _, err := s.exec(ctx, qEndOpened, s.tenant, c.Group, c.Open, micros(c.ExpiresAt),
		micros(membership.NoticeOfEnd(time.Time(opened), c.ExpiresAt))); err != nil {
		return err
	}
	if _, err := s.exec(ctx, qNoteOpened, s.tenant, c.Group, c.Open); err != nil || !c.BreakGlass {
		return err
	}
	return s.takeBreakGlass(ctx, c)
}

// SetGrantEnd implements membership.MemberWriter.
func (s *session) SetGrantEnd(ctx context.Context, e membership.GrantEnd) error {
	var changed, was stamp
	if err := s.one(ctx, "group", qLockGroupTime, []any{s.tenant, e.Group}, &changed); err != nil {
		return err
	}
	users, others := []membership.ID{e.User}, 0
	if err := s.one(ctx, "member", qLocalEnd, []any{s.tenant, e.Group, users}, &was, &others); err != nil {
		return err
	}
	e.At, e.Was = after(e.At, time.Time(changed)), time.Time(was)
	passed, err := s.setClock(ctx, e.At, e.ExpiresAt)
	if !e.Was.IsZero() && !e.Was.After(latest(e.At, passed)) {
		return membersEnded(e.Group, users, e.At)
	}
	if err != nil {
		return err
	}
	if _, err := s.exec(ctx, qSetEnd, s.tenant, e.Group, users, micros(e.ExpiresAt),
		micros(membership.NoticeOfEnd(e.At, e.ExpiresAt))); err != nil {
		return err
	}
	if _, err := s.exec(ctx, qNoteEnd, s.tenant, e.Group, users, micros(e.At)); err != nil {
		return err
	}
	if e.BreakGlass {
		q, args := qBreakGlassEnds, []any{s.tenant, e.Group, e.User, e.Grant, micros(e.ExpiresAt)}
		if e.Taken {
			q, args = qBreakGlassAgain, append(args, e.Call.Person)
		}
		if _, err := s.exec(ctx, q, args...); err != nil {
			return err
		}
	}
	if _, err := s.exec(ctx, qGroupsChanged, s.tenant, []membership.ID{e.Group}, micros(e.At)); err != nil {
		return err
	}
	for _, event := range e.Events(others > 0) {
		if _, err := s.insertMemberEvents(ctx, event); err != nil {
			return err
		}
		e.Call.Effect.Wrote(event.ID)
	}
	return nil
}

// LocalGrantsEndingBefore implements membership.GrantEndWriter.
func (s *session) LocalGrantsEndingBefore(
	ctx context.Context, group membership.ID, users []membership.ID, ends time.Time,
) ([]membership.ID, error) {
	return list(ctx, s, qEndingBefore, []any{s.tenant, group, users, micros(ends)},
		func(id *membership.ID) []any { return []any{id} })
}

const qEndsOf = `select e.grant_id, e.set_at, e.expires_at from grant_ends e
	where e.tenant_id = $1 and e.grant_id {in $2} order by e.grant_id, e.set_at`

// endsAsOf sets the ends of grants to what they were known to be at a time; of the
// present their rows have them.
func (s *session) endsAsOf(ctx context.Context, t membership.AsOf, grants iter.Seq[*grantRow]) error {
	if t.Time.IsZero() {
		return nil
	}
	local := map[membership.ID]*grantRow{}
	var ids []membership.ID
	for g := range grants {
		if g.expiresAt = (time.Time{}); g.connection == 0 {
			local[g.id], ids = g, append(ids, g.id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	type end struct {
		grant      membership.ID
		set, until stamp
	}
	ends, err := list(ctx, s, qEndsOf, []any{s.tenant, ids}, func(e *end) []any {
		return []any{&e.grant, &e.set, &e.until}
	})
	for _, e := range ends {
		at := time.Time(e.set)
		if !at.After(t.Time) || !t.Behind.IsZero() && at.After(t.Behind) {
			local[e.grant].expiresAt = time.Time(e.until)
		}
	}
	return err
}
