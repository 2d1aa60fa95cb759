package auth_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// verifyFrom verifies a token in a request from an address. The headers say
// something else: they are not read.
func verifyFrom(t *testing.T, v *auth.Verifier, text, remote string) (err error) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.RemoteAddr = remote
	r.Header.Set("X-Request-Id", "request-2")
	for _, h := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded", "True-Client-Ip"} {
		r.Header.Set(h, "198.51.100.1")
	}
	auth.Addressed(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err = v.Verify(r.Context(), "Bearer "+text)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return err
}

func opensFrom(t *testing.T, v *auth.Verifier, text, remote string) bool {
	t.Helper()
	return verifyFrom(t, v, text, remote) == nil
}

func TestNetworks(t *testing.T) {
	eachDesk(t, func(t *testing.T, o *desk) {
		networks, err := auth.ParseNetworks([]string{"192.0.2.0/25", "2001:db8::/32", "198.51.100.7/32"})
		require.NoError(t, err)
		_, text := o.create(auth.TokenSpec{Kind: auth.KindAPI, Networks: networks})
		for remote, ok := range map[string]bool{
			"192.0.2.1:1": true, "192.0.2.128:1": false, "[2001:db8::1]:1": true, "[2001:db9::1]:1": false,
			"[::ffff:192.0.2.1]:1": true, "[2001:db8::1%eth0]:1": true,
			"198.51.100.7:1": true, "198.51.100.1:1": false, "127.0.0.1:1": false, "@": false, "": false,
		} {
			for range 2 { // out of the store, and out of the cache
				es := o.during(func() {
					err := verifyFrom(t, o.verifier, text, remote)
					if ok {
						assert.NoError(t, err, remote)
						return
					}
					assert.Equal(t, membership.KindForbidden, membership.KindOf(err), remote)
				})
				if ok {
					assert.Empty(t, es)
					continue
				}
				require.Len(t, es, 1, "a refusal is an event")
				assert.Equal(t, membership.ActionRefused, es[0].Action)
				assert.Equal(t, "request-2", es[0].RequestID)
				assert.Contains(t, string(es[0].After), `"kind":"network"`)
				assert.NotContains(t, string(es[0].After), "192.", "an address is personal data")
			}
		}
		_, err = o.verifier.Verify(t.Context(), "Bearer "+text)
		assert.Equal(t, membership.KindForbidden, membership.KindOf(err), "who does not know the address refuses")
		_, wrong := auth.Mint(auth.Token{Tenant: o.tenant.TenantID})
		assert.ErrorIs(t, verifyFrom(t, o.verifier, wrong, "127.0.0.1:1"), auth.ErrUnauthenticated)
	})
}

func TestParseNetworks(t *testing.T) {
	for _, bad := range []string{"", "192.0.2.1", "192.0.2.1/24", "192.0.2.0/33", "::ffff:192.0.2.0/120",
		"2001:db8::1/32",
		"everywhere", "192.0.2.0/24 "} {
		_, err := auth.ParseNetworks([]string{bad})
		assert.Equal(t, membership.KindInvalid, membership.KindOf(err), bad)
	}
	ns, err := auth.ParseNetworks([]string{"0.0.0.0/0", "::/0"})
	require.NoError(t, err)
	assert.Equal(t, []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}, ns)
}
