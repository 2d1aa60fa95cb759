package dbtest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var readinessPromises = subject{"readiness", []promise{
	{"a busy store is ready", testABusyStoreIsReady},
}}

// Ready is about the store, not about a pool that is busy: it answers while every
// connection is taken.
func testABusyStoreIsReady(t *testing.T, s Store) {
	w := NewTenant(t, s)
	ctx, release := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	for range 40 { // more than there are connections
		readers.Go(func() {
			_ = s.Read(ctx, w.ID, func(r membership.Reader) error {
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
		return s.Read(waiting, w.ID, func(membership.Reader) error { return nil }) != nil
	}, 30*time.Second, time.Millisecond)
	for range 3 {
		answered, cancel := context.WithTimeout(ctx, 10*time.Second)
		require.NoError(t, s.Ready(answered))
		cancel()
	}
}
