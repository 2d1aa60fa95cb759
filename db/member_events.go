package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// memberEvents is one row of member_events: what one request did to members of
// one group, as one event each.
type memberEvents struct {
	of      membership.Event // what they have in common
	side    membership.Source
	members []byte
}

// memberEventSize is a user, a grant, and whether another grant makes them a
// member all the same.
const memberEventSize = 33

func appendMemberEvent(b []byte, user, grant membership.ID, still bool) []byte {
	b = append(append(b, user[:]...), grant[:]...)
	if still {
		return append(b, 1)
	}
	return append(b, 0)
}

func (m *memberEvents) len() int { return len(m.members) / memberEventSize }

// event is that of the member with the number i. Ids count up from that of the
// row: whoever looks before and after it became events sees the same.
func (m *memberEvents) event(i int) membership.Event {
	e, b := m.of, m.members[i*memberEventSize:][:memberEventSize]
	const random = 1<<62 - 1 // RFC 9562 5.7: the last bits of a version 7
	low := binary.BigEndian.Uint64(e.ID[8:])
	binary.BigEndian.PutUint64(e.ID[8:], low&^random|(low+uint64(i))&random) //nolint:gosec // an index
	copy(e.User[:], b)
	var grant membership.ID
	copy(grant[:], b[len(e.User):])
	with := fmt.Appendf(nil, `{"member":true,"grant":"%s","source":"%s"}`, grant, m.side)
	without := fmt.Appendf(nil, `{"member":%t}`, b[memberEventSize-1] == 1)
	e.Before, e.After = without, with
	if e.Action == membership.ActionGrantClosed {
		e.Before, e.After = with, without
	}
	return e
}

const (
	memberEventColumns = `id, at, actor_kind, actor_id, source, connection_id, action,
	group_id, request_id, reason, side, members`
	qInsertMemberEvents = `insert into member_events (tenant_id, ` + memberEventColumns + `)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`
	qMemberEvents = `select ` + memberEventColumns + ` from member_events
		where tenant_id = $1 and at >= $2 order by at, id`
	qOldestMemberEvents = `select at, id, length(members) from member_events
		where tenant_id = $1 and (at, id) > ($2, $3) order by at, id limit $4`
	qMemberEventsUntil = `select ` + memberEventColumns + ` from member_events
		where tenant_id = $1 and (at, id) > ($2, $3) and (at, id) <= ($4, $5) order by at, id`
	qDropMemberEvents = `delete from member_events where tenant_id = $1 and at >= $2 and at <= $3 and id {in $4}`
)

func memberEventsDest(m *memberEvents) []any {
	e := &m.of
	return []any{
		&e.ID, (*stamp)(&e.At), (*string)(&e.Actor.Kind), &e.Actor.ID, (*string)(&e.Source), &e.Connection,
		(*string)(&e.Action), &e.Group, &e.RequestID, &e.Reason, (*string)(&m.side), &m.members,
	}
}

func (s *session) insertMemberEvents(ctx context.Context, m memberEvents) error {
	e := m.of
	_, err := s.exec(ctx, qInsertMemberEvents, s.tenant, e.ID, stamp(e.At), string(e.Actor.Kind), e.Actor.ID, string(e.Source), e.Connection,
		string(e.Action), e.Group, e.RequestID, e.Reason, string(m.side), m.members)
	return err
}

// rolledEvents are the events that a query would find if all members' were
// events already.
func (s *session) rolledEvents(ctx context.Context, q membership.EventQuery) (es []membership.Event, err error) {
	after := stamp(since(q.After.At))
	for m, err := range stream(ctx, s, qMemberEvents, []any{s.tenant, after}, memberEventsDest) {
		if err != nil {
			return nil, err
		}
		if !q.Group.IsZero() && q.Group != m.of.Group {
			continue
		}
		for i := range m.len() {
			e := m.event(i)
			e.Tenant = s.tenant
			if !q.User.IsZero() && q.User != e.User || e.At.Equal(q.After.At) && e.ID.Compare(q.After.ID) <= 0 {
				continue
			}
			if es = append(es, e); len(es) == q.Limit {
				return es, nil
			}
		}
	}
	return es, nil
}

// unrollMemberEvents puts events in the place of the oldest rows, until they are
// limit events or no row is left. It returns the time of the last row if there
// may be more. The caller holds the lock of the tenant's numbers.
func (s *session) unrollMemberEvents(ctx context.Context, limit int) (until time.Time, err error) {
	var last membership.EventPosition
	for n := 0; n < limit; {
		next, err := s.nextMemberEvents(ctx, last, limit-n)
		if err != nil || next == last {
			return time.Time{}, err
		}
		rows, err := list(ctx, s, qMemberEventsUntil,
			[]any{s.tenant, stamp(since(last.At)), last.ID, stamp(next.At), next.ID}, memberEventsDest)
		if err != nil {
			return until, err
		}
		// These are dropped and no others: an older one may be committed meanwhile.
		drop := make([]membership.ID, len(rows))
		for i, m := range rows {
			n += m.len()
			drop[i] = m.of.ID
		}
		if err := s.unroll(ctx, rows); err != nil {
			return until, err
		}
		if _, err := s.exec(ctx, qDropMemberEvents, s.tenant, stamp(since(last.At)), stamp(next.At), drop); err != nil {
			return until, err
		}
		last, until = next, next.At
	}
	return until, nil
}

// nextMemberEvents is where to read to from a place on, so that it is not many
// more than limit events; the place itself if nothing comes after it.
func (s *session) nextMemberEvents(ctx context.Context, from membership.EventPosition, limit int) (to membership.EventPosition, err error) {
	const rows = 1000
	type row struct {
		at   membership.EventPosition
		size int
	}
	sizes, err := list(ctx, s, qOldestMemberEvents, []any{s.tenant, stamp(since(from.At)), from.ID, rows}, func(r *row) []any {
		return []any{(*stamp)(&r.at.At), &r.at.ID, &r.size}
	})
	to = from
	for n := 0; err == nil && len(sizes) > 0 && n < limit; sizes = sizes[1:] {
		to = sizes[0].at
		n += sizes[0].size / memberEventSize
	}
	return to, err
}

// unroll writes a part at a time: a row can have a hundred thousand members.
func (s *session) unroll(ctx context.Context, rows []memberEvents) error {
	const part = 1024
	events := make([]membership.Event, 0, part)
	for _, m := range rows {
		for i := range m.len() {
			if events = append(events, m.event(i)); len(events) == part {
				if err := s.AppendEvents(ctx, events...); err != nil {
					return err
				}
				events = events[:0]
			}
		}
	}
	return s.AppendEvents(ctx, events...)
}
