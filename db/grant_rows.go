package db

import (
	"bytes"
	"cmp"
	"context"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// grantRow is a grant as its table has it. What its numbers stand for is read by
// itself, for a part of a list at once: most grants of a group were opened by few
// events.
type grantRow struct {
	id, user          membership.ID
	group, connection int64 // connection 0: local
	opened, closed    int64 // positions of events
	memberSince       time.Time
	openedAt          time.Time
	closedAt          time.Time // zero: open
	expiresAt         time.Time // of a local grant that ends; of the past, see endsAsOf
}

// Columns of a grant g, and of its end: that of a past grant, or none. Queries order
// by their numbers, since they may be of two tables.
const (
	grantColumns = `g.user_id, g.group_no, g.connection_no, g.id, coalesce(g.member_since, g.opened_at),
		g.opened_at, g.opened_event, ` + presentEnd
	presentEnd = `g.expires_at`
	grantNoEnd = `, null, 0`
	grantEnd   = `, g.closed_at, g.closed_event`
	byUser     = ` order by 1`
	byGroup    = ` order by 2, 1`
)

func grantDest(r *grantRow) []any {
	return []any{&r.user, &r.group, &r.connection, &r.id, (*stamp)(&r.memberSince), (*stamp)(&r.openedAt), &r.opened,
		(*stamp)(&r.expiresAt)}
}

func grantEndDest(r *grantRow) []any { return []any{(*stamp)(&r.closedAt), &r.closed} }

// The number of a group or a connection; its id and a parenthesis follow.
const (
	noOfGroup      = `(select x.no from groups x where x.tenant_id = $1 and x.id = `
	noOfConnection = `(select x.no from connections x where x.tenant_id = $1 and x.id = `
)

// lastID is greater than the id of any user. A list of a group has both ends as
// arguments: PostgreSQL takes a range with two ends for a small part of a table, and
// reads it by its key. From its statistics it would sooner read all of a table whose
// grants are in few groups.
var lastID = membership.ID{
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
}

// openAsOf writes the rows of the grants that were open at a time, the zero one: are
// open. part writes those of one of the tables, with the alias in it; its condition
// is open.
func openAsOf(w *where, t membership.AsOf, alias string, part func(table, open string) string) string {
	present, past := openConditions(w, t, alias)
	if past == "" {
		return part("grants", present)
	}
	return part("grants", present) + " union all " + part("past_grants", past)
}

// openConditions are the conditions of the grants that were open at a time, of those that
// are open and of those that are past; empty: none of these. A grant that has ended and is
// not closed yet is among those that are there.
func openConditions(w *where, t membership.AsOf, alias string) (present, past string) {
	if t.Time.IsZero() {
		return "{open " + alias + "}", ""
	}
	at := w.arg(micros(t.Time))
	opened, closed := alias+".opened_at <= "+at, alias+".closed_at > "+at
	still := "(" + alias + ".expires_at is null or " + alias + ".expires_at > " + at + ")"
	if !t.Behind.IsZero() {
		now := w.arg(micros(t.Behind))
		opened = "(" + opened + " or " + alias + ".opened_at > " + now + ")"
		closed += " and " + alias + ".closed_at <= " + now
		// What has ended since, and is not closed yet, was open then.
		still += " and ({open " + alias + "} or " + alias + ".expires_at <= " + now + ")"
	}
	return opened + " and " + still, opened + " and " + closed
}

// ofTable is the columns of grants as a table has them: what is closed has no end any more.
func ofTable(table, columns string) string {
	if table == "past_grants" {
		return strings.Replace(columns, presentEnd, "null", 1)
	}
	return columns
}

const (
	qEventBodies = `select e.position, e.body from {all events} e where e.tenant_id = $1 and e.position {in numbers $2}`
	qReasons     = `select t.position, t.text from event_texts t
		where t.tenant_id = $1 and t.position {in numbers $2} and t.field = 'reason'`
	qNamesOfConnections = `select c.no, c.id, c.name from connections c {index connections_no}
		where c.tenant_id = $1 and c.no {in numbers $2}`
)

// grantFacts is what the numbers of grants stand for, but for their groups.
type grantFacts struct {
	events      map[int64]opening
	connections map[int64]connectionName
}

// opening is what the event of a grant says of its beginning, or its end.
type opening struct {
	position        int64
	body            []byte
	actor           membership.Actor
	request, reason string
	breakGlass      bool
}

type connectionName struct {
	no   int64
	id   membership.ID
	name string
}

// factsOf reads the facts of grants. more is read along.
func (s *session) factsOf(ctx context.Context, grants iter.Seq[*grantRow], more ...engine.Query) (grantFacts, error) {
	f := grantFacts{map[int64]opening{}, map[int64]connectionName{}}
	var last grantRow
	for g := range grants {
		if g.opened != last.opened || g.closed != last.closed {
			note(f.events, g.opened)
			note(f.events, g.closed)
		}
		if g.connection != last.connection {
			note(f.connections, g.connection)
		}
		last = *g
	}
	var bodies []opening
	if len(f.events) > 0 {
		more = append(more, all(&bodies, qEventBodies, []any{s.tenant, numbers(f.events)}, func(e *opening) []any {
			return []any{&e.position, &e.body}
		}))
	}
	var names []connectionName
	if len(f.connections) > 0 {
		more = append(more,
			all(&names, qNamesOfConnections, []any{s.tenant, numbers(f.connections)}, func(c *connectionName) []any {
				return []any{&c.no, &c.id, &c.name}
			}))
	}
	if len(more) == 0 {
		return f, nil
	}
	if err := s.pipeline(ctx, more...); err != nil {
		return f, err
	}
	if err := s.readOpenings(ctx, bodies); err != nil {
		return f, err
	}
	for _, e := range bodies {
		e.body = nil
		f.events[e.position] = e
	}
	for _, c := range names {
		f.connections[c.no] = c
	}
	return f, nil
}

// source is a grant in a group, with the name of its connection.
func (f *grantFacts) source(r *grantRow, group membership.ID) (s membership.MemberSource) {
	c, opened := f.connections[r.connection], f.events[r.opened]
	s.ConnectionName = c.name
	s.Grant = membership.Grant{
		ID: r.id, Group: group, User: r.user, Connection: c.id, MemberSince: r.memberSince, OpenedAt: r.openedAt,
		OpenedBy: opened.actor, OpenedRequest: opened.request, OpenedReason: opened.reason, ClosedAt: r.closedAt,
		ExpiresAt: r.expiresAt, BreakGlass: opened.breakGlass,
	}
	if r.closed != 0 {
		closed := f.events[r.closed]
		s.Grant.ClosedBy, s.Grant.ClosedRequest, s.Grant.ClosedReason = closed.actor, closed.request, closed.reason
	}
	return s
}

// pointers are those to the grants of rows.
func pointers[T any](rows []T, grant func(*T) *grantRow) iter.Seq[*grantRow] {
	return func(yield func(*grantRow) bool) {
		for i := range rows {
			if !yield(grant(&rows[i])) {
				return
			}
		}
	}
}

// note makes a place for what a number stands for; 0 stands for nothing.
func note[T any](m map[int64]T, number int64) {
	if _, there := m[number]; !there && number != 0 {
		m[number] = *new(T)
	}
}

func numbers[T any](m map[int64]T) []int64 { return slices.Sorted(maps.Keys(m)) }

// breakGlassFact is in the event that opens a grant by break-glass, and as JSON in no other.
const breakGlassFact = `"` + membership.FactBreakGlass + `":true`

// readOpenings reads who and why, of events whose bodies are there.
func (s *session) readOpenings(ctx context.Context, events []opening) (err error) {
	var explained []int64
	for i := range events {
		e := &events[i]
		if e.actor, e.request, err = parseEventHead(e.body); err != nil {
			return err
		}
		e.breakGlass = bytes.Contains(e.body, []byte(breakGlassFact))
		if bytes.Contains(e.body, []byte(`,"`+reasonField+hashed+`":`)) {
			explained = append(explained, e.position)
		}
	}
	if len(explained) == 0 {
		return nil
	}
	type reason struct {
		position int64
		text     string
	}
	reasons, err := list(ctx, s, qReasons, []any{s.tenant, explained}, func(r *reason) []any {
		return []any{&r.position, &r.text}
	})
	if err != nil {
		return err
	}
	slices.SortFunc(events, func(a, b opening) int { return cmp.Compare(a.position, b.position) })
	for _, r := range reasons {
		i, _ := slices.BinarySearchFunc(events, r.position, func(e opening, position int64) int {
			return cmp.Compare(e.position, position)
		})
		events[i].reason = r.text
	}
	return nil
}
