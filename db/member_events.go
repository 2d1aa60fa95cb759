package db

import (
	"context"
	"encoding/binary"
	"fmt"

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

// event is that of the member with the number i. Its id is made from that of the
// row, by counting up.
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
	memberEventColumns = `id, at, actor_kind, actor_id, credential, source, connection_id, action,
	group_id, request_id, reason, side, members`
	qInsertMemberEvents = `insert into member_events (tenant_id, ` + memberEventColumns + `, position)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, {position $1})`
	qPendingMemberEvents = `select ` + memberEventColumns + ` from member_events
		where tenant_id = $1 and (position, at) >= ($2, $3) and (position, at) <= ($4, $5) and id {in $6}`
	qDropMemberEvents = `delete from member_events
		where tenant_id = $1 and (position, at) >= ($2, $3) and (position, at) <= ($4, $5) and id {in $6}`
)

func memberEventsDest(m *memberEvents) []any {
	e := &m.of
	return []any{
		&e.ID, (*stamp)(&e.At), (*string)(&e.Actor.Kind), &e.Actor.ID, &e.Credential, (*string)(&e.Source), &e.Connection,
		(*string)(&e.Action), &e.Group, &e.RequestID, &e.Reason, (*string)(&m.side), &m.members,
	}
}

func (s *session) insertMemberEvents(ctx context.Context, m memberEvents) error {
	e := m.of
	_, err := s.exec(ctx, qInsertMemberEvents, s.tenant, e.ID, stamp(e.At), string(e.Actor.Kind), e.Actor.ID, e.Credential.String(),
		string(e.Source), e.Connection, string(e.Action), e.Group, e.RequestID, e.Reason, string(m.side), m.members)
	return err
}

// unpackMemberEvents puts events in the place of rows. They are dropped and no
// others: one with a lesser position may be committed meanwhile.
func (s *session) unpackMemberEvents(ctx context.Context, pending []pendingEvent) error {
	if len(pending) == 0 {
		return nil
	}
	first, last := pending[0], pending[len(pending)-1]
	ids, numbers := make([]membership.ID, len(pending)), make(map[membership.ID]int64, len(pending))
	for i, p := range pending {
		ids[i] = p.id
		numbers[p.id] = p.number
	}
	which := []any{s.tenant, first.position, first.at, last.position, last.at, ids}
	rows, err := list(ctx, s, qPendingMemberEvents, which, memberEventsDest)
	if err != nil {
		return err
	}
	const part = 1024 // a row can have a hundred thousand members
	events := make([]membership.Event, 0, part)
	for _, m := range rows {
		for i := range m.len() {
			e := m.event(i)
			e.Number = numbers[m.of.ID] + int64(i)
			if events = append(events, e); len(events) == part {
				if err := s.insertNumbered(ctx, events); err != nil {
					return err
				}
				events = events[:0]
			}
		}
	}
	if err := s.insertNumbered(ctx, events); err != nil {
		return err
	}
	n, err := s.exec(ctx, qDropMemberEvents, which...)
	if err == nil && n != int64(len(pending)) {
		err = fmt.Errorf("of %d rows %d were unpacked", len(pending), n)
	}
	return err
}
