package auth

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// ConcurrencyLimits are how many requests may run at once; 0 is no limit.
type ConcurrencyLimits struct {
	// Requests are those of all callers that have shown a credential. A tenant
	// gets no more of them than are left for others: one alone has half at most.
	Requests int
	Tenant   int // those of one tenant
	Caller   int // those of one caller: a connection, a token, a subject of an issuer
	// Anonymous are those without a credential, of each kind; one client address
	// has a quarter of them.
	Anonymous int
	// Waiting are the requests that wait for something to happen (Wait).
	Waiting Places
}

// Places are how many requests there may be at once; 0 is no limit.
type Places struct {
	All    int // a tenant gets no more of them than are left for others
	Tenant int
	Caller int
}

// The scopes of a limit, as Concurrency reports what it refused.
const (
	ScopeServer    = "server"
	ScopeTenant    = "tenant"
	ScopeCaller    = "caller"
	ScopeAnonymous = "anonymous"
)

// Scopes are all of them.
var Scopes = []string{ScopeServer, ScopeTenant, ScopeCaller, ScopeAnonymous}

// Concurrency bounds the requests that run at once. A request without a
// credential counts for its kind and its address. With the credential it counts
// for its caller, its tenant and all, so what has shown none takes nothing from
// those that have. The counts are one replica's own.
type Concurrency struct {
	limits  ConcurrencyLimits
	refused func(scope string)

	mu        sync.Mutex
	running   counts
	waiting   counts
	kinds     map[string]int
	addresses map[anonymous]int
}

// anonymous is the key by which requests without a credential are counted.
type anonymous struct {
	kind    string
	address netip.Addr
}

// slot is what one request counts as.
type slot struct {
	in        *Concurrency // nil: nothing counts it
	shown     func()       // called once, when the request has shown a credential
	anonymous anonymous
	caller    caller
	state     slotState
}

type slotState uint8

const (
	slotNone slotState = iota
	slotAnonymous
	slotCaller
	slotWaiting
)

// NewConcurrency returns limits of the requests that run at once; refused is
// called with the scope of each refusal.
func NewConcurrency(l ConcurrencyLimits, refused func(scope string)) *Concurrency {
	return &Concurrency{
		limits: l, refused: refused,
		running: newCounts(Places{All: l.Requests, Tenant: l.Tenant, Caller: l.Caller}), waiting: newCounts(l.Waiting),
		kinds: make(map[string]int), addresses: make(map[anonymous]int),
	}
}

// Track counts requests from when they show what they are until they end. It
// expects Addressed around it. shown returns, for each request, the function to
// call once it has shown a credential; it may be nil.
func (c *Concurrency) Track(next http.Handler, shown func(context.Context) func()) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		at := clientOf(r.Context())
		at.slot.in = c
		if shown != nil {
			at.slot.shown = shown(r.Context())
		}
		defer c.leave(&at.slot)
		next.ServeHTTP(w, r)
	})
}

// EnterAnonymous counts a request that has shown no credential, or reports that
// too many of its kind run.
func (c *Concurrency) EnterAnonymous(ctx context.Context, kind string) bool {
	at := clientOf(ctx)
	if at.slot.in != c || at.slot.state != slotNone {
		return true
	}
	k := anonymous{kind, Network(at.address)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if most := c.limits.Anonymous; most > 0 && (c.kinds[kind] >= most || c.addresses[k] >= max(most/4, 1)) {
		c.refused(ScopeAnonymous)
		return false
	}
	c.kinds[kind]++
	c.addresses[k]++
	at.slot.anonymous, at.slot.state = k, slotAnonymous
	return true
}

// identify counts a request for its caller from now on. The error is of
// membership.KindRateLimited where the caller itself runs too many, and of
// membership.KindBusy where its tenant or all do.
func identify(ctx context.Context, p Principal) error {
	at := clientOf(ctx)
	c := at.slot.in
	if c == nil || at.slot.state == slotCaller {
		return nil
	}
	if at.slot.shown != nil {
		at.slot.shown()
	}
	k := callerOf(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if scope := c.running.full(k); scope != "" {
		c.refused(scope)
		return busy(scope)
	}
	c.release(&at.slot)
	c.running.enter(k)
	at.slot.caller, at.slot.state = k, slotCaller
	return nil
}

// Wait counts a request of ctx as one that waits, instead of one that runs, until its
// credential is verified again: what waits takes no place of what runs. The errors are
// those of a request that finds no room.
func Wait(ctx context.Context) error {
	at := clientOf(ctx)
	c := at.slot.in
	if c == nil || at.slot.state != slotCaller {
		return nil
	}
	k := at.slot.caller
	c.mu.Lock()
	defer c.mu.Unlock()
	if scope := c.waiting.full(k); scope != "" {
		c.refused(scope)
		return busy(scope)
	}
	c.release(&at.slot)
	c.waiting.enter(k)
	at.slot.state = slotWaiting
	return nil
}

// counts are requests that callers have under way. Counters at zero are deleted, so
// the maps stay small.
type counts struct {
	places  Places
	all     int
	tenants map[membership.ID]int
	callers map[caller]int
}

func newCounts(p Places) counts {
	return counts{places: p, tenants: make(map[membership.ID]int), callers: make(map[caller]int)}
}

// full returns the scope in which another request of a caller has no room.
func (c *counts) full(k caller) string {
	of := c.tenants[k.tenant]
	free := c.places.All - c.all
	switch p := c.places; {
	case p.Caller > 0 && c.callers[k] >= p.Caller:
		return ScopeCaller
	case p.Tenant > 0 && of >= p.Tenant:
		return ScopeTenant
	case p.All == 0:
		return ""
	case free <= 0:
		return ScopeServer
	case of >= free && of > 0:
		return ScopeTenant
	}
	return ""
}

func (c *counts) enter(k caller) {
	c.all++
	c.tenants[k.tenant]++
	c.callers[k]++
}

func (c *counts) leave(k caller) {
	c.all--
	less(c.tenants, k.tenant)
	less(c.callers, k)
}

func busy(scope string) error {
	const retryAfter = time.Second
	if scope == ScopeCaller {
		return &membership.Error{
			Kind: membership.KindRateLimited, RetryAfter: retryAfter,
			Message: "too many requests of this caller are running at once: wait for their answers",
		}
	}
	return &membership.Error{
		Kind: membership.KindBusy, RetryAfter: retryAfter, Message: "too many requests are running at once: try again",
	}
}

func (c *Concurrency) leave(s *slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.release(s)
}

// release takes a request out of what it counts as.
func (c *Concurrency) release(s *slot) {
	switch s.state {
	case slotAnonymous:
		less(c.kinds, s.anonymous.kind)
		less(c.addresses, s.anonymous)
	case slotCaller:
		c.running.leave(s.caller)
	case slotWaiting:
		c.waiting.leave(s.caller)
	}
	s.state = slotNone
}

func less[K comparable](counts map[K]int, k K) {
	if counts[k]--; counts[k] == 0 {
		delete(counts, k)
	}
}
