package membership

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// The longest time of a request with an idempotency key, the lease of its reservation,
// and the life of the stored answer. The lease is longer than the request by what the
// clocks of two servers may differ.
const (
	MaxIdempotentRequest = 30 * time.Second
	idempotencyLease     = time.Minute
	idempotencyLife      = 24 * time.Hour
)

// MaxStoredAnswer is the longest body of an answer that is stored, in bytes.
const MaxStoredAnswer = 2 << 20

// The budget of a tenant: the bytes of all its reservations and their
// answers, and those of a reservation without its answer.
const (
	maxReservationBytes = 64 << 20
	reservationBytes    = 512
)

var errTooManyReservations error = &Error{
	Kind: KindRateLimited, RetryAfter: time.Hour,
	Message: "too many requests with an Idempotency-Key in a day: wait, or send the request without it",
}

// IdempotencyReservation is a request that its sender may send again under one key
// (draft-ietf-httpapi-idempotency-key-header).
type IdempotencyReservation struct {
	Actor       string
	Route       string
	Key         string
	Fingerprint [sha256.Size]byte
	RequestID   string // the events of its change name it
	ReservedAt  time.Time
	LeaseUntil  time.Time
	ExpiresAt   time.Time
	Answer      StoredAnswer
}

// StoredAnswer is what the first request was answered. Status 0: nothing yet.
type StoredAnswer struct {
	Status      int
	ContentType string
	Body        []byte
}

// ReserveKey reserves a key of the caller for a request, before it is carried out.
// When Answer of the reservation it returns has a status, the request was carried out
// before and that is the answer. Otherwise the request is the caller's to carry
// out, once, in less than MaxIdempotentRequest; then comes StoreAnswer,
// ReleaseKey or ForgetKey. Errors: KindKeyReused (the key belongs to another request),
// KindInProgress, and KindAnswerLost: the request was carried out by a server
// that did not live to keep the answer.
func (d *Directory) ReserveKey(
	ctx context.Context, call Call, route, key string, fingerprint [sha256.Size]byte,
) (IdempotencyReservation, error) {
	var out IdempotencyReservation
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		now := d.clock.Now()
		out = IdempotencyReservation{
			Actor: call.Actor.String(), Route: route, Key: key, Fingerprint: fingerprint, RequestID: call.RequestID,
			ReservedAt: now, LeaseUntil: now.Add(idempotencyLease), ExpiresAt: now.Add(idempotencyLife),
		}
		gone, freed, err := tx.DeleteExpiredReservations(ctx, now)
		if err != nil {
			return err
		}
		change := -gone*reservationBytes - freed
		inserted, err := tx.InsertReservation(ctx, out)
		if err != nil {
			return err
		}
		if inserted {
			return takeReservationBytes(ctx, tx, change+reservationBytes)
		}
		before, err := tx.LockReservation(ctx, out)
		if KindOf(err) == KindNotFound { // given up and cleaned up since it was in the way
			return errInProgress
		}
		if err != nil {
			return err
		}
		switch {
		case !now.Before(before.ExpiresAt): // not cleaned up yet
		case before.Fingerprint != fingerprint && before.Fingerprint != [sha256.Size]byte{}: // zero: erased
			return errorf(KindKeyReused,
				"this Idempotency-Key was used with another request: a new request needs a new key")
		case before.Answer.Status != 0:
			out = before
			return takeReservationBytes(ctx, tx, change)
		case now.Before(before.LeaseUntil):
			return errInProgress
		default:
			if err := lost(ctx, tx, before); err != nil {
				return err
			}
		}
		if err := tx.UpdateReservation(ctx, out); err != nil {
			return err
		}
		return takeReservationBytes(ctx, tx, change-len(before.Answer.Body))
	})
	return out, err
}

// takeReservationBytes changes the bytes of a tenant's reservations, within
// its budget. It is the last of a transaction: others wait for it.
func takeReservationBytes(ctx context.Context, tx ReservationWriter, change int) error {
	if change == 0 {
		return nil
	}
	total, err := tx.AddReservationBytes(ctx, change)
	if err == nil && change > 0 && total > maxReservationBytes {
		return errTooManyReservations
	}
	return err
}

// DropExpiredReservations deletes some of what a tenant keeps for keys whose time is
// over; more: there may be others. A new key does so too, while there are new keys.
func DropExpiredReservations(ctx context.Context, store Store, tenant ID, now time.Time) (more bool, err error) {
	err = store.Update(ctx, tenant, func(tx Tx) error {
		gone, freed, err := tx.DeleteExpiredReservations(ctx, now)
		more = gone > 0
		if err != nil || !more {
			return err
		}
		return takeReservationBytes(ctx, tx, -gone*reservationBytes-freed)
	})
	return more, err
}

var errInProgress error = errorf(KindInProgress, "the first request with this Idempotency-Key is under way")

// lost looks for the change of a request that was left without an answer. It
// either committed with its events or not at all, so those tell. They are dated
// after the reservation, by the same clock, or later still (db/delta.go).
func lost(ctx context.Context, r EventReader, c IdempotencyReservation) error {
	const later = 5 * time.Minute
	done, err := r.RequestChanged(ctx, c.RequestID, c.ReservedAt, c.ReservedAt.Add(idempotencyLease+later))
	if err == nil && done {
		err = errorf(KindAnswerLost,
			"the first request with this Idempotency-Key was carried out, but its answer was lost: "+
				"read what it changed; a new request needs a new key")
	}
	return err
}

// StoreAnswer stores the answer of a request for its retries. One that is too long, or
// beyond the tenant's budget, is not stored: a retry then gets KindAnswerLost.
func (d *Directory) StoreAnswer(ctx context.Context, call Call, c IdempotencyReservation, a StoredAnswer) error {
	if len(a.Body) > MaxStoredAnswer {
		return d.ReleaseKey(ctx, call, c)
	}
	answered := c
	answered.Answer = a
	if err := d.saveReservation(ctx, call, answered); !errors.Is(err, errTooManyReservations) {
		return err
	}
	return d.ReleaseKey(ctx, call, c)
}

// ReleaseKey gives up a request whose outcome is unknown. A retry carries it
// out, unless it was carried out after all.
func (d *Directory) ReleaseKey(ctx context.Context, call Call, c IdempotencyReservation) error {
	c.LeaseUntil = c.ReservedAt
	return d.saveReservation(ctx, call, c)
}

// ForgetKey gives up a request that changed nothing.
func (d *Directory) ForgetKey(ctx context.Context, call Call, c IdempotencyReservation) error {
	c.LeaseUntil, c.ExpiresAt = c.ReservedAt, c.ReservedAt
	return d.saveReservation(ctx, call, c)
}

// saveReservation does nothing when another request took the reservation over.
func (d *Directory) saveReservation(ctx context.Context, call Call, c IdempotencyReservation) error {
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		now, err := tx.LockReservation(ctx, c)
		if KindOf(err) == KindNotFound || err == nil && !now.ReservedAt.Equal(c.ReservedAt) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := tx.UpdateReservation(ctx, c); err != nil {
			return err
		}
		return takeReservationBytes(ctx, tx, len(c.Answer.Body)-len(now.Answer.Body))
	})
}
