package db

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const qEventsPending = `select count(*) from (select 1 from events {index events_waiting}
	where tenant_id = $1 and number is null and position > 0 limit 1) e`

// EventsPending implements membership.Reader.
func (s *session) EventsPending(ctx context.Context) (bool, error) {
	var n int
	err := s.one(ctx, "tenant", qEventsPending, []any{s.tenant}, &n)
	return n > 0, err
}

const qLastWritten = `select
	(select max(h.latest_at) from event_heads h where h.tenant_id = $1),
	(select coalesce(max({fact e.body at}), '') from (select body from events {index events_waiting}
		where tenant_id = $1 and number is null and position > 0 order by position desc limit 1000) e),
	(select clock.passed_at from grant_clocks clock where clock.tenant_id = $1)`

// LastWritten implements membership.Reader.
func (s *session) LastWritten(ctx context.Context) (time.Time, error) {
	var numbered, passed stamp
	var pending string
	err := s.one(ctx, "tenant", qLastWritten, []any{s.tenant}, &numbered, &pending, &passed)
	last := latest(time.Time(numbered), time.Time(passed))
	if err != nil || pending == "" {
		return last, err
	}
	at, err := time.Parse(eventTime, pending)
	return latest(last, at), err
}

const qEventsWritten = `select e.body, e.members from events e {index events_waiting}
	where e.tenant_id = $1 and e.number is null and e.position > 0 order by e.position desc limit $2`

// EventsWritten implements membership.Reader.
func (s *session) EventsWritten(ctx context.Context, ids []membership.ID) ([]membership.Event, error) {
	const others = 100 // that may have been written since
	type row struct{ body, members []byte }
	rows, err := list(ctx, s, qEventsWritten, []any{s.tenant, len(ids) + others}, func(r *row) []any {
		return []any{&r.body, &r.members}
	})
	if err != nil {
		return nil, err
	}
	var found []membership.Event
	for _, r := range slices.Backward(rows) {
		e, err := parseEventBody(r.body, r.members)
		if err != nil {
			return nil, err
		}
		if slices.Contains(ids, e.ID) {
			found = append(found, e)
		}
	}
	return found, nil
}

const qEventHead = `select coalesce(max(number), 0) from event_heads where tenant_id = $1`

// EventHead implements membership.Reader.
func (s *session) EventHead(ctx context.Context) (head int64, err error) {
	err = s.one(ctx, "tenant", qEventHead, []any{s.tenant}, &head)
	return head, err
}

// endOfTime is after any event, and of the width that times have.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

const qEventSpans = `select coalesce(min(span), -1), coalesce(max(span), -1)
	from event_spans where tenant_id = $1 and last_at >= $2 and first_at < $3`

// EventsBetween implements membership.Reader.
func (s *session) EventsBetween(ctx context.Context, from, to time.Time) (first, last int64, err error) {
	if to.IsZero() {
		to = endOfTime
	}
	if from.IsZero() {
		from = time.Unix(0, 0)
	}
	err = s.one(ctx, "tenant", qEventSpans, []any{s.tenant, stamp(from), stamp(to)}, &first, &last)
	if err != nil || last < 0 {
		return 0, 0, err
	}
	head, err := s.EventHead(ctx)
	return max(first*timeSpan, 1), min(last*timeSpan+timeSpan-1, head), err
}

const eventColumns = `e.number, e.position, e.body, e.members`

// eventsWhere is the query of an EventFilter. It looks events up where they are
// known to be: those of a user, or of a group, or where a key of the index comes;
// else all in the order of their numbers. What more is asked of them is read from
// their bodies.
type eventsWhere struct {
	*where
	filter               membership.EventFilter
	from, through, limit string // arguments
}

func eventsQuery(s *session, f membership.EventFilter) (string, []any) {
	w := &eventsWhere{where: newWhere(s.tenant), filter: f}
	through := f.Cursor.Through
	if through == 0 {
		through = math.MaxInt64
	}
	w.from, w.through, w.limit = w.arg(f.Cursor.Number), w.arg(through), w.arg(f.Limit)
	w.WriteString("select " + eventColumns + " from ")
	order := "e.number"
	switch keys := filterKeys(f); {
	case !f.User.IsZero():
		w.ofUser()
	case !f.Group.IsZero():
		w.WriteString("events e {index events_by_group} where e.tenant_id = $1 and {of group e " + w.arg(f.Group) +
			"}" + w.between("e.number"))
	case len(keys) > 0:
		w.ofKey(keys[0])
		order = "k.span, e.number"
	default:
		w.WriteString("events e {index events_by_number} where e.tenant_id = $1" + w.between("e.number"))
	}
	if !f.User.IsZero() {
		w.id("e.group_id", f.Group)
	}
	w.facts()
	return w.String() + " order by " + order + " limit " + w.limit, w.args
}

// between is a comparison with number: it also tells that there is one, which the
// indexes of numbered events ask for.
func (w *eventsWhere) between(number string) string {
	return " and " + number + " > " + w.from + " and " + number + " <= " + w.through
}

// ofUser looks up the events of a user alone, and those in which they are one of
// several members.
func (w *eventsWhere) ofUser() {
	user, enough := w.arg(w.filter.User), ""
	if !asksMore(w.filter) {
		enough = " order by x.number limit " + w.limit
	}
	numbers := func(table, ofUser string) string {
		return "select * from (select x.number from " + table + " where x.tenant_id = $1 and " + ofUser +
			w.between("x.number") + enough + ") y"
	}
	w.WriteString("(" + numbers("events x {index events_by_user}", "{of user x "+user+"}") + " union all " +
		numbers("event_users x", "x.user_id = "+user) + `) n
		{lookup events e by events_by_number on e.tenant_id = $1 and e.number = n.number} where true`)
}

// ofKey looks up the events of a key of the index. The signs keep SQLite from taking the
// bounds of the page for those of the range: it uses one of each.
func (w *eventsWhere) ofKey(key string) {
	w.WriteString("(select * from event_keys where tenant_id = $1 and key = " + w.arg(key) + " and span >= " +
		w.arg(w.filter.Cursor.Number/keySpan))
	if through := w.filter.Cursor.Through; through > 0 {
		w.and("span <=", through/keySpan)
	}
	w.WriteString(`) k
		{lookup events e by events_by_number on e.tenant_id = $1 and e.number >= k.first and e.number <= k.last}
		where true` +
		w.between("+e.number"))
}

// facts asks the bodies for what they have to say.
func (w *eventsWhere) facts() {
	f := w.filter
	w.fact("at >=", f.From.UTC().Format(eventTime), !f.From.IsZero())
	w.fact("at <", f.To.UTC().Format(eventTime), !f.To.IsZero())
	w.fact("actor.kind =", string(f.Actor.Kind), f.Actor != membership.Actor{})
	w.fact("actor.id =", f.Actor.ID, f.Actor != membership.Actor{})
	w.fact("action =", string(f.Action), f.Action != "")
	w.fact("connection_id =", f.Connection.String(), !f.Connection.IsZero())
}

func (w *eventsWhere) fact(condition, value string, asked bool) {
	if field, comparison, _ := strings.Cut(condition, " "); asked {
		w.and("{fact e.body "+field+"} "+comparison, value)
	}
}

// filterKeys are the keys of the index that a filter asks for, those first that
// mostly are less of the log.
func filterKeys(f membership.EventFilter) (keys []string) {
	if f.Actor != (membership.Actor{}) {
		keys = append(keys, actorKey(f.Actor))
	}
	if f.Action != "" {
		keys = append(keys, actionKey(f.Action))
	}
	if !f.Connection.IsZero() {
		keys = append(keys, connectionKey(f.Connection.String()))
	}
	return keys
}

// asksMore reports whether a filter asks more of an event than its number, and its
// user or group.
func asksMore(f membership.EventFilter) bool {
	return !f.From.IsZero() || !f.To.IsZero() || len(filterKeys(f)) > 0 || !f.User.IsZero() && !f.Group.IsZero()
}

// NumberedEvents implements membership.Reader.
func (s *session) NumberedEvents(ctx context.Context, f membership.EventFilter) ([]membership.Event, error) {
	ctx, done, err := s.scanning(ctx, scansEvents(f))
	if err != nil {
		return nil, err
	}
	defer done()
	type row struct {
		number, position int64
		body, members    []byte
	}
	query, args := eventsQuery(s, f)
	rows, err := list(ctx, s, query, args, func(r *row) []any {
		return []any{&r.number, &r.position, &r.body, &r.members}
	})
	if err != nil {
		return nil, err
	}
	events, positions := make([]membership.Event, len(rows)), make([]int64, len(rows))
	at := make(map[int64]*membership.Event, len(rows))
	for i, r := range rows {
		if events[i], err = parseEventBody(r.body, r.members); err != nil {
			return nil, fmt.Errorf("event %d: %w", r.number, err)
		}
		events[i].Tenant, events[i].Number = s.tenant, r.number
		if f.Stored {
			events[i].Stored = storedText(r.body, r.members)
		}
		positions[i], at[r.position] = r.position, &events[i]
	}
	return events, s.discloseEvents(ctx, at, positions)
}
