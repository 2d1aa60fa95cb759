package db

import (
	"context"
	"fmt"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// endOfTime is after any event, and of the width that times have.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	qNewEventHead  = `insert into event_heads (tenant_id, number) values ($1, 0) on conflict do nothing`
	qLockEventHead = `select number from event_heads where tenant_id = $1 {for update}`
	qEventHead     = `select coalesce(max(number), 0) from event_heads where tenant_id = $1`
	qMoveEventHead = `update event_heads set number = $2 where tenant_id = $1`

	// What has no number yet, in the order of positions: events, and rows that
	// become an event a member. It is one statement, so of one snapshot: who sees
	// an event there sees what it depends on, with a lesser position.
	qPending = `select x.packed, x.position, x.at, x.id, x.events, x.row_id from (
			select * from (select 0 as packed, e.position, e.at, e.id, 1 as events, {row id e} as row_id
				from events e {index events_unnumbered} where e.tenant_id = $1 and e.number is null and e.position >= 0
				order by e.position, e.at, e.id limit $2) plain
			union all
			select * from (select 1, m.position, m.at, m.id, length(m.members) / 33, ''
				from member_events m where m.tenant_id = $1 and m.position >= 0
				order by m.position, m.at, m.id limit $2) packed) x
		order by x.position, x.at, x.id limit $2`
	qNumberEvent = `update events set number = $4 where tenant_id = $1 and at = $2 and id = $3`
	// By the ids of their rows: what has become events just now has no
	// statistics, and a join by a key would look through all of them for each.
	qNumberEventsByRowID = `update events set number = n.number
		from unnest($2::text[]::tid[], $3::bigint[]) n(row_id, number)
		where events.tenant_id = $1 and events.ctid = n.row_id`
)

// pendingEvent is what has no number yet: an event, or a row of member_events
// with as many as it has members.
type pendingEvent struct {
	packed, position int64
	at               stamp
	id               membership.ID
	events           int64
	rowID            string
	number           int64 // of its first event
}

// NumberEvents implements membership.Tx. The lock comes before the statement
// that looks for events, so that on PostgreSQL its snapshot has what the
// numberer before it wrote. What gets numbers is chosen by that statement alone:
// nothing that is committed later comes in between.
func (s *session) NumberEvents(ctx context.Context, limit int) (int, error) {
	if _, err := s.exec(ctx, qNewEventHead, s.tenant); err != nil {
		return 0, err
	}
	var head int64
	if err := s.one(ctx, "tenant", qLockEventHead, []any{s.tenant}, &head); err != nil {
		return 0, err
	}
	pending, err := list(ctx, s, qPending, []any{s.tenant, limit}, func(p *pendingEvent) []any {
		return []any{&p.packed, &p.position, &p.at, &p.id, &p.events, &p.rowID}
	})
	if err != nil || len(pending) == 0 {
		return 0, err
	}
	next := head + 1
	var plain, packed []pendingEvent
	for _, p := range pending {
		if next-head > int64(limit) {
			break
		}
		p.number = next
		next += p.events
		if p.packed == 1 {
			packed = append(packed, p)
		} else {
			plain = append(plain, p)
		}
	}
	if err := s.numberEvents(ctx, plain); err != nil {
		return 0, err
	}
	if err := s.unpackMemberEvents(ctx, packed); err != nil {
		return 0, err
	}
	return int(next - head - 1), s.changed(ctx, "tenant", qMoveEventHead, s.tenant, next-1)
}

// numberEvents gives events their numbers.
func (s *session) numberEvents(ctx context.Context, events []pendingEvent) error {
	if len(events) == 0 {
		return nil
	}
	if !s.store.engine.Dialect().RowIDs {
		rows := make([][]any, len(events))
		for i, e := range events {
			rows[i] = []any{s.tenant, e.at, e.id, e.number}
		}
		return s.execEach(ctx, qNumberEvent, rows)
	}
	rows, numbers := make([]string, len(events)), make([]int64, len(events))
	for i, e := range events {
		rows[i], numbers[i] = e.rowID, e.number
	}
	n, err := s.exec(ctx, qNumberEventsByRowID, s.tenant, rows, numbers)
	if err == nil && n != int64(len(events)) {
		err = fmt.Errorf("of %d events %d got a number", len(events), n)
	}
	return err
}

const qEventsPending = `select (select count(*) from (select 1 from events {index events_unnumbered}
		where tenant_id = $1 and number is null limit 1) e)
	+ (select count(*) from (select 1 from member_events where tenant_id = $1 limit 1) m)`

// EventsPending implements membership.Reader.
func (s *session) EventsPending(ctx context.Context) (bool, error) {
	var n int
	err := s.one(ctx, "tenant", qEventsPending, []any{s.tenant}, &n)
	return n > 0, err
}

const qLastWritten = `select
	(select max(at) from events where tenant_id = $1 and at >= $2),
	(select max(m.at) from (select at from member_events where tenant_id = $1 and position >= 0
		order by position desc, at desc, id desc limit 1000) m)`

// LastWritten implements membership.Reader.
func (s *session) LastWritten(ctx context.Context) (time.Time, error) {
	var events, members stamp
	err := s.one(ctx, "tenant", qLastWritten, []any{s.tenant, stamp(since(time.Time{}))}, &events, &members)
	return latest(time.Time(events), time.Time(members)), err
}

// EventHead implements membership.Reader.
func (s *session) EventHead(ctx context.Context) (head int64, err error) {
	err = s.one(ctx, "tenant", qEventHead, []any{s.tenant}, &head)
	return head, err
}

const qEventsBetween = `select coalesce(min(number), 0), coalesce(max(number), 0)
	from events where tenant_id = $1 and at >= $2 and at < $3`

// EventsBetween implements membership.Reader.
func (s *session) EventsBetween(ctx context.Context, from, to time.Time) (first, last int64, err error) {
	if to.IsZero() {
		to = endOfTime
	}
	err = s.one(ctx, "tenant", qEventsBetween, []any{s.tenant, stamp(since(from)), stamp(to)}, &first, &last)
	return first, last, err
}

const numberedEvents = `select ` + eventColumns + `, number from events where tenant_id = $1`

// eventsQuery writes the query of an EventFilter. A comparison with number also
// tells that it is not null, which the indexes of numbered events ask for.
func eventsQuery(s *session, f membership.EventFilter) (string, []any) {
	w := newWhere(s.tenant)
	w.and("number >", f.Cursor.Number)
	if f.Cursor.Through > 0 {
		w.and("number <=", f.Cursor.Through)
	}
	if !f.From.IsZero() {
		w.and("at >=", stamp(f.From))
	}
	if !f.To.IsZero() {
		w.and("at <", stamp(f.To))
	}
	w.id("user_id", f.User)
	w.id("group_id", f.Group)
	w.id("connection_id", f.Connection)
	if f.Actor != (membership.Actor{}) {
		w.and("actor_id =", f.Actor.ID)
		w.and("actor_kind =", string(f.Actor.Kind))
	}
	if f.Action != "" {
		w.and("action =", string(f.Action))
	}
	return numberedEvents + w.String() + " order by number limit " + w.arg(f.Limit), w.args
}

// NumberedEvents implements membership.Reader.
func (s *session) NumberedEvents(ctx context.Context, f membership.EventFilter) ([]membership.Event, error) {
	ctx, done, err := s.scanning(ctx, scansEvents(f))
	if err != nil {
		return nil, err
	}
	defer done()
	query, args := eventsQuery(s, f)
	return list(ctx, s, query, args, func(e *membership.Event) []any {
		e.Tenant = s.tenant
		return append(eventDest(e), &e.Number)
	})
}
