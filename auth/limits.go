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
	// parallel with a token that was revoked shall still be told so.
	burstOfFailures = 6
)

// Limits hold back callers that send too much: each after its credential was
// verified, so that nobody uses up what is another's, and each client address
// for attempts that fail. They are one replica's own. A nil *Limits is none.
type Limits struct {
	clock    membership.Clock
	requests *buckets[caller]
	failures *buckets[netip.Addr]
}

// caller is whose requests are counted together: a connection with all of its
// credentials, or the actor of a native one.
type caller struct {
	tenant membership.ID
	actor  membership.Actor
}

// NewLimits returns limits of requests a second for each caller, and of failed
// attempts a second for each client address; 0 is no limit.
func NewLimits(clock membership.Clock, requests, failures int) *Limits {
	l := &Limits{clock: clock}
	if requests > 0 {
		l.requests = newBuckets[caller](clock, requests, burstOfRequests*requests)
	}
	if failures > 0 {
		l.failures = newBuckets[netip.Addr](clock, failures, burstOfFailures*failures)
	}
	return l
}

// patience is for how long a request waits for its turn before it is refused. A
// provider that sends one request after the other so is slowed down to the rate
// and never sees a 429, which not every one of them understands; a crowd does.
const patience = 90 * time.Millisecond

// request counts a request of p. The error is of membership.KindRateLimited.
func (l *Limits) request(ctx context.Context, p Principal) error {
	if l == nil || l.requests == nil {
		return nil
	}
	var waited time.Duration
	for {
		empty := l.requests.take(caller{p.Tenant, p.Actor}, l.clock())
		if waited += empty; empty <= 0 || waited > patience {
			return limited(empty, "too many requests of this caller: slow down")
		}
		select {
		case <-time.After(empty):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// attempt is to be asked before work is done for a credential that is not known
// to be good: from this address, too many may have failed.
func (l *Limits) attempt(ctx context.Context) error {
	if l == nil || l.failures == nil {
		return nil
	}
	return tooManyFailures(l.failures.look(l.source(ctx), l.clock()))
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
	if limit := tooManyFailures(l.failures.take(l.source(ctx), l.clock())); limit != nil {
		return limit
	}
	return err
}

// source is the address that counts. Of IPv6, whoever has one address has at
// least the /64 around it.
func (*Limits) source(ctx context.Context) netip.Addr {
	a := clientOf(ctx).address
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

func tooManyFailures(empty time.Duration) error {
	return limited(empty, "too many attempts from this address have failed: wait, and check the credential")
}

func limited(empty time.Duration, message string) error {
	if empty <= 0 {
		return nil
	}
	return &membership.Error{Kind: membership.KindRateLimited, Message: message, RetryAfter: empty}
}
