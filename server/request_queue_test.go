package server

import (
	"strconv"
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

// Callers who make up tenants take a share of the queue, and nothing that grows: the
// tenants that there are keep theirs, and what is not kept is counted once.
func TestMadeUpTenants(t *testing.T) {
	q, refused := newRequestQueue(), 0
	q.refused = func(n int) { refused += n }
	unknown := func() requestEntry {
		return requestEntry{tenant: membership.NewID(), status: 401, count: 1,
			note: requestFacts{refused: "no such token"}}
	}
	const sent = 20 * maxUnprovenRepeats
	kept := 0
	for range sent {
		if q.add(unknown()) {
			kept++
		}
	}
	assert.Equal(t, min(maxUnprovenRequests, maxUnprovenRepeats), kept)
	assert.Equal(t, sent-kept, refused)
	assert.Len(t, q.repeats.windows, maxUnprovenRepeats)
	assert.Empty(t, q.dropped)

	mine := membership.NewID()
	assert.True(t, q.add(requestEntry{tenant: mine, proven: true, status: 200, count: 1}))
	limited := requestEntry{tenant: mine, proven: true, status: 429, count: 1}
	assert.True(t, q.add(limited))
	assert.True(t, q.add(limited))
	assert.Zero(t, q.Dropped(mine))

	for more := true; more; {
		var batch []requestEntry
		batch, more = q.take(time.Now())
		q.done(batch, true)
	}
	assert.EqualValues(t, 2, q.Dropped(mine))
	assert.Len(t, q.dropped, 1)
	assert.Zero(t, q.unproven)
}

// A row of repeats that finds no room is lost with all that it stands for.
func TestRepeatsWithoutRoom(t *testing.T) {
	q, refused := newRequestQueue(), 0
	q.refused = func(n int) { refused += n }
	mine := membership.NewID()
	for range 5 {
		require.True(t, q.add(requestEntry{tenant: mine, proven: true, rejected: true, status: 401, count: 1}))
	}
	for range maxTenantRequestsQueued {
		q.add(requestEntry{tenant: mine, proven: true, status: 200, count: 1})
	}
	before := refused
	q.endRepeats()
	assert.Equal(t, before+4, refused)
	assert.EqualValues(t, refused, q.Dropped(mine))
}

// A tenant with very many reasons has one window for each status beyond its share, and
// when these are over they are forgotten.
func TestRepeatsOfOneTenant(t *testing.T) {
	r, now := newRepeats(), time.Now()
	r.now = func() time.Time { return now }
	mine := membership.NewID()
	for i := range 3 * maxTenantRepeats {
		r.counts(&requestEntry{tenant: mine, status: 401, count: 1, note: requestFacts{refused: strconv.Itoa(i)}})
	}
	assert.Len(t, r.windows, maxTenantRepeats+1)
	assert.Len(t, r.due(now.Add(2*repeatEvery)), 1)
	assert.Empty(t, r.due(now.Add(4*repeatEvery)))
	assert.Empty(t, r.windows)
	assert.Empty(t, r.tenants)
	assert.Zero(t, r.unproven)
}
