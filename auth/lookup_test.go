package auth

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestLookupsOfAnAddress(t *testing.T) {
	var l lookups
	busy, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var done [lookupsAtOnce]func()
	for i := range done {
		var err error
		done[i], err = l.begin(t.Context(), busy, false)
		require.NoError(t, err)
	}
	gone, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := l.begin(gone, busy, false)
	require.ErrorIs(t, err, context.DeadlineExceeded, "who is gone does not wait")
	free, err := l.begin(t.Context(), other, false)
	require.NoError(t, err, "other addresses are others")
	free()
	_, err = l.begin(t.Context(), busy, false)
	require.Equal(t, membership.KindRateLimited, membership.KindOf(err), "it waits, but not for ever")
	for _, end := range done {
		end()
	}

	// Of an address from which many have failed it is one after the other.
	var running, most atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range 20 {
		all.Go(func() {
			end, err := l.begin(t.Context(), busy, true)
			if !assert.NoError(t, err) {
				return
			}
			most.Store(max(most.Load(), running.Add(1)))
			running.Add(-1)
			end()
		})
	}
	all.Wait()
	assert.EqualValues(t, 1, most.Load())
	assert.GreaterOrEqual(t, time.Since(begun), 20*slowLookup)
	assert.Empty(t, l.addresses, "nothing is kept of who waits no more")
}
