package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// However much one tenant reads at once, another one's reads find a connection;
// and what was given up, or ended in an error or a panic, gives its slot back.
func TestReadsOfOneTenantLeaveRoom(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		busy, quiet := membership.NewID(), membership.NewID()
		for range 3 {
			release, all := make(chan struct{}), sync.WaitGroup{}
			given, giveUp := context.WithCancel(t.Context())
			for range 100 {
				all.Go(func() {
					defer func() { _ = recover() }()
					_ = s.Read(given, busy, func(membership.Reader) error {
						<-release
						panic("while it reads")
					})
				})
			}
			time.Sleep(100 * time.Millisecond) // until they have what they can take
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			for range 5 {
				require.NoError(t, s.Read(ctx, quiet, func(membership.Reader) error { return nil }))
			}
			cancel()
			giveUp()
			close(release)
			all.Wait()
		}
		// All that wait are served in the end.
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				assert.NoError(t, s.Read(t.Context(), busy, func(membership.Reader) error { return nil }))
			})
		}
		all.Wait()
	})
}
