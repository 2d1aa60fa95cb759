package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
)

const (
	walkIssuer   = "https://login.example.test"
	walkAudience = "https://bridge.example.test"
)

// signer is an application that signs JWTs.
type signer struct {
	t   *testing.T
	key jwk.Key
}

func newSigner(t *testing.T) signer {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	key, err := jwk.Import(private)
	require.NoError(t, err)
	require.NoError(t, key.Set(jwk.KeyIDKey, "k"))
	return signer{t, key}
}

// jwks is the key set of the application, which its issuer is registered with.
func (s signer) jwks() string {
	s.t.Helper()
	public, err := s.key.PublicKey()
	require.NoError(s.t, err)
	b, err := json.Marshal(map[string]any{"keys": []any{public}})
	require.NoError(s.t, err)
	return string(b)
}

// jwt is a good one of a tenant, with changes.
func (s signer) jwt(tenant auth.Bootstrapped, changes map[string]any) string {
	s.t.Helper()
	claims := map[string]any{
		"iss": walkIssuer, "aud": walkAudience, "sub": "user-1", "tenant_id": tenant.TenantID.String(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(), "permissions": []string{auth.AllPermissions},
	}
	maps.Copy(claims, changes)
	payload, err := json.Marshal(claims)
	require.NoError(s.t, err)
	b, err := jws.Sign(payload, jws.WithKey(jwa.ES256(), s.key))
	require.NoError(s.t, err)
	return string(b)
}

// trust makes a tenant take the JWTs of the application, with all that they say.
func (w *walk) trust(tenant auth.Bootstrapped, s signer) {
	w.t.Helper()
	w.made("/v1/issuers", fmt.Sprintf(`{"issuer":%q,"audiences":[%q],"jwks":%s,"permissions":["*"]}`, walkIssuer,
		walkAudience, s.jwks()), tenant)
}

// deadJWTs open nothing.
func (w *walk) deadJWTs() map[string]string {
	good := w.application.jwt(w.mine, nil)
	_, claims, _ := strings.Cut(good, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." +
		claims[:strings.LastIndexByte(claims, '.')+1]
	return map[string]string{
		"JWT, expired": w.application.jwt(w.mine,
			map[string]any{"exp": time.Now().Add(-time.Hour).Unix(), "iat": time.Now().Add(-2 * time.Hour).Unix()}),
		"JWT, not yet valid":     w.application.jwt(w.mine, map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}),
		"JWT of another issuer":  w.application.jwt(w.mine, map[string]any{"iss": "https://else.example.test"}),
		"JWT for another":        w.application.jwt(w.mine, map[string]any{"aud": "https://else.example.test"}),
		"JWT of no type":         w.application.jwt(w.mine, map[string]any{"type": "OPERATOR"}),
		"JWT of another key":     newSigner(w.t).jwt(w.mine, nil),
		"JWT of theirs for mine": w.theirApplication.jwt(w.mine, nil),
		"JWT without signature":  unsigned,
		"JWT, cut":               good[:len(good)-4],
	}
}

// jwts are good ones that may do this.
func (w *walk) jwts(may []string) map[string]string {
	all := map[string]string{}
	for _, kind := range []string{"USER", "AGENT", "SERVICE"} {
		all["JWT of a "+kind] = w.application.jwt(w.mine, map[string]any{"type": kind, "permissions": may})
	}
	return all
}
