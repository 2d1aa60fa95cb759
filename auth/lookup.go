package auth

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// lookupsAtOnce is how many unknown credentials of one address are looked up
	// at once.
	lookupsAtOnce = 8
	// lookupWait is for how long one waits for the others.
	lookupWait = 2 * time.Second
	// slowLookup is how long each takes of an address from which too many have
	// failed, one after the other.
	slowLookup = 4 * time.Millisecond
)

// lookups bounds the work for credentials that are not known to be good, for
// each client address. A good credential is served however many others of the
// address have failed: those may belong to another caller behind the same address.
// It waits in their queue, and no more.
type lookups struct {
	mu        sync.Mutex
	addresses map[netip.Addr]*addressLookups
}

type addressLookups struct {
	running *semaphore.Weighted // of lookupsAtOnce
	users   int                 // that hold or want some of it
}

// begin waits until a credential of an address may be looked up. The error is of
// membership.KindRateLimited. done is to be called when it was.
func (l *lookups) begin(ctx context.Context, address netip.Addr, slow bool) (done func(), err error) {
	weight, least := int64(1), time.Duration(0)
	if slow {
		weight, least = lookupsAtOnce, slowLookup
	}
	a := l.use(address)
	waiting, cancel := context.WithTimeout(ctx, lookupWait)
	defer cancel()
	if err := a.running.Acquire(waiting, weight); err != nil {
		l.drop(address, a)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &membership.Error{
			Kind: membership.KindRateLimited, RetryAfter: time.Second,
			Message: "too many credentials of this address are being checked: try again",
		}
	}
	begun := time.Now()
	return func() {
		time.Sleep(least - time.Since(begun))
		a.running.Release(weight)
		l.drop(address, a)
	}, nil
}

func (l *lookups) use(address netip.Addr) *addressLookups {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.addresses[address]
	if a == nil {
		if l.addresses == nil {
			l.addresses = make(map[netip.Addr]*addressLookups)
		}
		a = &addressLookups{running: semaphore.NewWeighted(lookupsAtOnce)}
		l.addresses[address] = a
	}
	a.users++
	return a
}

func (l *lookups) drop(address netip.Addr, a *addressLookups) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.users--; a.users == 0 {
		delete(l.addresses, address)
	}
}
