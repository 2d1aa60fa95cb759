package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// EventColumns holds what is kept beside the bodies of events against the bodies:
// who is a member in which event, the index, the texts that bodies hide, and the
// positions that grants refer to. A column means nothing that is not in a body. It
// needs eight bytes for each 1024 events.
type EventColumns struct {
	store  *Store
	tenant membership.ID
	seed   maphash.Seed
	want   map[int64]uint64 // of each block the sum of the rows that belong there
	block  eventRowsOf
	last   int64 // the number of the last event
}

// eventRowsOf are the rows that belong to some events, by what they say.
type eventRowsOf struct {
	index *eventIndex
	users map[userOfEvent]bool
}

type userOfEvent struct {
	user   membership.ID
	number int64
}

func newEventRows() eventRowsOf {
	return eventRowsOf{index: newEventIndex(), users: map[userOfEvent]bool{}}
}

func (r eventRowsOf) add(l StoredLeaf) {
	r.index.add(l.Number, l.Body)
	if l.User != "" {
		return
	}
	members, err := parseEventMembers(l.Members)
	if err != nil {
		return // it is not what was sealed
	}
	for _, m := range members {
		r.users[userOfEvent{m.User, l.Number}] = true
	}
}

// texts are the rows as texts, with the number that each is named by.
func (r eventRowsOf) texts() map[string]int64 {
	all := map[string]int64{}
	for u := range r.users {
		all[userText(u)] = u.number
	}
	for at, of := range r.index.keys {
		all[keyText(at, *of)] = of.first
	}
	for span, of := range r.index.spans {
		all[spanText(span, stamp(of.first), stamp(of.last))] = max(span*timeSpan, 1)
	}
	return all
}

func userText(u userOfEvent) string { return fmt.Sprintf("user %s %d", u.user, u.number) }

func keyText(at keyPlace, of keyRange) string {
	return fmt.Sprintf("key %d %d %d %s", at.span, of.first, of.last, at.key)
}

func spanText(span int64, first, last stamp) string {
	return fmt.Sprintf("span %d %d %d", span, time.Time(first).UnixMicro(), time.Time(last).UnixMicro())
}

// EventColumns begins to hold the columns of a tenant's events against their bodies.
func (s *Store) EventColumns(tenant membership.ID) *EventColumns {
	return &EventColumns{
		store: s, tenant: tenant, seed: maphash.MakeSeed(), want: map[int64]uint64{}, block: newEventRows(),
	}
}

// Add takes the next event.
func (c *EventColumns) Add(l StoredLeaf) {
	if l.Number/timeSpan != c.last/timeSpan {
		c.endBlock()
	}
	c.last = l.Number
	c.block.add(l)
}

func (c *EventColumns) endBlock() {
	for text := range c.block.texts() {
		c.want[c.last/timeSpan] += maphash.String(c.seed, text)
	}
	c.block = newEventRows()
}

const (
	qAllEventUsers   = `select user_id, number from event_users where tenant_id = $1`
	qAllEventKeys    = `select key, span, first, last from event_keys where tenant_id = $1`
	qAllEventSpans   = `select span, first_at, last_at from event_spans where tenant_id = $1`
	qEventUsersAmong = qAllEventUsers + ` and number >= $2 and number <= $3`
	qEventKeysAmong  = qAllEventKeys + ` and span >= $2 and span <= $3`
	qEventSpansAmong = qAllEventSpans + ` and span = $2`
	qEventsAmong     = `select number, position, body, coalesce(members, ''),
		case when user_id is null then '' else {text user_id} end from events {index events_by_number}
		where tenant_id = $1 and number >= $2 and number <= $3 order by number`
)

// Wrong reads what is kept, after the last event. It returns the number of the first
// event beside which something is not as its body says; 0: there is none. unlogged are the
// openings and closings of grants that no event of the log tells of.
func (c *EventColumns) Wrong(ctx context.Context) (number, unlogged int64, err error) {
	c.endBlock()
	got := map[int64]uint64{}
	err = c.store.read(ctx, c.tenant, func(s *session) error {
		clear(got)
		return eachEventRow(ctx, s, [3]string{qAllEventUsers, qAllEventKeys, qAllEventSpans}, [3][]any{
			{c.tenant}, {c.tenant}, {c.tenant},
		}, func(text string, of int64) {
			got[of/timeSpan] += maphash.String(c.seed, text)
		})
	})
	if err != nil {
		return 0, 0, err
	}
	for block := range c.want {
		if got[block] == c.want[block] {
			delete(got, block)
			delete(c.want, block)
		}
	}
	for block := range got {
		c.want[block] = 0
	}
	for block := range c.want {
		if number > 0 && block > number/timeSpan {
			continue
		}
		wrong, err := c.wrongIn(ctx, block)
		if err != nil {
			return 0, 0, err
		}
		if wrong > 0 && (number == 0 || wrong < number) {
			number = wrong
		}
	}
	if number > 0 {
		return number, 0, nil
	}
	return c.wrongReference(ctx)
}

// eachEventRow reads rows as texts.
func eachEventRow(
	ctx context.Context, s *session, queries [3]string, args [3][]any, each func(text string, number int64),
) error {
	for u, err := range stream(ctx, s, queries[0], args[0], func(u *userOfEvent) []any {
		return []any{&u.user, &u.number}
	}) {
		if err != nil {
			return err
		}
		each(userText(u), u.number)
	}
	type keyRow struct {
		keyPlace
		keyRange
	}
	for k, err := range stream(ctx, s, queries[1], args[1], func(k *keyRow) []any {
		return []any{&k.key, &k.span, &k.first, &k.last}
	}) {
		if err != nil {
			return err
		}
		each(keyText(k.keyPlace, k.keyRange), k.span*keySpan)
	}
	type spanRow struct {
		span        int64
		first, last stamp
	}
	for r, err := range stream(ctx, s, queries[2], args[2], func(r *spanRow) []any {
		return []any{&r.span, &r.first, &r.last}
	}) {
		if err != nil {
			return err
		}
		each(spanText(r.span, r.first, r.last), max(r.span*timeSpan, 1))
	}
	return nil
}

// wrongIn looks at one block again, on one snapshot: what was numbered meanwhile is
// nothing wrong.
func (c *EventColumns) wrongIn(ctx context.Context, block int64) (number int64, err error) {
	first, last := block*timeSpan, block*timeSpan+timeSpan-1
	err = c.store.read(ctx, c.tenant, func(s *session) error {
		rows := newEventRows()
		for l, err := range stream(ctx, s, qEventsAmong, []any{c.tenant, first, last}, func(l *StoredLeaf) []any {
			return []any{&l.Number, &l.Position, &l.Body, &l.Members, &l.User}
		}) {
			if err != nil {
				return err
			}
			rows.add(l)
		}
		want := rows.texts()
		lacking, surplus := want, int64(0)
		err := eachEventRow(ctx, s, [3]string{qEventUsersAmong, qEventKeysAmong, qEventSpansAmong}, [3][]any{
			{c.tenant, first, last}, {c.tenant, first / keySpan, last / keySpan}, {c.tenant, block},
		}, func(text string, of int64) {
			if _, belongs := want[text]; belongs {
				delete(lacking, text)
			} else if surplus == 0 || of < surplus {
				surplus = max(of, 1)
			}
		})
		number = 0
		for _, of := range lacking {
			if number == 0 || of < number {
				number = of
			}
		}
		if number == 0 {
			number = surplus
		}
		return err
	})
	return number, err
}

const (
	// Texts that stand beside no event.
	qTextOfNoEvent = `select t.field, t.salt, t.text from event_texts t where t.tenant_id = $1 and not exists (
		select 1 from {all events} e where e.tenant_id = $1 and e.position = t.position) limit 1`
	qEventWithText = `select coalesce(min(number), 0) from events {index events_by_number}
		where tenant_id = $1 and number is not null and ({contains body $2} or {contains members $2}) and
			{contains body $3}`
)

// wrongReference finds what refers to an event by a position where it is not.
func (c *EventColumns) wrongReference(ctx context.Context) (number, unlogged int64, err error) {
	mark, action := "", ""
	err = c.store.read(ctx, c.tenant, func(s *session) error {
		var h hiddenText
		err := s.one(ctx, "text", qTextOfNoEvent, []any{c.tenant}, &h.field, &h.salt, &h.text)
		if membership.KindOf(err) == membership.KindNotFound {
			return nil
		}
		mark = hiddenTexts{h}.hash(h.field)
		return err
	})
	if err == nil && mark == "" {
		g, unlogged, err := c.store.grantOfNoEvent(ctx, c.tenant)
		if err != nil || g == nil {
			return 0, unlogged, err
		}
		mark, action = g.grant.String(), string(g.action)
	}
	if err != nil {
		return 0, 0, err
	}
	err = c.store.read(ctx, c.tenant, func(s *session) error {
		return s.one(ctx, "event", qEventWithText, []any{c.tenant, mark, action}, &number)
	})
	return max(number, 1), 0, err // of no event that is there
}

// WrongText returns the number of the first of some events beside which a text
// stands that its body does not hide; 0: there is none. Texts can be gone.
func (s *Store) WrongText(ctx context.Context, tenant membership.ID, leaves []StoredLeaf) (number int64, err error) {
	at, positions := make(map[int64]StoredLeaf, len(leaves)), make([]int64, len(leaves))
	for i, l := range leaves {
		at[l.Position], positions[i] = l, l.Position
	}
	type row struct {
		position int64
		hiddenText
	}
	err = s.read(ctx, tenant, func(s *session) error {
		number = 0
		rows, err := list(ctx, s, qEventTexts, []any{tenant, positions}, func(r *row) []any {
			return []any{&r.position, &r.field, &r.salt, &r.text}
		})
		for _, r := range rows {
			l := at[r.position]
			if !r.hiddenIn(l.Body) && (number == 0 || l.Number < number) {
				number = l.Number
			}
		}
		return err
	})
	return number, err
}

// hiddenIn reports whether a body has the hash of a text in its field.
func (h hiddenText) hiddenIn(body []byte) bool {
	var v map[string]json.RawMessage
	if json.Unmarshal(body, &v) != nil {
		return false
	}
	field := h.field
	if facts, name, inside := strings.Cut(field, "."); inside {
		var of map[string]json.RawMessage
		if json.Unmarshal(v[facts], &of) != nil {
			return false
		}
		v, field = of, name
	}
	sum := sha256.Sum256(append(append([]byte(nil), h.salt...), h.text...))
	var want string
	return json.Unmarshal(v[field+hashed], &want) == nil && want == hex.EncodeToString(sum[:])
}
