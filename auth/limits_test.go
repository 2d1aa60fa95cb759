package auth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// from is the context of a request from an address.
func from(t *testing.T, address string) (ctx context.Context) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 1).String()
	Addressed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { ctx = r.Context() })).
		ServeHTTP(httptest.NewRecorder(), r)
	return ctx
}

// retryAfter returns for how long a refusal lasts.
func retryAfter(t *testing.T, err error) time.Duration {
	t.Helper()
	var e *membership.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, membership.KindRateLimited, e.Kind)
	require.Positive(t, e.RetryAfter)
	return e.RetryAfter
}

func TestRequestsOfACaller(t *testing.T) {
	now := time.Now()
	v, store, _, text := verifierOf(t, &now)
	v.Limit(NewLimits(v.clock, 10, 0))
	theirs, other := Mint(Token{Tenant: membership.NewID(), Kind: KindAPI})
	store.byID[theirs.ID] = theirs
	verify := func(text string) error {
		_, err := v.Verify(t.Context(), "Bearer "+text)
		return err
	}
	for range 20 {
		require.NoError(t, verify(text), "twice the rate at once")
	}
	assert.Equal(t, time.Second/10, retryAfter(t, verify(text)))
	assert.NoError(t, verify(other), "another caller's are his own")
	for range 4 * 10 { // the rate itself, for as long as one likes
		now = now.Add(time.Second / 10)
		require.NoError(t, verify(text))
		require.Error(t, verify(text), "what is refused does not count")
	}
	now = now.Add(time.Hour)
	for range 20 {
		require.NoError(t, verify(text))
	}
	assert.Error(t, verify(text), "no more than a full bucket")
}

// Who sends one request after the other is slowed down and not refused, where
// the next turn is near.
func TestASteadyCallerIsSlowedDown(t *testing.T) {
	l := NewLimits(time.Now, 400, 0)
	p := Principal{Tenant: membership.NewID()}
	begun := time.Now()
	for range 2*400 + 40 {
		require.NoError(t, l.request(t.Context(), p))
	}
	assert.GreaterOrEqual(t, time.Since(begun), 90*time.Millisecond,
		"forty turns at the rate, but for what came in meanwhile")

	gone, cancel := context.WithCancel(t.Context())
	cancel()
	slow := NewLimits(func() time.Time { return begun }, 50, 0)
	for range 100 {
		require.NoError(t, slow.request(gone, p))
	}
	require.ErrorIs(t, slow.request(gone, p), context.Canceled)
}

// All tokens of a connection are one caller; of native tokens each is one.
func TestWhoIsACaller(t *testing.T) {
	now := time.Now()
	v, store, _, _ := verifierOf(t, &now)
	v.Limit(NewLimits(v.clock, 1, 0))
	tenant, connection := membership.NewID(), membership.NewID()
	for _, c := range []struct {
		kind TokenKind
		free bool
	}{{KindSCIM, true}, {KindSCIM, false}, {KindAPI, true}, {KindAPI, true}} {
		tok, text := Mint(Token{Tenant: tenant, Connection: connection, Kind: c.kind})
		store.byID[tok.ID] = tok
		_, err := v.Verify(t.Context(), "Bearer "+text)
		assert.Equal(t, c.free, err == nil)
		_, _ = v.Verify(t.Context(), "Bearer "+text)
	}
}

func TestFailedAttempts(t *testing.T) {
	now := time.Now()
	v, store, kept, good := verifierOf(t, &now)
	v.Limit(NewLimits(v.clock, 0, 10))
	attacker := from(t, "192.0.2.1")
	forged := func() string {
		_, text := Mint(Token{Tenant: kept.Tenant, ID: kept.ID})
		return "Bearer " + text
	}
	_, err := v.Verify(attacker, "Bearer "+good)
	require.NoError(t, err)
	for range 100 {
		_, err := v.Verify(attacker, "")
		require.Equal(t, errNoBearer, err, "no credential is no attempt")
	}
	for i := range 60 {
		text := forged()
		if i%2 == 0 {
			text = "Bearer garbage"
		}
		_, err := v.Verify(attacker, text)
		require.ErrorIs(t, err, ErrUnauthenticated)
	}
	exhaust := func() {
		for range 45 { // 40 come back in cacheLife
			_, _ = v.Verify(attacker, forged())
		}
	}
	_, unknown := Mint(Token{Tenant: kept.Tenant})
	for _, text := range []string{forged(), "Bearer garbage", "Bearer " + unknown} {
		_, err = v.Verify(attacker, text)
		assert.LessOrEqual(t, retryAfter(t, err), time.Second)
	}

	// A caller of the same address with a good token is let in, also when it is
	// used for the first time, or the store has to be asked again.
	for range 3 {
		fresh, text := Mint(Token{Tenant: kept.Tenant, Kind: KindAPI})
		store.byID[fresh.ID] = fresh
		for _, text := range []string{good, text} {
			_, err = v.Verify(attacker, "Bearer "+text)
			assert.NoError(t, err)
		}
		now = now.Add(cacheLife)
		exhaust()
	}
	_, err = v.Verify(from(t, "192.0.2.2"), forged())
	assert.ErrorIs(t, err, ErrUnauthenticated, "other addresses are others")

	// What is not good costs the store little, however many come at once.
	queries, begun := store.queries, time.Now()
	var all sync.WaitGroup
	for range 50 {
		text, request := forged(), from(t, "192.0.2.1") // each has a note of its own
		all.Go(func() { _, _ = v.Verify(request, text) })
	}
	all.Wait()
	assert.LessOrEqual(t, store.queries-queries, int(time.Since(begun)/slowLookup)+1)

	// A token that was good and is no more is told so, and then is like others.
	kept.RevokedAt = now
	store.byID[kept.ID] = kept
	now = now.Add(cacheLife)
	_, err = v.Verify(from(t, "192.0.2.2"), "Bearer "+good)
	require.ErrorIs(t, err, ErrUnauthenticated)
	exhaust()
	_, err = v.Verify(attacker, "Bearer "+good)
	retryAfter(t, err)

	now = now.Add(time.Second)
	_, err = v.Verify(attacker, forged())
	assert.ErrorIs(t, err, ErrUnauthenticated, "it recovers")
}

func TestAStoreThatCannotAnswerIsNoFailedAttempt(t *testing.T) {
	now := time.Now()
	v, store, _, good := verifierOf(t, &now)
	v.Limit(NewLimits(v.clock, 0, 1))
	store.err = &membership.Error{Kind: membership.KindUnavailable, Message: "later"}
	for range 100 {
		_, err := v.Verify(t.Context(), "Bearer "+good)
		require.Equal(t, membership.KindUnavailable, membership.KindOf(err))
	}
	store.err = nil
	_, err := v.Verify(t.Context(), "Bearer "+good)
	assert.NoError(t, err)
}

func TestAddressesOfIPv6CountByNetwork(t *testing.T) {
	now := time.Now()
	l := NewLimits(func() time.Time { return now }, 0, 1)
	for i := range burstOfFailures {
		require.Equal(t, errNoToken, l.failed(from(t, fmt.Sprintf("2001:db8:0:1::%x", i+1)), errNoToken))
	}
	for address, empty := range map[string]bool{
		"2001:db8:0:1:ffff::1": true, "2001:db8:0:2::1": false, "192.0.2.1": false, "192.0.2.2": false,
		"::ffff:192.0.2.3": false,
	} {
		assert.Equal(t, empty, l.exhausted(from(t, address)), address)
	}
	assert.False(t, l.exhausted(t.Context()), "who has no address shares one of all of those")
	assert.Equal(t, l.source(from(t, "::ffff:192.0.2.3")), l.source(from(t, "192.0.2.3")))
}

// What is full goes first: it makes no difference.
func TestBucketsAreBounded(t *testing.T) {
	now := time.Now()
	b := NewBuckets[int](func() time.Time { return now }, 1, 1)
	for i := range 3 * bucketsSize {
		require.Zero(t, b.Take(i, now))
		require.LessOrEqual(t, len(b.fullAt), bucketsSize)
	}
	clear(b.fullAt)
	for i := range bucketsSize / 2 {
		b.Take(i, now)
	}
	now = now.Add(time.Second)
	for i := range bucketsSize/2 + 1 {
		b.Take(-1-i, now)
	}
	assert.Len(t, b.fullAt, bucketsSize/2+1)
	assert.Positive(t, b.Look(-1, now))
	assert.Zero(t, b.Look(1, now))
}

func TestForwarded(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")}
	for _, c := range []struct {
		peer string
		sent []string
		want string
	}{
		{"10.0.0.1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1", []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"}, // the first was written by the caller
		{"10.0.0.1", []string{"1.1.1.1", "203.0.113.9,10.0.0.2"}, "203.0.113.9"},
		{"10.0.0.1", []string{"203.0.113.9, 2001:db8::5 ,\t10.0.0.2"}, "203.0.113.9"},
		{"10.0.0.1", []string{"203.0.113.9:4711"}, "203.0.113.9"},
		{"10.0.0.1", []string{"[2001:db9::1]:4711"}, "2001:db9::1"},
		{"10.0.0.1", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"::ffff:10.0.0.1", []string{"203.0.113.9"}, "203.0.113.9"},
		{"10.0.0.1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"10.0.0.1", nil, "10.0.0.1"},
		{"10.0.0.1", []string{""}, "10.0.0.1"},
		{"10.0.0.1", []string{"203.0.113.9, unknown"}, ""},
		{"10.0.0.1", []string{"203.0.113.9,"}, ""},
		{"192.0.2.1", []string{"203.0.113.9"}, "192.0.2.1"}, // no proxy of ours
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(c.peer), 1).String()
		r.Header["X-Forwarded-For"] = c.sent
		var want, got netip.Addr
		if c.want != "" {
			want = netip.MustParseAddr(c.want)
		}
		Addressed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			got = clientOf(r.Context()).address
		}),
			proxies...).
			ServeHTTP(httptest.NewRecorder(), r)
		assert.Equal(t, want, got, "%v", c)
	}
}

// A cached verification, limits included; the budget is two microseconds.
func BenchmarkVerifyCached(b *testing.B) {
	for _, limits := range []*Limits{nil, NewLimits(time.Now, 1_000_000, 10)} {
		b.Run(fmt.Sprintf("limits=%t", limits != nil), func(b *testing.B) {
			now := time.Now()
			v, _, _, text := verifierOf(b, &now)
			v.Limit(limits)
			ctx, header := b.Context(), "Bearer "+text
			b.ReportAllocs()
			for b.Loop() {
				_, _ = v.Verify(ctx, header)
			}
		})
	}
}
