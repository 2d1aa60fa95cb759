package db

import (
	"context"
	"fmt"
)

const (
	qNewEventHead  = `insert into event_heads (tenant_id, number) values ($1, 0) on conflict do nothing`
	qLockEventHead = `select number from event_heads where tenant_id = $1 {for update}`
	qMoveEventHead = `update event_heads set number = $2 where tenant_id = $1`

	// What has no number yet, in the order of positions. It is one statement, so of
	// one snapshot: a reader that finds an event there finds what it depends on, with a
	// lesser position.
	qPendingEvents = `select e.position, {row id e}, e.body,
			case when e.user_id is null then coalesce(octet_length(e.members), 0) else 0 end
		from events e {index events_waiting}
		where e.tenant_id = $1 and e.number is null and e.position > 0 order by e.position limit $2`
	qNumberEvent = `update events set number = $3 where tenant_id = $1 and position = $2`
	// By the ids of their rows: what has become events just now has no
	// statistics, and a join by a key would look through all of them for each.
	qNumberEventsByRowID = `update events set number = n.number
		from unnest($2::text[]::tid[], $3::bigint[]) n(row_id, number)
		where events.tenant_id = $1 and events.ctid = n.row_id`
	qIndexMembers = `insert into event_users (tenant_id, user_id, number)
		select distinct $1, {id of x.member}, x.number from (
			select e.number, {fact m.value user_id} as member from events e {index events_by_number}, {each e.members} m
			where e.tenant_id = $1 and e.number > $2 and e.number <= $3
				and e.members is not null and e.user_id is null) x
		order by 2, 3`
)

// maxMembersBytes is how many bytes of members one transaction numbers, and the
// event that passes it: about a hundred thousand members.
const maxMembersBytes = 10 << 20

// pendingEvent is an event that has no number yet.
type pendingEvent struct {
	position int64
	rowID    string
	body     []byte
	members  int64 // bytes, if they are several
}

// NumberEvents implements membership.Tx. The lock comes before the statement
// that looks for events, so that on PostgreSQL its snapshot has what the
// numberer before it wrote. What gets numbers is chosen by that statement alone:
// nothing that is committed later comes in between.
func (s *session) NumberEvents(ctx context.Context, limit int) (more bool, err error) {
	if _, err := s.exec(ctx, qNewEventHead, s.tenant); err != nil {
		return false, err
	}
	var head int64
	if err := s.one(ctx, "tenant", qLockEventHead, []any{s.tenant}, &head); err != nil {
		return false, err
	}
	pending, err := list(ctx, s, qPendingEvents, []any{s.tenant, limit}, func(p *pendingEvent) []any {
		return []any{&p.position, &p.rowID, &p.body, &p.members}
	})
	if err != nil || len(pending) == 0 {
		return false, err
	}
	more = len(pending) == limit
	index, members := newEventIndex(), int64(0)
	for i, p := range pending {
		if members > maxMembersBytes {
			pending, more = pending[:i], true
			break
		}
		members += p.members
		index.add(head+1+int64(i), p.body)
	}
	last := head + int64(len(pending))
	if err := s.setNumbers(ctx, head, pending); err != nil {
		return false, err
	}
	if members > 0 {
		if _, err := s.exec(ctx, qIndexMembers, s.tenant, head, last); err != nil {
			return false, err
		}
	}
	if err := index.write(ctx, s); err != nil {
		return false, err
	}
	return more, s.changed(ctx, "tenant", qMoveEventHead, s.tenant, last)
}

// setNumbers gives events the numbers from head on.
func (s *session) setNumbers(ctx context.Context, head int64, events []pendingEvent) error {
	if !s.store.engine.Dialect().RowIDs {
		rows := make([][]any, len(events))
		for i, e := range events {
			rows[i] = []any{s.tenant, e.position, head + 1 + int64(i)}
		}
		return s.execEach(ctx, qNumberEvent, rows)
	}
	rows, numbers := make([]string, len(events)), make([]int64, len(events))
	for i, e := range events {
		rows[i], numbers[i] = e.rowID, head+1+int64(i)
	}
	n, err := s.exec(ctx, qNumberEventsByRowID, s.tenant, rows, numbers)
	if err == nil && n != int64(len(events)) {
		err = fmt.Errorf("of %d events %d got a number", len(events), n)
	}
	return err
}
