package db

import (
	"context"
	"fmt"
	"time"
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
		select distinct x.tenant_id, {id of x.member}, x.number from (
			select e.tenant_id, e.number, {fact m.value user_id} as member
			from events e {index events_by_number}, {each e.members} m
			where e.tenant_id = $1 and e.number > $2 and e.number <= $3
				and e.members is not null and e.user_id is null) x
		order by 2, 3 on conflict do nothing`
)

// maxMembersBytes is how many bytes of members one transaction numbers, and the
// event that passes it: about a hundred thousand members.
const maxMembersBytes = 10 << 20

// Where one transaction at a time writes, all others wait for one that numbers: it does
// a part, looks at the clock, and leaves what is left to the next. What a part takes
// depends on how many pages of the indexes it changes, which is a tenfold difference.
const (
	numberingTime    = 8 * time.Millisecond // and the commit
	partEvents       = keySpan
	partMembersBytes = 64 << 10 // about 600 members
)

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
	part, members, turns := limit, maxMembersBytes, s.store.engine.Dialect().OneWriter
	if turns {
		part, members = partEvents, partMembersBytes
	}
	began, last := time.Now(), head
	for more = true; more && limit > 0 && (last == head || turns && time.Since(began) < numberingTime); {
		n := 0
		if n, more, err = s.numberPart(ctx, last, min(part, limit), members); err != nil {
			return false, err
		}
		if n == 0 {
			break
		}
		last, limit = last+int64(n), limit-n
	}
	if last == head {
		return false, nil
	}
	return more, s.changed(ctx, "tenant", qMoveEventHead, s.tenant, last)
}

// numberPart gives the next events the numbers after head, limit of them at most, and
// says how many it were and whether there may be more.
func (s *session) numberPart(ctx context.Context, head int64, limit, maxMembers int) (n int, more bool, err error) {
	pending, err := list(ctx, s, qPendingEvents, []any{s.tenant, limit}, func(p *pendingEvent) []any {
		return []any{&p.position, &p.rowID, &p.body, &p.members}
	})
	if err != nil || len(pending) == 0 {
		return 0, false, err
	}
	more = len(pending) == limit
	index, members := newEventIndex(), int64(0)
	for i, p := range pending {
		if members > int64(maxMembers) {
			pending, more = pending[:i], true
			break
		}
		members += p.members
		index.add(head+1+int64(i), p.body)
	}
	if err := s.setNumbers(ctx, head, pending); err != nil {
		return 0, false, err
	}
	if members > 0 {
		if _, err := s.exec(ctx, qIndexMembers, s.tenant, head, head+int64(len(pending))); err != nil {
			return 0, false, err
		}
	}
	return len(pending), more, index.write(ctx, s)
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
