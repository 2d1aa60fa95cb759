package auth_test

import (
	"crypto/elliptic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/outbound"
)

func TestClaims(t *testing.T) {
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	key := ecSigner(t, "1", elliptic.P256())
	src := auth.KeySource{Set: jwks(t, key.jwk(t))}
	keys := auth.NewKeySets(outbound.New(nil), time.Now, zap.NewNop())
	rules := auth.ClaimRules{Issuer: "https://issuer", Subject: "job", Audiences: []string{"a", "b"},
		MaxLifetime: 10 * time.Minute}
	type changes map[string]any
	claims := func(with changes) map[string]any {
		all := map[string]any{
			"iss": "https://issuer", "sub": "job", "aud": "a", "jti": "1", "exp": now.Add(5 * time.Minute).Unix(),
			"iat": now.Unix(),
		}
		for name, v := range with {
			if all[name] = v; v == nil {
				delete(all, name)
			}
		}
		return all
	}
	check := func(with changes) error {
		c, err := keys.Verify(t.Context(), src, key.sign(t, jwa.ES256(), claims(with)))
		if err != nil {
			return err
		}
		return c.Check(now, rules)
	}
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }

	for name, with := range map[string]changes{
		"as it should be":       {},
		"audience in a list":    {"aud": []string{"x", "b"}},
		"no iat, nbf, jti":      {"iat": nil, "jti": nil},
		"nbf within the leeway": {"nbf": at(time.Minute)},
		"exp within the leeway": {"exp": at(-59 * time.Second), "iat": nil},
		"a fraction":            {"exp": float64(at(time.Minute)) + 0.5},
	} {
		assert.NoError(t, check(with), name)
	}
	for name, with := range map[string]changes{
		"issuer": {"iss": "https://issuer/"}, "no issuer": {"iss": nil}, "issuer is a number": {"iss": 1},
		"issuer is null": {"iss": []any{}},
		"subject":        {"sub": "Job"}, "no subject": {"sub": nil},
		"audience": {"aud": "c"}, "no audience": {"aud": nil}, "empty audience": {"aud": []string{}},
		"audience is an object": {"aud": map[string]any{}},
		"audience has a number": {"aud": []any{"a", 1}},
		"no exp":                {"exp": nil}, "exp is text": {"exp": "2026"}, "exp is huge": {"exp": 1e300},
		"exp is negative":    {"exp": -1},
		"expired":            {"exp": at(-time.Minute), "iat": nil},
		"not yet valid":      {"nbf": at(61 * time.Second)},
		"from the future":    {"iat": at(61 * time.Second), "exp": at(2 * time.Minute)},
		"too long":           {"exp": at(11*time.Minute + time.Second), "iat": nil},
		"too long since iat": {"exp": at(6 * time.Minute), "iat": at(-5 * time.Minute)},
	} {
		assert.ErrorIs(t, check(with), auth.ErrBadJWT, name)
	}

	// Names are compared exactly, and of two the last counts.
	twice := `{"ISS":"x","iss":"one","iss":"two"}`
	h := jws.NewHeaders()
	require.NoError(t, h.Set("kid", "1"))
	require.NoError(t, h.Set("typ", "at+jwt"))
	text, err := jws.Sign([]byte(twice), jws.WithKey(jwa.ES256(), key.private, jws.WithProtectedHeaders(h)))
	require.NoError(t, err)
	c, err := keys.Verify(t.Context(), src, string(text))
	require.NoError(t, err)
	assert.Equal(t, "two", c.Issuer)
	assert.Equal(t, "at+jwt", c.Type)
	assert.JSONEq(t, `"x"`, string(c.All["ISS"]))
}
