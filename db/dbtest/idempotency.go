package dbtest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var idempotencyPromises = subject{"idempotency keys", []promise{
	{"expired reservations are cleaned up", testExpiredReservationsAreCleanedUp},
}}

// Expired reservations go a few with each new one, of the tenant at hand only.
func testExpiredReservationsAreCleanedUp(t *testing.T, s Store) {
	a, b := NewTenant(t, s), NewTenant(t, s)
	reservation := func(i int, expires time.Time) membership.IdempotencyReservation {
		return membership.IdempotencyReservation{
			Actor: "user:x", Route: "POST /v1/users", Key: fmt.Sprint(i),
			ReservedAt: Now(), LeaseUntil: Now(), ExpiresAt: expires,
		}
	}
	for _, w := range []*Tenant{a, b} {
		w.Update(func(tx membership.Tx) error {
			for i := range 25 {
				inserted, err := tx.InsertReservation(t.Context(),
					reservation(i, Now().Add(-time.Hour+time.Duration(i)*time.Second)))
				require.NoError(t, err)
				require.True(t, inserted)
			}
			inserted, err := tx.InsertReservation(t.Context(), reservation(25, Now().Add(time.Hour)))
			require.True(t, inserted)
			return err
		})
	}
	left := func(w *Tenant) (keys []string) {
		w.Update(func(tx membership.Tx) error {
			keys = nil
			for i := range 26 {
				switch c, err := tx.LockReservation(t.Context(), reservation(i, Now())); {
				case err == nil:
					keys = append(keys, c.Key)
				case membership.KindOf(err) != membership.KindNotFound:
					return err
				}
			}
			return nil
		})
		return keys
	}
	clean := func() (reservations, bytes int) {
		a.Update(func(tx membership.Tx) (err error) {
			reservations, bytes, err = tx.DeleteExpiredReservations(t.Context(), Now())
			return err
		})
		return reservations, bytes
	}
	reservations, bytes := clean()
	require.Equal(t, 20, reservations)
	require.Zero(t, bytes, "they have no answers")
	require.Equal(t, []string{"20", "21", "22", "23", "24", "25"}, left(a), "the oldest first")
	clean()
	require.Equal(t, []string{"25"}, left(a))
	require.Len(t, left(b), 26)
}
