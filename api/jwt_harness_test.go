package api

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
)

const (
	audience = "https://bridge.example.com"
	login    = "https://login.example.com"
)

// signer is somebody who signs JWTs.
type signer struct {
	t   testing.TB
	key jwk.Key
}

func newSigner(t testing.TB, kid string) signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	key, err := jwk.Import(private)
	require.NoError(t, err)
	require.NoError(t, key.Set(jwk.KeyIDKey, kid))
	return signer{t: t, key: key}
}

// jwks is the public key set as JSON.
func (s signer) jwks() string {
	s.t.Helper()
	public, err := s.key.PublicKey()
	require.NoError(s.t, err)
	b, err := json.Marshal(map[string]any{"keys": []any{public}})
	require.NoError(s.t, err)
	return string(b)
}

func (s signer) sign(claims map[string]any) string {
	return signed(s.t, claims, jwa.ES256(), s.key)
}

func signed(t testing.TB, claims map[string]any, alg jwa.SignatureAlgorithm, key any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	b, err := jws.Sign(payload, jws.WithKey(alg, key))
	require.NoError(t, err)
	return string(b)
}

// serveKeys serves a key set over HTTP, and counts how often it is asked.
func serveKeys(t testing.TB, jwks string) (uri string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = w.Write([]byte(jwks))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/keys", asked
}

// claimsFor are those of a good JWT for a tenant, with changes; nil leaves a
// claim out.
func claimsFor(b auth.Bootstrapped, changes map[string]any) map[string]any {
	now := time.Now()
	c := map[string]any{
		"iss": login, "aud": audience, "sub": "user-1", "tenant_id": b.TenantID.String(),
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
		"permissions": []string{"GROUPS:READ", "GROUPS:WRITE", "USERS:READ"},
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func jsonOf(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

// trust makes a tenant trust an issuer with a key set, with changes.
func (h *house) trust(b auth.Bootstrapped, jwks string, changes map[string]any) (id string) {
	h.t.Helper()
	body := map[string]any{"issuer": login, "audiences": []string{audience}, "jwks": json.RawMessage(jwks)}
	maps.Copy(body, changes)
	maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
	return h.make("/v1/issuers", jsonOf(body), as(b))
}

// issuerBody is the body of a request for an issuer of that name.
func issuerBody(name string) string {
	return `{"issuer":"` + name +
		`","audiences":["bridge"],"permissions":["USERS:READ"],"jwks_uri":"https://example.com/keys"}`
}
