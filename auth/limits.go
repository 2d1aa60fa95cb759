package auth

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// burstOfRequests is how many seconds' worth of requests a caller may send
	// at once.
	burstOfRequests = 2
	// burstOfFailures is the same for failed attempts: a provider that works in
	// parallel with a token that was revoked still has to get its 401s.
	burstOfFailures = 6
)

// Limits are the rate limits: for each caller after its credential was verified, so
// that no caller uses up another's, and for each client address for attempts that
// fail. Each replica has its own. A nil *Limits is none.
type Limits struct {
	clock    membership.Clock
	requests *Buckets[caller]
	issuers  *Buckets[tokenKey]
	failures *Buckets[netip.Addr]
	lookups  lookups
}

// caller is the key of the request limiter: a connection with all of its
// credentials, a native token, or a subject of an issuer.
type caller struct {
	tenant, issuer membership.ID
	actor          membership.Actor
}

func callerOf(p Principal) caller { return caller{p.Tenant, p.Issuer, p.Actor} }

// NewLimits returns limits of requests a second for each caller, and of failed
// attempts a second for each client address; 0 is no limit.
func NewLimits(clock membership.Clock, requests, failures int) *Limits {
	l := &Limits{clock: clock}
	if requests > 0 {
		l.requests = NewBuckets[caller](clock, requests, burstOfRequests*requests)
	}
	if failures > 0 {
		l.failures = NewBuckets[netip.Addr](clock, failures, burstOfFailures*failures)
	}
	return l
}

// LimitIssuers bounds the requests a second of all subjects of one issuer; 0 is
// no limit. Call it before the first request.
func (l *Limits) LimitIssuers(perSecond int) {
	if l.issuers = nil; perSecond > 0 {
		l.issuers = NewBuckets[tokenKey](l.clock, perSecond, burstOfRequests*perSecond)
	}
}

// maxWait is how long a request waits for its bucket before it is refused. So a
// provider that sends its requests one by one is slowed down and never sees a 429,
// which not every provider understands; one that sends many at once does.
const maxWait = 90 * time.Millisecond

// request counts a request of p, among those that run as well. The error is of
// membership.KindRateLimited or membership.KindBusy.
func (l *Limits) request(ctx context.Context, p Principal) error {
	if err := identify(ctx, p); err != nil || l == nil {
		return err
	}
	var waited time.Duration
	for {
		empty := l.take(p)
		if waited += empty; empty <= 0 || waited > maxWait {
			return limited(empty, "too many requests of this caller: slow down")
		}
		select {
		case <-time.After(empty):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take takes a request out of the bucket of its caller, and of its issuer. If one
// of them is empty, it takes from neither.
func (l *Limits) take(p Principal) (empty time.Duration) {
	now := l.clock()
	issuer := tokenKey{p.Tenant, p.Issuer}
	limited := l.issuers != nil && !p.Issuer.IsZero()
	if limited {
		if empty = l.issuers.Look(issuer, now); empty > 0 {
			return empty
		}
	}
	if l.requests != nil {
		empty = l.requests.Take(callerOf(p), now)
	}
	if limited && empty <= 0 {
		empty = l.issuers.Take(issuer, now)
	}
	return empty
}

// lookup is to be asked before work is done for a credential that is not known
// to be good. done is to be called when it is done.
func (l *Limits) lookup(ctx context.Context) (done func(), err error) {
	if l == nil {
		return func() {}, nil
	}
	return l.lookups.begin(ctx, l.source(ctx), l.exhausted(ctx))
}

// exhausted reports that too many attempts of this address have failed.
func (l *Limits) exhausted(ctx context.Context) bool {
	return l != nil && l.failures != nil && l.failures.Look(l.source(ctx), l.clock()) > 0
}

// failed counts err, if it says that a credential was not taken. It returns the
// error to answer with: err, or one of membership.KindRateLimited.
func (l *Limits) failed(ctx context.Context, err error) error {
	refused := errors.Is(err, ErrUnauthenticated) || membership.KindOf(err) == membership.KindForbidden
	if l == nil || l.failures == nil || !refused {
		return err
	}
	return l.count(ctx, err)
}

// count is failed for whatever an address does that only wastes work: a form
// that does not arrive, say.
func (l *Limits) count(ctx context.Context, err error) error {
	if l == nil || l.failures == nil {
		return err
	}
	if limit := tooManyFailures(l.failures.Take(l.source(ctx), l.clock())); limit != nil {
		return limit
	}
	return err
}

// source is the address that counts.
func (*Limits) source(ctx context.Context) netip.Addr { return Network(clientOf(ctx).address) }

func tooManyFailures(empty time.Duration) error {
	return limited(empty, "too many attempts from this address have failed: wait, and check the credential")
}

func limited(empty time.Duration, message string) error {
	if empty <= 0 {
		return nil
	}
	return &membership.Error{Kind: membership.KindRateLimited, Message: message, RetryAfter: empty}
}
