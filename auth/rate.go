package auth

import (
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// bucketsSize bounds the memory: a bucket takes some 200 bytes.
const bucketsSize = 50_000

// Buckets are token buckets, one for each key. A bucket is no more than the
// time at which it will be full again (the generic cell rate algorithm), so one
// that is full takes no memory. It is written by hand because a library's
// limiter would be a lock and an allocation for each key, and still need this
// map.
type Buckets[K comparable] struct {
	each  time.Duration // brings back one request
	burst time.Duration // brings back a whole bucket
	start time.Time

	mu     sync.Mutex
	fullAt map[K]time.Duration // since start
}

// NewBuckets returns buckets of so many requests, filled at a rate above zero.
func NewBuckets[K comparable](clock membership.Clock, perSecond, burst int) *Buckets[K] {
	return newBuckets[K](clock, time.Second/time.Duration(perSecond), burst)
}

// newBuckets is NewBuckets for buckets that get one request back every so often.
func newBuckets[K comparable](clock membership.Clock, each time.Duration, burst int) *Buckets[K] {
	return &Buckets[K]{
		each: each, burst: each * time.Duration(burst),
		start: clock(), fullAt: make(map[K]time.Duration),
	}
}

// Take takes one request out of a bucket; above zero, it is empty for so long.
func (b *Buckets[K]) Take(k K, now time.Time) (empty time.Duration) {
	at := now.Sub(b.start)
	b.mu.Lock()
	defer b.mu.Unlock()
	full, known := b.fullAt[k]
	full = max(full, at) + b.each
	if empty = full - at - b.burst; empty > 0 {
		return empty
	}
	if !known && len(b.fullAt) >= bucketsSize {
		b.evict(at)
	}
	b.fullAt[k] = full
	return 0
}

// Look tells the same without taking.
func (b *Buckets[K]) Look(k K, now time.Time) (empty time.Duration) {
	at := now.Sub(b.start)
	b.mu.Lock()
	defer b.mu.Unlock()
	return max(max(b.fullAt[k], at)+b.each-at-b.burst, 0)
}

// evict drops what is full. If too many callers are busy at once, it drops
// others as well, until a quarter is free: these begin anew.
func (b *Buckets[K]) evict(at time.Duration) {
	for k, full := range b.fullAt {
		if full <= at {
			delete(b.fullAt, k)
		}
	}
	for k := range b.fullAt {
		if len(b.fullAt) <= bucketsSize/4*3 {
			return
		}
		delete(b.fullAt, k)
	}
}
