package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// running are requests that have entered and not left.
type running struct {
	t    *testing.T
	in   *Concurrency
	over []string // scopes of what was refused
}

func newRunning(t *testing.T, l ConcurrencyLimits) *running {
	r := &running{t: t}
	r.in = NewConcurrency(l, func(scope string) { r.over = append(r.over, scope) })
	return r
}

// request returns the context of a request from an address, and what ends it.
func (r *running) request(address string) (ctx context.Context, end func()) {
	r.t.Helper()
	began, leave, left := make(chan context.Context), make(chan bool), make(chan bool)
	req := httptest.NewRequestWithContext(r.t.Context(), http.MethodGet, "/", nil)
	req.RemoteAddr = address + ":1"
	h := Addressed(r.in.Track(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		began <- req.Context()
		<-leave
	}), nil))
	go func() {
		h.ServeHTTP(httptest.NewRecorder(), req)
		close(left)
	}()
	return <-began, func() { close(leave); <-left }
}

// enter runs a request of a principal until the test ends, and returns the error.
func (r *running) enter(p Principal) error {
	r.t.Helper()
	ctx, end := r.request("192.0.2.1")
	r.t.Cleanup(end)
	return identify(ctx, p)
}

func (r *running) fill(p Principal) (n int, err error) {
	r.t.Helper()
	for ; n < 1000; n++ {
		if err = r.enter(p); err != nil {
			return n, err
		}
	}
	return n, nil
}

func newPrincipal(tenant membership.ID, n int) Principal {
	return Principal{Tenant: tenant, Actor: membership.Actor{Kind: membership.ActorUser, ID: fmt.Sprint(n)}}
}

func TestConcurrencyOfCallerAndTenant(t *testing.T) {
	r := newRunning(t, ConcurrencyLimits{Requests: 100, Tenant: 12, Caller: 5})
	tenant := membership.NewID()
	n, err := r.fill(newPrincipal(tenant, 1))
	assert.Equal(t, 5, n)
	assert.LessOrEqual(t, retryAfter(t, err), time.Second, "429: its own doing")
	n, _ = r.fill(newPrincipal(tenant, 2))
	assert.Equal(t, 5, n, "each caller has its own")
	n, err = r.fill(newPrincipal(tenant, 3))
	assert.Equal(t, 2, n, "within the tenant's")
	assert.Equal(t, membership.KindBusy, membership.KindOf(err))
	assert.NoError(t, r.enter(newPrincipal(membership.NewID(), 1)), "another tenant")
	assert.Equal(t, []string{ScopeCaller, ScopeCaller, ScopeTenant}, r.over)

	subject := newPrincipal(tenant, 1)
	subject.Issuer = membership.NewID()
	assert.NotEqual(t, callerOf(subject), callerOf(newPrincipal(tenant, 1)), "subjects are their issuer's")
}

// However many tenants take all they can get, room is left for one more.
func TestConcurrencyKeepsRoom(t *testing.T) {
	r := newRunning(t, ConcurrencyLimits{Requests: 60})
	for greedy := range 5 {
		n, err := r.fill(newPrincipal(membership.NewID(), 1))
		assert.Equal(t, membership.KindBusy, membership.KindOf(err))
		if greedy == 0 {
			assert.Equal(t, 30, n)
		}
		quiet, end := r.request("192.0.2.1")
		assert.NoError(t, identify(quiet, newPrincipal(membership.NewID(), 1)), "after %d", greedy)
		end()
	}
	for range 60 {
		_ = r.enter(newPrincipal(membership.NewID(), 1))
	}
	assert.Error(t, r.enter(newPrincipal(membership.NewID(), 1)), "60 are all there are")
	assert.Equal(t, 60, r.in.running.all)
	assert.Equal(t, ScopeServer, r.over[len(r.over)-1])
}

func TestConcurrencyWithoutCredential(t *testing.T) {
	r := newRunning(t, ConcurrencyLimits{Requests: 4, Anonymous: 8})
	enter := func(address, kind string) bool {
		ctx, end := r.request(address)
		t.Cleanup(end)
		return r.in.EnterAnonymous(ctx, kind)
	}
	for range 2 {
		assert.True(t, enter("192.0.2.1", "a"))
	}
	assert.False(t, enter("192.0.2.1", "a"), "a quarter is all that one address gets")
	assert.True(t, enter("192.0.2.1", "b"), "of each kind")
	for i := range 6 {
		assert.True(t, enter(fmt.Sprintf("192.0.2.%d", 10+i), "a"))
	}
	assert.False(t, enter("192.0.2.99", "a"))
	assert.NoError(t, r.enter(newPrincipal(membership.NewID(), 1)), "and it takes nothing from others")

	// With its credential a request counts as its caller's.
	ctx, end := r.request("192.0.2.100")
	require.True(t, r.in.EnterAnonymous(ctx, "c"))
	require.NoError(t, identify(ctx, newPrincipal(membership.NewID(), 1)))
	assert.Zero(t, r.in.kinds["c"])
	assert.Equal(t, 2, r.in.running.all)
	assert.NoError(t, identify(ctx, newPrincipal(membership.NewID(), 1)), "once")
	assert.Equal(t, 2, r.in.running.all)
	end()
	assert.Equal(t, 1, r.in.running.all)
}

func TestConcurrencyEndsWithTheRequest(t *testing.T) {
	r := newRunning(t, ConcurrencyLimits{Requests: 4, Anonymous: 4})
	for _, enter := range []func(ctx context.Context){
		func(ctx context.Context) { require.True(t, r.in.EnterAnonymous(ctx, "a")) },
		func(ctx context.Context) { require.NoError(t, identify(ctx, newPrincipal(membership.NewID(), 1))) },
		func(context.Context) {},
	} {
		h := Addressed(r.in.Track(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
			enter(req.Context())
			panic(http.ErrAbortHandler)
		}), nil))
		req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		assert.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(httptest.NewRecorder(), req) })
	}
	assert.Zero(t, r.in.running.all)
	for _, left := range []int{len(r.in.running.tenants), len(r.in.running.callers), len(r.in.kinds),
		len(r.in.addresses)} {
		assert.Zero(t, left, "nothing is kept of who has left")
	}
}

func TestConcurrencyWithoutLimits(t *testing.T) {
	r := newRunning(t, ConcurrencyLimits{})
	n, err := r.fill(newPrincipal(membership.NewID(), 1))
	assert.Equal(t, 1000, n)
	assert.NoError(t, err)
	assert.NoError(t, identify(t.Context(), newPrincipal(membership.NewID(), 1)), "nor where nothing counts")
}

// The subjects of one issuer share a rate, however many they are.
func TestRequestsOfAnIssuer(t *testing.T) {
	now := time.Now()
	l := NewLimits(func() time.Time { return now }, 10, 0)
	l.LimitIssuers(50)
	tenant, issuer := membership.NewID(), membership.NewID()
	subject := func(n int) Principal {
		p := newPrincipal(tenant, n)
		p.Issuer = issuer
		return p
	}
	for i := range 100 {
		require.NoError(t, l.request(t.Context(), subject(i)))
	}
	l.clock = func() time.Time { now = now.Add(-time.Millisecond); return now } // nothing comes back
	retryAfter(t, l.request(t.Context(), subject(1000)))
	assert.NoError(t, l.request(t.Context(), newPrincipal(tenant, 1)), "a token of the tenant")
	other := subject(1)
	other.Issuer = membership.NewID()
	assert.NoError(t, l.request(t.Context(), other), "another issuer")
}

// What waits takes no place of what runs, and has places of its own.
func TestWaitingHasPlacesOfItsOwn(t *testing.T) {
	r := newRunning(t, ConcurrencyLimits{Caller: 1, Waiting: Places{All: 8, Tenant: 3, Caller: 2}})
	tenant := membership.NewID()
	wait := func(p Principal) (context.Context, error) {
		ctx, end := r.request("192.0.2.1")
		t.Cleanup(end)
		require.NoError(t, identify(ctx, p), "the place of the one before is free: it waits")
		err := Wait(ctx)
		if err != nil {
			r.in.leave(&clientOf(ctx).slot)
		}
		return ctx, err
	}
	one, err := wait(newPrincipal(tenant, 1))
	require.NoError(t, err)
	require.NoError(t, Wait(one), "it waits already")
	_, err = wait(newPrincipal(tenant, 1))
	require.NoError(t, err)
	_, err = wait(newPrincipal(tenant, 1))
	assert.LessOrEqual(t, retryAfter(t, err), time.Second, "429: its own doing")
	_, err = wait(newPrincipal(tenant, 2))
	require.NoError(t, err)
	_, err = wait(newPrincipal(tenant, 3))
	assert.Equal(t, membership.KindBusy, membership.KindOf(err), "the tenant's places are taken")
	_, err = wait(newPrincipal(membership.NewID(), 1))
	require.NoError(t, err, "another tenant")

	require.NoError(t, identify(one, newPrincipal(tenant, 1)), "it runs again")
	assert.Equal(t, 3, r.in.waiting.all)
	ctx, end := r.request("192.0.2.1")
	assert.Error(t, identify(ctx, newPrincipal(tenant, 1)), "and takes a place of those that run")
	end()
	assert.Equal(t, []string{ScopeCaller, ScopeTenant, ScopeCaller}, r.over)
}
