package auth

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// trusting is the reading half of an IssuerStore: one tenant has one issuer.
type trusting struct {
	issuer  Issuer
	queries int
	err     error // for other tenants than its own
}

func (s *trusting) IssuerVersion(context.Context, membership.ID) (int64, error) {
	s.queries++
	return 1, nil
}

func (*trusting) Token(context.Context, membership.ID, membership.ID) (Token, error) {
	return Token{}, membership.NotFound("token")
}

func (s *trusting) Issuers(_ context.Context, tenant membership.ID) ([]Issuer, int64, error) {
	s.queries++
	if tenant != s.issuer.Tenant {
		return nil, 0, s.err
	}
	return []Issuer{s.issuer}, 1, nil
}

// trust makes a JWTs whose clock is now, and what signs for its one issuer.
func trust(t testing.TB, now *time.Time) (j *JWTs, s *trusting, sign func(subject string) string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key, err := jwk.Import(public)
	require.NoError(t, err)
	set, err := json.Marshal(map[string]any{"keys": []any{key}})
	require.NoError(t, err)
	tenant := membership.NewID()
	s = &trusting{issuer: Issuer{
		Tenant: tenant, ID: membership.NewID(), Issuer: "login", Audiences: []string{"bridge"}, JWKS: string(set),
		Claims: IssuerClaims{Tenant: DefaultTenantClaim}, DefaultPrincipal: membership.ActorUser, MaxAge: time.Hour,
	}}
	clock := func() time.Time { return *now }
	sign = func(subject string) string {
		payload, err := json.Marshal(map[string]any{
			"iss": "login", "aud": "bridge", "sub": subject, "tenant_id": tenant, "exp": now.Add(time.Minute).Unix(),
		})
		require.NoError(t, err)
		text, err := jws.Sign(payload, jws.WithKey(jwa.EdDSA(), private))
		require.NoError(t, err)
		return string(text)
	}
	return NewJWTs(s, NewKeySets(outbound.New(nil), clock, zap.NewNop()), clock), s, sign
}

func TestJWTsCostNoQueryEach(t *testing.T) {
	now := time.Now()
	j, s, sign := trust(t, &now)
	for n := range 100 {
		_, err := j.Verify(t.Context(), sign(strconv.Itoa(n)), s.issuer.Tenant)
		require.NoError(t, err)
	}
	assert.Equal(t, 1, s.queries)
	now = now.Add(setLife)
	text := sign("x")
	for range 100 {
		_, err := j.Verify(t.Context(), text, membership.ID{})
		require.NoError(t, err)
	}
	assert.Equal(t, 2, s.queries, "the version, once")

	now = now.Add(2*time.Minute + clockLeeway)
	_, err := j.Verify(t.Context(), text, s.issuer.Tenant)
	assert.ErrorContains(t, err, "expired", "what is remembered ends with the JWT")
}

// Tokens that name tenants without issuers fill no cache.
func TestWhatJWTsRememberIsBounded(t *testing.T) {
	now := time.Now()
	j, s, sign := trust(t, &now)
	good := sign("good")
	for range 100 {
		_, err := j.Verify(t.Context(), good, membership.NewID())
		require.NoError(t, err, "it is good for its own tenant")
	}
	s.err = errors.New("the store is down")
	for range 100 {
		_, err := j.Verify(t.Context(), good, membership.NewID())
		require.ErrorIs(t, err, s.err)
	}
	assert.Len(t, j.issuers.tenants, 1)
	for n := range maxResults + 10 {
		_, err := j.Verify(t.Context(), sign(strconv.Itoa(n)), s.issuer.Tenant)
		require.NoError(t, err)
	}
	set, err := j.issuers.held(s.issuer.Tenant)
	require.NoError(t, err)
	assert.LessOrEqual(t, len(set.results), maxResults)
}

func TestLimitsOfJWTs(t *testing.T) {
	now := time.Now()
	j, s, sign := trust(t, &now)
	j.Limit(NewLimits(func() time.Time { return now }, 1, 1))
	attacker := from(t, "192.0.2.1")
	good := sign("good")
	_, err := j.Verify(attacker, good, s.issuer.Tenant)
	require.NoError(t, err)
	limited := 0
	for n := range 20 {
		_, err := j.Verify(attacker, sign(strconv.Itoa(n))+"x", s.issuer.Tenant)
		if membership.KindOf(err) == membership.KindRateLimited {
			limited++
		} else {
			require.ErrorIs(t, err, ErrUnauthenticated)
		}
	}
	assert.Equal(t, 20-burstOfFailures, limited)
	_, err = j.Verify(attacker, good, s.issuer.Tenant)
	require.NoError(t, err, "what was good before is not held back")
	_, err = j.Verify(attacker, good, s.issuer.Tenant)
	retryAfter(t, err) // but by its own limit
	_, err = j.Verify(from(t, "192.0.2.2"), sign("other"), s.issuer.Tenant)
	require.NoError(t, err)
}

func BenchmarkJWT(b *testing.B) {
	now := time.Now()
	j, s, sign := trust(b, &now)
	text := sign("x")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := j.Verify(b.Context(), text, s.issuer.Tenant); err != nil {
			b.Fatal(err)
		}
	}
}
