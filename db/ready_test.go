package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Ready is about the store, not about a pool that is busy: it answers while every
// connection is taken.
func TestABusyStoreIsReady(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		ctx, release := context.WithCancel(t.Context())
		var readers sync.WaitGroup
		for range 40 { // more than there are connections
			readers.Go(func() {
				_ = s.Read(ctx, w.tenant, func(r membership.Reader) error {
					_, err := r.Tenant(ctx)
					<-ctx.Done()
					return err
				})
			})
		}
		defer readers.Wait()
		defer release()
		require.Eventually(t, func() bool { // all are taken
			waiting, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
			return s.Read(waiting, w.tenant, func(membership.Reader) error { return nil }) != nil
		}, 30*time.Second, time.Millisecond)
		for range 3 {
			answered, cancel := context.WithTimeout(ctx, 10*time.Second)
			require.NoError(t, s.Ready(answered))
			cancel()
		}
	})
}
