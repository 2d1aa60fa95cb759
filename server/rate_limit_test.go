package server

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
)

func (s testServer) bootstrap(t testing.TB) auth.Bootstrapped {
	t.Helper()
	b, err := auth.Bootstrap(t.Context(), s.store, time.Now,
		auth.BootstrapSpec{TenantName: "Acme", IDP: "okta", ConnectionName: "Okta"})
	require.NoError(t, err)
	return b
}

// limitedBody is a 429 in the words of its door.
func limitedBody(t *testing.T, door string, res *http.Response) {
	t.Helper()
	seconds, err := strconv.Atoi(res.Header.Get("Retry-After"))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, seconds, 1)
	var doc map[string]any
	require.NoError(t, json.Unmarshal([]byte(body(t, res)), &doc))
	if door == doorSCIM {
		assert.Equal(t, "application/scim+json", res.Header.Get("Content-Type"))
		assert.Equal(t, "429", doc["status"])
		assert.Equal(t, []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, doc["schemas"])
		return
	}
	assert.Equal(t, "rate_limited", doc["code"])
	assert.NotEmpty(t, doc["message"])
}

// doors are one request each of a good caller and of one who has nothing.
func doorRequests(b auth.Bootstrapped) map[string]struct {
	path   string
	header []string
} {
	return map[string]struct {
		path   string
		header []string
	}{
		doorSCIM: {"/scim/v2/Users", []string{"Authorization", "Bearer " + b.SCIMToken}},
		doorNative: {"/v1/users",
			[]string{"Authorization", "Bearer " + b.APIToken, "X-Tenant-ID", b.TenantID.String()}},
	}
}

// The rate is far from what this loop reaches in the time that it takes, so
// that the test does not depend on the machine.
func TestTooManyRequests(t *testing.T) {
	s := newTestServer(t, func(c *config.Config) { c.RateLimit = 1 })
	b, other := s.bootstrap(t), s.bootstrap(t)
	for door, r := range doorRequests(b) {
		limited := 0
		for range 20 {
			res := s.do(t, http.MethodGet, r.path, r.header...)
			if res.StatusCode != http.StatusOK {
				require.Equal(t, http.StatusTooManyRequests, res.StatusCode, door)
				limitedBody(t, door, res)
				limited++
			}
		}
		assert.Positive(t, limited, door)
		theirs := doorRequests(other)[door]
		assert.Equal(t, http.StatusOK, s.do(t, http.MethodGet, theirs.path, theirs.header...).StatusCode,
			"another tenant's")
		assert.Contains(t, body(t, s.do(t, http.MethodGet, "/metrics")),
			"\nscimbridge_rate_limited_total{door=\""+door+"\"} "+strconv.Itoa(limited)+"\n")
	}
}

func TestTooManyFailedAttempts(t *testing.T) {
	s := newTestServer(t, func(c *config.Config) { c.FailedAuthLimit = 1 })
	b := s.bootstrap(t)
	good := doorRequests(b)
	for _, r := range good {
		require.Equal(t, http.StatusOK, s.do(t, http.MethodGet, r.path, r.header...).StatusCode)
	}
	for door, r := range good {
		limited := 0
		for range 20 {
			_, wrong := auth.Mint(auth.Token{Tenant: b.TenantID})
			res := s.do(t, http.MethodGet, r.path, "Authorization", "Bearer "+wrong)
			if res.StatusCode != http.StatusUnauthorized {
				require.Equal(t, http.StatusTooManyRequests, res.StatusCode, door)
				limitedBody(t, door, res)
				limited++
			}
		}
		assert.Positive(t, limited, door)
		assert.Equal(t, http.StatusOK, s.do(t, http.MethodGet, r.path, r.header...).StatusCode,
			"of the same address, and good")
	}
}

func TestLimitsAreOff(t *testing.T) {
	s := newTestServer(t, func(c *config.Config) { c.RateLimit, c.FailedAuthLimit = 0, 0 })
	r := doorRequests(s.bootstrap(t))[doorSCIM]
	for range 300 {
		require.Equal(t, http.StatusOK, s.do(t, http.MethodGet, r.path, r.header...).StatusCode)
		require.Equal(t, http.StatusUnauthorized,
			s.do(t, http.MethodGet, r.path, "Authorization", "Bearer x").StatusCode)
	}
}

func TestAProxyThatNobodyNamedIsTold(t *testing.T) {
	s := newTestServer(t)
	for range 3 {
		s.do(t, http.MethodGet, "/healthz", "X-Forwarded-For", "192.0.2.1")
	}
	assert.Equal(t, 1, s.logs.FilterMessageSnippet("trusted_proxies").Len())
	s = newTestServer(t, func(c *config.Config) {
		c.TrustedProxies = config.Networks{netip.MustParsePrefix("192.0.2.0/24")}
	})
	s.do(t, http.MethodGet, "/healthz", "X-Forwarded-For", "192.0.2.1")
	assert.Zero(t, s.logs.FilterMessageSnippet("trusted_proxies").Len())
}
