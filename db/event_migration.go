package db

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Events of before had a column for each thing they say, and one each for every
// member of a change; what was not numbered of a change stood packed in
// member_events. Migration 21 put those tables aside. Here they become events as
// they are now: what has a number keeps it, what has none follows in its order.

// eventStep is how many events of before one transaction carries over, and of how
// many packed members.
var eventStep = carryStep

const (
	eventBeforeColumns = `e.id, e.at, e.actor_kind, e.actor_id, e.credential, e.source, e.connection_id, e.action,
	e.group_id, e.user_id, e.before, e.after, e.request_id, e.reason, coalesce(e.number, 0), e.position`
	selectNumberedBefore = `select ` + eventBeforeColumns + ` from events_before e {index events_number}
		where e.tenant_id = $1 and e.number > 0 order by e.number limit $2`
	selectPendingBefore = `select ` + eventBeforeColumns + ` from events_before e {index events_unnumbered}
		where e.tenant_id = $1 and e.number is null order by e.position, e.at, e.id limit $2`
	selectPackedBefore = `select m.id, m.at, m.actor_kind, m.actor_id, m.credential, m.source, m.connection_id,
			m.action, m.group_id, m.request_id, m.reason, m.side, m.members, m.position
		from member_events_before m where m.tenant_id = $1 order by m.position, m.at, m.id limit $2`
	selectPackedSizes = `select length(m.members) from member_events_before m where m.tenant_id = $1
		order by m.position, m.at, m.id limit $2`
	dropEventBefore  = `delete from events_before where tenant_id = $1 and at = $2 and id = $3`
	dropPackedBefore = `delete from member_events_before where tenant_id = $1 and position = $2 and at = $3 and id = $4`
	countUnordered   = `select count(*) from (select 1 from events_before e {index events_number}
		where e.tenant_id = $1 and e.number > 0 and e.position = 0 limit 1) e`
	insertGrantEvent = `insert into grant_events_before (tenant_id, grant_id, closed, position) values ($1, $2, $3, $4)
		on conflict (tenant_id, grant_id, closed) do nothing`
)

// eventBefore is an event of before, or a row of packed ones.
type eventBefore struct {
	membership.Event
	position int64
	packed   []byte
	side     membership.Source
}

func eventBeforeDest(b *eventBefore) []any {
	e := &b.Event
	return []any{
		&e.ID, (*stamp)(&e.At), (*string)(&e.Actor.Kind), &e.Actor.ID, &e.Credential, (*string)(&e.Source),
		&e.Connection,
		(*string)(&e.Action), &e.Group, &e.User, &e.Before, &e.After, &e.RequestID, &e.Reason, &e.Number, &b.position,
	}
}

func packedBeforeDest(b *eventBefore) []any {
	e := &b.Event
	return []any{
		&e.ID, (*stamp)(&e.At), (*string)(&e.Actor.Kind), &e.Actor.ID, &e.Credential, (*string)(&e.Source),
		&e.Connection,
		(*string)(&e.Action), &e.Group, &e.RequestID, &e.Reason, (*string)(&b.side), &b.packed, &b.position,
	}
}

// carryEvents carries the events of a tenant over, step by step. It can be stopped
// at any time and begun again: what is carried over is not there any more.
func (s *Store) carryEvents(ctx context.Context, tenant membership.ID, p *carryProgress) error {
	for _, next := range []nextBefore{numberedBefore, pendingBefore} {
		for n := 1; n > 0; p.add(n, 0) {
			var err error
			if n, err = s.carryNext(ctx, tenant, next); err != nil {
				return fmt.Errorf("carry over the events of tenant %s: %w", tenant, err)
			}
		}
	}
	return nil
}

type nextBefore func(context.Context, *session) ([]eventBefore, error)

// carryNext is one step, and returns how many rows it took.
func (s *Store) carryNext(ctx context.Context, tenant membership.ID, next nextBefore) (n int, err error) {
	err = s.update(ctx, tenant, func(t *session) error {
		before, err := next(ctx, t)
		if n = len(before); err != nil || n == 0 {
			return err
		}
		return t.carry(ctx, before)
	})
	return n, err
}

func numberedBefore(ctx context.Context, s *session) ([]eventBefore, error) {
	return list(ctx, s, selectNumberedBefore, []any{s.tenant, eventStep}, eventBeforeDest)
}

// pendingBefore are those without a number in their order: of both tables those
// with the least positions.
func pendingBefore(ctx context.Context, s *session) ([]eventBefore, error) {
	plain, err := list(ctx, s, selectPendingBefore, []any{s.tenant, eventStep}, eventBeforeDest)
	if err != nil {
		return nil, err
	}
	packed, err := s.packedBefore(ctx)
	if err != nil {
		return nil, err
	}
	// What comes behind the last of a part that is full may come before what was not
	// read of the other: it waits for the next step.
	var both []eventBefore
	for len(plain)+len(packed) > 0 {
		from := &plain
		if len(plain) == 0 || len(packed) > 0 && packed[0].comesBefore(plain[0]) {
			from = &packed
		}
		b := (*from)[0]
		*from = (*from)[1:]
		both = append(both, b)
		if len(*from) == 0 && (len(plain) > 0 || len(packed) > 0) {
			break
		}
	}
	return both, nil
}

// packedBefore are the next rows of packed events, with not many more members than a
// step has: one alone can have a hundred thousand.
func (s *session) packedBefore(ctx context.Context) ([]eventBefore, error) {
	sizes, err := list(ctx, s, selectPackedSizes, []any{s.tenant, eventStep}, func(n *int) []any { return []any{n} })
	if err != nil {
		return nil, err
	}
	rows, bytes := 0, 0
	for rows < len(sizes) && bytes < eventStep*memberBeforeSize {
		bytes += sizes[rows]
		rows++
	}
	return list(ctx, s, selectPackedBefore, []any{s.tenant, rows}, packedBeforeDest)
}

// comesBefore is the order in which they would have got their numbers.
func (b *eventBefore) comesBefore(o eventBefore) bool {
	switch {
	case b.position != o.position:
		return b.position < o.position
	case !b.At.Equal(o.At):
		return b.At.Before(o.At)
	}
	return b.ID.Compare(o.ID) < 0
}

// carry writes the events of one step and drops what they were.
func (s *session) carry(ctx context.Context, before []eventBefore) error {
	var rows []eventRow
	var grants [][]any // of each member: the grant, whether it was closed, and of which row
	var events, packed [][]any
	index := newEventIndex()
	for _, b := range before {
		e := b.Event
		if b.packed != nil {
			e.MemberSource, e.Members = b.side, unpackMembers(b.packed)
			packed = append(packed, []any{s.tenant, b.position, stamp(b.At), b.ID})
		} else {
			withMembers(&e)
			events = append(events, []any{s.tenant, stamp(b.At), b.ID})
		}
		of, err := eventRows(e)
		if err != nil {
			return err
		}
		for i, m := range e.Members {
			closed := e.Action == membership.ActionGrantClosed
			grants = append(grants, []any{s.tenant, m.Grant, closed, int64(len(rows) + i/membership.MaxEventMembers)})
		}
		if rows = append(rows, of...); e.Number > 0 {
			index.add(e.Number, of[0].body)
		}
	}
	positions, err := s.insertEvents(ctx, rows)
	if err != nil {
		return err
	}
	for _, g := range grants {
		g[3] = positions[g[3].(int64)]
	}
	if err := index.write(ctx, s); err != nil {
		return err
	}
	if err := s.drop(ctx, grants, events, packed); err != nil {
		return err
	}
	return s.markOrder(ctx, before)
}

// drop notes of which grants events tell, and drops what these were.
func (s *session) drop(ctx context.Context, grants, events, packed [][]any) error {
	for q, rows := range map[string][][]any{insertGrantEvent: grants, dropEventBefore: events,
		dropPackedBefore: packed} {
		if err := s.execEach(ctx, q, rows); err != nil {
			return err
		}
	}
	return nil
}

// markOrder writes, with the last event that has a number and no position, the event
// that says so: from before positions were kept (migration 18) numbers went by time, and
// the order of cause is not promised. It is the first event of the new kind: it gets the
// number that follows those of before.
func (s *session) markOrder(ctx context.Context, before []eventBefore) error {
	through := int64(0)
	for _, b := range before {
		if b.position == 0 && b.Number > 0 {
			through = b.Number
		}
	}
	if through == 0 {
		return nil
	}
	var more int
	if err := s.one(ctx, "events", countUnordered, []any{s.tenant}, &more); err != nil || more > 0 {
		return err
	}
	return s.AppendEvents(ctx, membership.Call{
		Tenant: s.tenant, Actor: membership.Actor{Kind: membership.ActorSystem, ID: "migration"},
		Credential: membership.Credential{Kind: membership.CredentialSystem},
	}.Event(time.Now(), membership.ActionLogUpgraded, membership.ID{}, membership.ID{}, nil,
		membership.Facts{"order_not_promised_through": through}))
}

// memberBeforeSize is that of a packed member: a user, a grant, and whether another
// grant made them a member all the same.
const memberBeforeSize = 33

func unpackMembers(packed []byte) (members []membership.EventMember) {
	for ; len(packed) >= memberBeforeSize; packed = packed[memberBeforeSize:] {
		m := membership.EventMember{Still: packed[memberBeforeSize-1] == 1}
		copy(m.User[:], packed)
		copy(m.Grant[:], packed[len(m.User):])
		members = append(members, m)
	}
	return members
}

// withMembers says of an event of one grant, which said it in its facts, who the
// member is. What more the facts say stays.
func withMembers(e *membership.Event) {
	if e.Action != membership.ActionGrantOpened && e.Action != membership.ActionGrantClosed || e.User.IsZero() {
		return
	}
	with, without := &e.After, &e.Before
	if e.Action == membership.ActionGrantClosed {
		with, without = without, with
	}
	var is struct {
		Grant  membership.ID
		Source membership.Source
	}
	var was struct{ Member bool }
	if json.Unmarshal(*with, &is) != nil || json.Unmarshal(*without, &was) != nil || is.Grant.IsZero() {
		return // not as any program wrote it: it stays as it is
	}
	e.MemberSource = is.Source
	e.Members = []membership.EventMember{{User: e.User, Grant: is.Grant, Still: was.Member}}
	for _, facts := range []*[]byte{with, without} {
		*facts = withoutFacts(*facts, "member", "grant", "source")
	}
}

// withoutFacts leaves facts out; none that are left are nil.
func withoutFacts(facts []byte, names ...string) []byte {
	var m map[string]json.RawMessage
	if json.Unmarshal(facts, &m) != nil {
		return facts
	}
	for _, name := range names {
		delete(m, name)
	}
	if len(m) == 0 {
		return nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return bytes.Clone(facts)
	}
	return b
}
