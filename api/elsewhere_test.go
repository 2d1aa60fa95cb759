package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// What a server keeps of credentials, policies and issuers is not used once another has
// changed it. The clock of the second server stands, so what it keeps never grows old.
func TestChangesTakeEffectElsewhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := time.Now()
		clock := func() time.Time { return now }
		policy := auth.NewPolicy(h.store, clock, nil)
		verifier := auth.NewVerifier(h.store, clock)
		jwts := auth.NewJWTs(h.store, auth.NewKeySets(outbound.New(nil), time.Now, nil), clock)
		services := h.services
		services.Directory = membership.NewDirectory(h.store, policy, membership.Options{})
		services.Verifier = auth.Native{Tokens: verifier, JWTs: jwts}
		elsewhere := httptest.NewServer(New(services, Config{}))
		t.Cleanup(elsewhere.Close)
		there := *h
		there.server = elsewhere

		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { auth.NewAccessWatch(h.store, verifier, jwts, policy).Run(ctx) })
		t.Cleanup(func() { stop(); running.Wait() })
		becomes := func(status int, credential, change string) {
			t.Helper()
			assert.Eventually(t, func() bool {
				return there.do(http.MethodGet, "/v1/groups", "", bearer(credential)).status == status
			}, 20*time.Second, 20*time.Millisecond, change)
		}

		id, token := h.token("GROUPS:READ")
		s := newSigner(t, "k1")
		issuer := h.trust(h.mine, s.jwks(), nil)
		jwt := s.sign(claimsFor(h.mine, nil))
		paused := func() bool {
			p, err := verifier.Verify(t.Context(), "Bearer "+h.mine.SCIMToken)
			require.NoError(t, err)
			return p.Paused
		}
		require.False(t, paused())
		becomes(http.StatusOK, token, "a token")
		becomes(http.StatusOK, jwt, "a JWT")

		connection := "/v1/connections/" + h.mine.ConnectionID.String()
		h.do(http.MethodPatch, connection, `{"paused":true}`).is(http.StatusOK)
		assert.Eventually(t, paused, 20*time.Second, 20*time.Millisecond)

		h.do(http.MethodPost, "/v1/policies",
			`{"id":"p","cedar":"forbid (principal, action == Action::\"groups.read\", resource);"}`).is(
			http.StatusCreated)
		becomes(http.StatusForbidden, token, "a policy")
		h.do(http.MethodDelete, "/v1/policies/p", "").is(http.StatusNoContent)
		becomes(http.StatusOK, token, "no policy")

		h.do(http.MethodDelete, "/v1/issuers/"+issuer, "").is(http.StatusNoContent)
		becomes(http.StatusUnauthorized, jwt, "no issuer")
		h.revoke(id)
		becomes(http.StatusUnauthorized, token, "a revoked token")
	})
}

// A tenant of which nothing changes is read once, however rarely it calls.
func TestWhatIsUnchangedStaysKept(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := time.Now()
		clock := func() time.Time { return now }
		verifier := auth.NewVerifier(h.store, clock)
		jwts := auth.NewJWTs(h.store, auth.NewKeySets(outbound.New(nil), time.Now, nil), clock)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { auth.NewAccessWatch(h.store, verifier, jwts, auth.Policy{}).Run(ctx) })
		t.Cleanup(func() { stop(); running.Wait() })
		cached := func() (cached bool) {
			auth.Addressed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, err := verifier.Verify(r.Context(), "Bearer "+h.mine.SCIMToken)
				assert.NoError(t, err)
				cached = auth.NoteOf(r.Context()).Cached
			})).ServeHTTP(nil, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
			return cached
		}
		assert.False(t, cached())
		// The first look forgets what may be older than it. Between two calls are two looks.
		kept := 0
		for range 4 {
			if time.Sleep(1300 * time.Millisecond); cached() {
				kept++
			}
		}
		assert.GreaterOrEqual(t, kept, 2)
	})
}
