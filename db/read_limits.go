package db

import (
	queue "container/list"
	"context"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// readLimiter bounds the snapshots that are read at once: there are as many as
// connections that read. A tenant that has some gets no more than are left free,
// so one alone has half of them, and whatever it reads the next tenant need not
// wait for it. Those who wait are served in the order of coming, but for tenants
// that have their share.
type readLimiter struct {
	mu      sync.Mutex
	free    int
	tenants map[membership.ID]int
	waiting queue.List // of *readWait
}

// readWait is one that waits for a slot.
type readWait struct {
	tenant membership.ID
	given  chan struct{} // closed with the slot
}

func newReadLimiter(connections int) *readLimiter {
	return &readLimiter{free: connections, tenants: make(map[membership.ID]int)}
}

var errTooManyReads error = &membership.Error{
	Kind: membership.KindBusy, RetryAfter: time.Second,
	Message: "too many answers are being read for this tenant: try again",
}

// take waits for a slot; the caller gives it back with leave. The error is of
// membership.KindBusy, or the context's.
func (p *readLimiter) take(ctx context.Context, tenant membership.ID) error {
	p.mu.Lock()
	if p.fits(tenant) {
		p.give(tenant)
		p.mu.Unlock()
		return nil
	}
	w := &readWait{tenant: tenant, given: make(chan struct{})}
	at := p.waiting.PushBack(w)
	p.mu.Unlock()
	late := time.NewTimer(engine.WaitTimeout)
	defer late.Stop()
	err := errTooManyReads
	select {
	case <-w.given:
		return nil
	case <-late.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-w.given: // meanwhile
		return nil
	default:
		p.waiting.Remove(at)
		return err
	}
}

// leave gives a slot back, and to those who wait for it.
func (p *readLimiter) leave(tenant membership.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free++
	if p.tenants[tenant]--; p.tenants[tenant] == 0 {
		delete(p.tenants, tenant)
	}
	for at := p.waiting.Front(); at != nil && p.free > 0; {
		w, next := at.Value.(*readWait), at.Next() //nolint:forcetypeassert // nothing else is in it
		if p.fits(w.tenant) {
			p.waiting.Remove(at)
			p.give(w.tenant)
			close(w.given)
		}
		at = next
	}
}

func (p *readLimiter) fits(tenant membership.ID) bool {
	of := p.tenants[tenant]
	return p.free > of || p.free > 0 && of == 0
}

func (p *readLimiter) give(tenant membership.ID) {
	p.free--
	p.tenants[tenant]++
}
