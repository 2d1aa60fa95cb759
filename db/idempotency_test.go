package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Expired claims go a few with each new one, of the tenant at hand only.
func TestExpiredClaimsAreCleanedUp(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		a, b := newTenant(t, s), newTenant(t, s)
		claim := func(i int, expires time.Time) membership.IdempotencyReservation {
			return membership.IdempotencyReservation{
				Actor: "user:x", Route: "POST /v1/users", Key: fmt.Sprint(i),
				ReservedAt: now(), LeaseUntil: now(), ExpiresAt: expires,
			}
		}
		for _, w := range []*tenant{a, b} {
			w.update(func(tx membership.Tx) error {
				for i := range 25 {
					inserted, err := tx.InsertReservation(t.Context(), claim(i, now().Add(-time.Hour+time.Duration(i)*time.Second)))
					require.NoError(t, err)
					require.True(t, inserted)
				}
				inserted, err := tx.InsertReservation(t.Context(), claim(25, now().Add(time.Hour)))
				require.True(t, inserted)
				return err
			})
		}
		left := func(w *tenant) (keys []string) {
			w.update(func(tx membership.Tx) error {
				keys = nil
				for i := range 26 {
					switch c, err := tx.LockReservation(t.Context(), claim(i, now())); {
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
		clean := func() (claims, bytes int) {
			a.update(func(tx membership.Tx) (err error) {
				claims, bytes, err = tx.DeleteExpiredReservations(t.Context(), now())
				return err
			})
			return claims, bytes
		}
		claims, bytes := clean()
		require.Equal(t, 20, claims)
		require.Zero(t, bytes, "they have no answers")
		require.Equal(t, []string{"20", "21", "22", "23", "24", "25"}, left(a), "the oldest first")
		clean()
		require.Equal(t, []string{"25"}, left(a))
		require.Len(t, left(b), 26)
	})
}
