package db

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The log by action, actor, connection and time. Most events have the action, the
// actor and the connection of the one before them, and almost its time: an index of
// the table would have an entry for each, as large as a tenth of it. Here a key has
// one row for each keySpan numbers among which it comes, and a time one for each
// timeSpan.
const (
	keySpan  = 64
	timeSpan = 1024
)

func actionKey(a membership.Action) string { return indexKey("action " + string(a)) }
func actorKey(a membership.Actor) string   { return indexKey("actor " + a.String()) }
func connectionKey(id string) string       { return indexKey("connection " + id) }

// indexKey is a key as it is kept: a longer one than an index takes is a hash.
func indexKey(key string) string {
	if len(key) <= 512 {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256 " + hex.EncodeToString(sum[:])
}

// eventIndex collects what is to be written of events that get numbers, in their
// order.
type eventIndex struct {
	keys   map[keyPlace]*keyRange
	spans  map[int64]*timeRange
	latest time.Time
}

type keyPlace struct {
	key  string
	span int64
}

type keyRange struct{ first, last int64 }

type timeRange struct{ first, last time.Time }

func newEventIndex() *eventIndex {
	return &eventIndex{keys: map[keyPlace]*keyRange{}, spans: map[int64]*timeRange{}}
}

// add takes the next event. Of one whose body was made unreadable nothing is known,
// and it gets its number all the same: else nothing behind it had one.
func (x *eventIndex) add(number int64, body []byte) {
	k, err := parseEventKeys(body)
	if err != nil {
		return
	}
	x.key(actionKey(k.action), number)
	x.key(actorKey(k.actor), number)
	if k.connection != "" {
		x.key(connectionKey(k.connection), number)
	}
	x.latest = latest(x.latest, k.at)
	if r := x.spans[number/timeSpan]; r == nil {
		x.spans[number/timeSpan] = &timeRange{k.at, k.at}
	} else {
		r.last = latest(r.last, k.at)
		if k.at.Before(r.first) {
			r.first = k.at
		}
	}
}

func (x *eventIndex) key(key string, number int64) {
	at := keyPlace{key, number / keySpan}
	if r := x.keys[at]; r == nil {
		x.keys[at] = &keyRange{number, number}
	} else {
		r.last = number
	}
}

const (
	qIndexKey = `insert into event_keys (tenant_id, key, span, first, last) values ($1, $2, $3, $4, $5)
		on conflict (tenant_id, key, span) do update set last = excluded.last`
	qIndexTime = `insert into event_spans (tenant_id, span, first_at, last_at) values ($1, $2, $3, $4)
		on conflict (tenant_id, span) do update set
			first_at = case when excluded.first_at < event_spans.first_at
				then excluded.first_at else event_spans.first_at end,
			last_at = case when excluded.last_at > event_spans.last_at
				then excluded.last_at else event_spans.last_at end`
	qRaiseLatest = `update event_heads set latest_at = $2
		where tenant_id = $1 and (latest_at is null or latest_at < $2)`
)

// write adds it to what is there. Who numbers holds the lock, so that no two write
// the same row.
func (x *eventIndex) write(ctx context.Context, s *session) error {
	rows := make([][]any, 0, len(x.keys))
	for at, r := range x.keys {
		rows = append(rows, []any{s.tenant, at.key, at.span, r.first, r.last})
	}
	if err := s.execEach(ctx, qIndexKey, rows); err != nil {
		return err
	}
	rows = rows[:0]
	for span, r := range x.spans {
		rows = append(rows, []any{s.tenant, span, stamp(r.first), stamp(r.last)})
	}
	if err := s.execEach(ctx, qIndexTime, rows); err != nil || x.latest.IsZero() {
		return err
	}
	_, err := s.exec(ctx, qRaiseLatest, s.tenant, stamp(x.latest))
	return err
}
