package server

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// However fast requests are written, one tenant's are not written without end, and what
// is not is counted.
func TestRequestsOfATenantASecond(t *testing.T) {
	q, now := newRequestQueue(), time.Now()
	q.repeats.now = func() time.Time { return now }
	busy, quiet := membership.NewID(), membership.NewID()
	send := func(tenant membership.ID, n int) (kept int) {
		for range n {
			if q.add(requestEntry{tenant: tenant, proven: true, status: 200}) {
				kept++
			}
			for more := true; more; {
				var batch []requestEntry
				batch, more = q.take(now)
				q.done(batch, false)
			}
		}
		return kept
	}
	assert.Equal(t, maxTenantRequestsQueued, send(busy, 2*maxTenantRequestsQueued), "at once")
	require.EqualValues(t, maxTenantRequestsQueued, q.Dropped(busy))
	assert.Equal(t, 100, send(quiet, 100))
	now = now.Add(2 * time.Second)
	assert.Equal(t, 2*maxTenantRequestsASecond, send(busy, 3*maxTenantRequestsASecond))
	assert.Zero(t, q.Dropped(quiet))
}
