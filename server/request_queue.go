package server

import (
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// What waits for the request log at most, in all and of one tenant. What comes beyond
// that is dropped and counted.
const (
	maxWaitingRequests      = 20_000
	maxWaitingBytes         = 48 << 20
	maxTenantRequestsQueued = 8_000
	maxTenantBytesQueued    = 16 << 20
	// maxUnprovenRequests and maxUnprovenBytes are of credentials that were not verified:
	// they leave room for the others.
	maxUnprovenRequests = maxWaitingRequests / 4
	maxUnprovenBytes    = maxWaitingBytes / 4
	// maxTenantRequestsASecond are kept of one tenant in the long run: ten times what
	// one credential may send by default. Writing a request costs as much as a third of
	// answering it, which no tenant's callers may make the others pay for.
	maxTenantRequestsASecond = 1_000
	// maxDroppedTenants bounds the tenants whose dropped requests are counted apart.
	maxDroppedTenants = 10_000
)

// requestQueue holds requests until they are written. To add to it waits for nothing
// but its own lock.
type requestQueue struct {
	mu       sync.Mutex
	waiting  []requestEntry
	bytes    int64
	unproven queued // of all tenants
	tenants  map[membership.ID]*queued
	dropped  map[membership.ID]int64
	refused  func(n int) // is told how many requests found no room
	repeats  repeats
	rates    *auth.Buckets[membership.ID]
	ready    chan struct{} // there is a batch
}

// queued is what waits, of one tenant for example.
type queued struct {
	requests int
	bytes    int64
}

func newRequestQueue() *requestQueue {
	return &requestQueue{
		tenants: map[membership.ID]*queued{}, dropped: map[membership.ID]int64{}, ready: make(chan struct{}, 1),
		repeats: newRepeats(), refused: func(int) {},
		rates: auth.NewBuckets[membership.ID](time.Now, maxTenantRequestsASecond, maxTenantRequestsQueued),
	}
}

// add takes a request; false: it was dropped.
func (q *requestQueue) add(e requestEntry) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if e.repeatable() {
		switch q.repeats.counts(&e) {
		case countedRepeat:
			return true
		case noRoom:
			q.refuse(&e)
			return false
		case firstOfMinute:
		}
	}
	return q.push(e)
}

func (q *requestQueue) push(e requestEntry) bool {
	size, of := e.size(), q.tenants[e.tenant]
	if !e.proven && (q.unproven.requests >= maxUnprovenRequests || q.unproven.bytes+size > maxUnprovenBytes) ||
		len(q.waiting) >= maxWaitingRequests || q.bytes+size > maxWaitingBytes ||
		of != nil && (of.requests >= maxTenantRequestsQueued || of.bytes+size > maxTenantBytesQueued) ||
		q.rates.Take(e.tenant, q.repeats.now()) > 0 {
		q.refuse(&e)
		return false
	}
	if of == nil {
		of = &queued{}
		q.tenants[e.tenant] = of
	}
	if !e.proven {
		q.unproven.requests, q.unproven.bytes = q.unproven.requests+1, q.unproven.bytes+size
	}
	of.requests, of.bytes, q.bytes = of.requests+1, of.bytes+size, q.bytes+size
	q.waiting = append(q.waiting, e)
	if len(q.waiting) >= requestBatch {
		select {
		case q.ready <- struct{}{}:
		default:
		}
	}
	return true
}

// refuse counts the requests of a row that finds no room. mu is held.
func (q *requestQueue) refuse(e *requestEntry) {
	q.refused(max(e.count, 1))
	q.drop(e)
}

// drop counts the requests of a row that is not written with its tenant, if it has
// proven that it is of that. mu is held.
func (q *requestQueue) drop(e *requestEntry) {
	if !e.proven {
		return
	}
	if _, counted := q.dropped[e.tenant]; counted || len(q.dropped) < maxDroppedTenants {
		q.dropped[e.tenant] += int64(max(e.count, 1))
	}
}

// take returns the next batch, with the repeats whose minute is over, and what is left.
// The batch counts as waiting until done.
func (q *requestQueue) take(now time.Time) (batch []requestEntry, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.repeats.due(now) {
		q.push(e)
	}
	n := min(len(q.waiting), requestBatch)
	batch = q.waiting[:n:n]
	if q.waiting = q.waiting[n:]; len(q.waiting) == 0 {
		q.waiting = nil
	}
	return batch, len(q.waiting) > 0
}

// done gives back what a batch held; lost says that it was not written.
func (q *requestQueue) done(batch []requestEntry, lost bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range batch {
		e := &batch[i]
		of, size := q.tenants[e.tenant], e.size()
		q.bytes -= size
		if !e.proven {
			q.unproven.requests, q.unproven.bytes = q.unproven.requests-1, q.unproven.bytes-size
		}
		if of.requests, of.bytes = of.requests-1, of.bytes-size; of.requests == 0 {
			delete(q.tenants, e.tenant)
		}
		if lost {
			q.drop(e)
		}
	}
}

// endRepeats makes rows of all repeats.
func (q *requestQueue) endRepeats() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, e := range q.repeats.due(time.Now().Add(2 * repeatEvery)) {
		q.push(e)
	}
}

// Dropped is how many requests of a tenant were not written since the start.
func (q *requestQueue) Dropped(tenant membership.ID) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped[tenant]
}
