package membership

import (
	"context"
	"time"
)

// ReservationWriter keeps the reservations of idempotency keys.
type ReservationWriter interface {
	// InsertReservation returns false when there is a reservation of that actor,
	// route and key.
	InsertReservation(ctx context.Context, r IdempotencyReservation) (bool, error)
	// LockReservation reads and locks it; KindNotFound: there is none.
	LockReservation(ctx context.Context, of IdempotencyReservation) (IdempotencyReservation, error)
	UpdateReservation(ctx context.Context, r IdempotencyReservation) error
	// DeleteExpiredReservations deletes a few at a time, and returns how many, and the
	// bytes of their answers.
	DeleteExpiredReservations(ctx context.Context, now time.Time) (reservations, bytes int, err error)
	// AddReservationBytes adds to the bytes of all reservations of the tenant, and
	// returns the sum. Other writers of it wait until the transaction ends.
	AddReservationBytes(ctx context.Context, change int) (int, error)
}
