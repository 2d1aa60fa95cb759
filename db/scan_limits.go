package db

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/scimbridge/scimbridge/membership"
)

// A scan is a query that no index answers: its cost follows how much a tenant
// has. Their number is limited, so that they never take all connections, nor
// all processors, from lookups.
const (
	// scansOfTenant is how many run at once for one tenant.
	scansOfTenant = 1
	// scansWaiting is how many of one tenant wait for that.
	scansWaiting = 32
	// scanWait is for how long.
	scanWait = 10 * time.Second
)

// scanTime is how long the queries of one scan may take.
var scanTime = 10 * time.Second

// scansAtOnce is how many scans of all tenants run at once. It is less than any
// pool of connections has.
func scansAtOnce() int64 { return int64(max(2, runtime.NumCPU()/2)) }

// scanLimiter limits how many scans run at once.
type scanLimiter struct {
	all *semaphore.Weighted

	mu      sync.Mutex
	tenants map[membership.ID]*tenantScans
}

type tenantScans struct {
	running *semaphore.Weighted
	users   int // that run or wait
}

func newScanLimiter() *scanLimiter {
	return &scanLimiter{all: semaphore.NewWeighted(scansAtOnce()), tenants: make(map[membership.ID]*tenantScans)}
}

// take waits for a slot, first come, first served, and returns what gives it back.
func (p *scanLimiter) take(ctx context.Context, tenant membership.ID) (leave func(), err error) {
	t := p.join(tenant)
	if t == nil {
		return nil, errTooManyScans
	}
	waiting, cancel := context.WithTimeout(ctx, scanWait)
	defer cancel()
	if err = t.running.Acquire(waiting, 1); err == nil {
		if err = p.all.Acquire(waiting, 1); err == nil {
			return func() {
				p.all.Release(1)
				t.running.Release(1)
				p.part(tenant, t)
			}, nil
		}
		t.running.Release(1)
	}
	p.part(tenant, t)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return nil, errTooManyScans
}

// join returns the scans of a tenant, or nil if there are too many.
func (p *scanLimiter) join(tenant membership.ID) *tenantScans {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tenants[tenant]
	if t == nil {
		t = &tenantScans{running: semaphore.NewWeighted(scansOfTenant)}
		p.tenants[tenant] = t
	}
	if t.users == scansOfTenant+scansWaiting {
		return nil
	}
	t.users++
	return t
}

func (p *scanLimiter) part(tenant membership.ID, t *tenantScans) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(p.tenants, tenant)
	}
}

var (
	errTooManyScans error = &membership.Error{
		Kind: membership.KindRateLimited, RetryAfter: scanWait,
		Message: "too many queries at once that no index answers: wait for them, or ask by name or id",
	}
	errLongScan error = &membership.Error{
		Kind: membership.KindTooMany,
		Message: "no index answers the query, and it looks into too much: ask for userName, displayName, " +
			"externalId, an address or an id with eq, and sort by none but names",
	}
	// errNeedsSlot ends a transaction that met a scan and has no slot for one.
	errNeedsSlot = errors.New("a query that no index answers needs a slot")
)

// scan is the slot of the scans of one transaction that reads, and the time
// that is left to them.
type scan struct {
	ctx    context.Context //nolint:containedctx // ends the queries when the time is up
	cancel context.CancelCauseFunc
	left   time.Duration
}

// scanning is called before a query. For one that scans it returns the context
// that ends with the time of the slot; the caller calls done after the query.
// What writes has no slot, and needs none: it is not done for a page.
func (s *session) scanning(ctx context.Context, scans bool) (limited context.Context, done func(), err error) {
	switch {
	case !scans || !s.reads:
		return ctx, func() {}, nil
	case s.slot == nil:
		return ctx, nil, errNeedsSlot
	}
	p, start := s.slot, time.Now()
	timer := time.AfterFunc(p.left, func() { p.cancel(errLongScan) })
	return p.ctx, func() {
		timer.Stop()
		p.left -= time.Since(start)
	}, nil
}
