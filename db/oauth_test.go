package db_test

import (
	"context"
	"crypto/sha256"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// What expired goes when something new comes, a bounded number at a time, and
// one tenant's assertions are no other's.
func TestAssertionsAreForgotten(t *testing.T) {
	ctx := context.Background()
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		a, b := newTenant(t, s), newTenant(t, s)
		use := func(tenant membership.ID, name string, at time.Time) (fresh bool) {
			t.Helper()
			require.NoError(t, s.UpdateClients(ctx, tenant, func(tx auth.ClientTx) (err error) {
				hash := sha256.Sum256([]byte(name))
				fresh, err = tx.UseAssertion(ctx, hash[:], at, at.Add(time.Hour))
				return err
			}))
			return fresh
		}
		count := func() string {
			rows, err := s.Query(ctx, a.ID,
				`select cast(count(*) as text) from oauth_assertions where tenant_id = $1`, a.ID)
			require.NoError(t, err)
			return rows[0]
		}
		start := dbtest.Now()
		for i := range 150 {
			require.True(t, use(a.ID, string(rune('A'+i)), start))
		}
		assert.False(t, use(a.ID, "A", start))
		assert.True(t, use(b.ID, "A", start))
		assert.Equal(t, "150", count())
		assert.True(t, use(a.ID, "x1", start.Add(time.Hour)))
		assert.Equal(t, "51", count())
		assert.True(t, use(a.ID, "x2", start.Add(time.Hour)))
		assert.Equal(t, "2", count())
		assert.False(t, use(a.ID, "x1", start.Add(time.Hour)))
	})
}
