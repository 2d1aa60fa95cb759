package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const qInsertReservation = `insert into idempotency_keys (tenant_id, actor, route, key, fingerprint, request_id,
		claimed_at, lease_until, expires_at, status, content_type, body)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
	on conflict (tenant_id, actor, route, key) do nothing`

func (s *session) reservationArgs(c membership.IdempotencyReservation) []any {
	body := c.Answer.Body
	if body == nil {
		body = []byte{}
	}
	return []any{
		s.tenant, c.Actor, c.Route, c.Key, c.Fingerprint[:], c.RequestID,
		stamp(c.ReservedAt), stamp(c.LeaseUntil), stamp(c.ExpiresAt), c.Answer.Status, c.Answer.ContentType, body,
	}
}

// InsertReservation implements membership.Tx.
func (s *session) InsertReservation(ctx context.Context, c membership.IdempotencyReservation) (bool, error) {
	n, err := s.exec(ctx, qInsertReservation, s.reservationArgs(c)...)
	return n > 0, err
}

const qLockReservation = `select fingerprint, request_id, claimed_at, lease_until, expires_at, status, content_type,
		body
	from idempotency_keys where tenant_id = $1 and actor = $2 and route = $3 and key = $4 {for update}`

// LockReservation implements membership.Tx.
func (s *session) LockReservation(
	ctx context.Context, of membership.IdempotencyReservation,
) (membership.IdempotencyReservation, error) {
	c := membership.IdempotencyReservation{Actor: of.Actor, Route: of.Route, Key: of.Key}
	var fingerprint []byte
	err := s.one(ctx, "reservation", qLockReservation, []any{s.tenant, of.Actor, of.Route, of.Key},
		&fingerprint, &c.RequestID, (*stamp)(&c.ReservedAt), (*stamp)(&c.LeaseUntil), (*stamp)(&c.ExpiresAt),
		&c.Answer.Status, &c.Answer.ContentType, &c.Answer.Body)
	copy(c.Fingerprint[:], fingerprint)
	return c, err
}

const qUpdateReservation = `update idempotency_keys set fingerprint = $5, request_id = $6, claimed_at = $7,
		lease_until = $8, expires_at = $9, status = $10, content_type = $11, body = $12
	where tenant_id = $1 and actor = $2 and route = $3 and key = $4`

// UpdateReservation implements membership.Tx.
func (s *session) UpdateReservation(ctx context.Context, c membership.IdempotencyReservation) error {
	return s.changed(ctx, "reservation", qUpdateReservation, s.reservationArgs(c)...)
}

// expiredAtOnce is how many expired reservations a new one deletes: more than come.
const expiredAtOnce = 20

const qDeleteExpiredReservations = `delete from idempotency_keys where tenant_id = $1 and (actor, route, key) in (
	select actor, route, key from idempotency_keys where tenant_id = $1 and expires_at <= $2
		order by expires_at limit $3)
	returning length(body)`

// DeleteExpiredReservations implements membership.Tx.
func (s *session) DeleteExpiredReservations(ctx context.Context, now time.Time) (reservations, bytes int, err error) {
	gone, err := list(ctx, s, qDeleteExpiredReservations, []any{s.tenant, stamp(now), expiredAtOnce},
		func(n *int) []any { return []any{n} })
	for _, n := range gone {
		bytes += n
	}
	return len(gone), bytes, err
}

const qAddReservationBytes = `insert into idempotency_usage (tenant_id, bytes) values ($1, $2)
	on conflict (tenant_id) do update set bytes = idempotency_usage.bytes + excluded.bytes returning bytes`

// AddReservationBytes implements membership.Tx.
func (s *session) AddReservationBytes(ctx context.Context, change int) (total int, err error) {
	err = s.one(ctx, "usage", qAddReservationBytes, []any{s.tenant, change}, &total)
	return total, err
}

// What has no number yet, and what has one not long before the time that is asked
// for.
const (
	ofRequest = ` {fact e.body request_id} = $2 and {fact e.body at} >= $3 and {fact e.body at} <= $4
		and {fact e.body action} <> $5 limit 1) `
	qRequestChanged = `select (select count(*) from (select 1 from events e {index events_waiting}
			where e.tenant_id = $1 and e.number is null and e.position > 0 and` + ofRequest + `x)
		+ (select count(*) from (select 1 from events e {index events_by_number}
			where e.tenant_id = $1
				and e.number >= 1024 * (select min(span) from event_spans where tenant_id = $1 and last_at >= $6)
				and e.number < 1024 *
					(select 1 + max(span) from event_spans where tenant_id = $1 and first_at <= $7)
				and` + ofRequest + `y)`
)

// RequestChanged implements membership.Reader.
func (s *session) RequestChanged(ctx context.Context, requestID string, from, to time.Time) (bool, error) {
	var n int
	err := s.one(ctx, "request", qRequestChanged, []any{
		s.tenant, requestID, from.UTC().Format(eventTime), to.UTC().Format(eventTime), string(membership.ActionRefused),
		stamp(from), stamp(to),
	}, &n)
	return n > 0, err
}
