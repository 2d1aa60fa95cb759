package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// endOfTime is after any event, and of the width that times have.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	qNewEventHead  = `insert into event_heads (tenant_id, number) values ($1, 0) on conflict do nothing`
	qLockEventHead = `select number from event_heads where tenant_id = $1 {for update}`
	qEventHead     = `select coalesce(max(number), 0) from event_heads where tenant_id = $1`
	qNumberEvents  = `update events set number = $2 + n.place
		from (select p.at, p.id, row_number() over (order by p.at, p.id) as place
			from (select e.at, e.id from events e {index events_unnumbered}
				where e.tenant_id = $1 and e.number is null and e.at <= $4
				order by e.at, e.id limit $3) p) n
		where events.tenant_id = $1 and events.at = n.at and events.id = n.id`
	// By their places in the table: what has become events just now has no
	// statistics, and a join by a key would look through all of them for each.
	qNumberEventsByPlace = `update events set number = $2 + n.number
		from (select p.place, row_number() over (order by p.at, p.id) as number
			from (select e.ctid as place, e.at, e.id from events e
				where e.tenant_id = $1 and e.number is null and e.at <= $4
				order by e.at, e.id limit $3) p) n
		where events.tenant_id = $1 and events.ctid = n.place`
	qMoveEventHead = `update event_heads set number = $2 where tenant_id = $1`
)

// NumberEvents implements membership.Tx. The lock comes before the statement
// that looks for events, so that on PostgreSQL its snapshot has what the
// numberer before it wrote. Changes of members become events first; while not
// all have, what is younger than those waits for the next call.
func (s *session) NumberEvents(ctx context.Context, limit int) (int, error) {
	if _, err := s.exec(ctx, qNewEventHead, s.tenant); err != nil {
		return 0, err
	}
	var head int64
	if err := s.one(ctx, "tenant", qLockEventHead, []any{s.tenant}, &head); err != nil {
		return 0, err
	}
	until, err := s.unrollMemberEvents(ctx, limit)
	if err != nil {
		return 0, err
	}
	if until.IsZero() {
		until = endOfTime
	}
	q := qNumberEvents
	if _, ok := s.engine.(*postgresEngine); ok {
		q = qNumberEventsByPlace
	}
	n, err := s.exec(ctx, q, s.tenant, head, limit, stamp(until))
	if err != nil || n == 0 {
		return 0, err
	}
	return int(n), s.changed(ctx, "tenant", qMoveEventHead, s.tenant, head+n)
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

// eventsQuery writes the query of an EventFilter. A comparison with number also
// tells that it is not null, which the indexes of numbered events ask for.
func eventsQuery(s *session, f membership.EventFilter) (string, []any) {
	w := where{text: `select ` + eventColumns + `, number from events where tenant_id = $1`, args: []any{s.tenant}}
	w.and("number > ", f.Cursor.Number, "")
	if f.Cursor.Through > 0 {
		w.and("number <= ", f.Cursor.Through, "")
	}
	if !f.From.IsZero() {
		w.and("at >= ", stamp(f.From), "")
	}
	if !f.To.IsZero() {
		w.and("at < ", stamp(f.To), "")
	}
	w.id("user_id", f.User)
	w.id("group_id", f.Group)
	w.id("connection_id", f.Connection)
	if f.Actor != (membership.Actor{}) {
		w.and("actor_id = ", f.Actor.ID, "")
		w.and("actor_kind = ", string(f.Actor.Kind), "")
	}
	if f.Action != "" {
		w.and("action = ", string(f.Action), "")
	}
	return w.text + " order by number limit " + w.arg(f.Limit), w.args
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
