package auth

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// verifierOf makes a Verifier of a Store with one token.
func verifierOf(t testing.TB, now *time.Time) (*Verifier, *tokens, Token, string) {
	t.Helper()
	kept, text := Mint(Token{Tenant: membership.NewID(), Kind: KindAPI})
	store := &tokens{byID: map[membership.ID]Token{kept.ID: kept}}
	return NewVerifier(store, func() time.Time { return *now }), store, kept, text
}

func TestVerifiedTokensAreKeptForASecond(t *testing.T) {
	now := time.Now()
	v, store, _, text := verifierOf(t, &now)
	verify := func() {
		t.Helper()
		_, err := v.Verify(t.Context(), "Bearer "+text)
		require.NoError(t, err)
	}
	verify()
	now = now.Add(accessLife - time.Nanosecond)
	verify()
	assert.Equal(t, 1, store.queries)
	now = now.Add(time.Nanosecond)
	verify()
	assert.Equal(t, 2, store.queries)
}

func TestACachedTokenStillExpires(t *testing.T) {
	now := time.Now().Truncate(time.Microsecond)
	v, store, kept, text := verifierOf(t, &now)
	kept.ExpiresAt = now.Add(time.Second)
	store.byID[kept.ID] = kept
	_, err := v.Verify(t.Context(), "Bearer "+text)
	require.NoError(t, err)
	now = now.Add(time.Second)
	_, err = v.Verify(t.Context(), "Bearer "+text)
	require.ErrorIs(t, err, ErrUnauthenticated)
}

// A forged token with the public part of a good one finds nothing in the cache.
func TestTheCacheComparesTheWholeToken(t *testing.T) {
	now := time.Now()
	v, _, kept, text := verifierOf(t, &now)
	_, err := v.Verify(t.Context(), "Bearer "+text)
	require.NoError(t, err)
	_, forged := Mint(Token{Tenant: kept.Tenant, ID: kept.ID})
	_, err = v.Verify(t.Context(), "Bearer "+forged)
	require.Equal(t, errNotOpened, err)
}

// What an attacker sends is not kept, and so pushes nothing out.
func TestFailuresAreNotCached(t *testing.T) {
	now := time.Now()
	v, store, kept, text := verifierOf(t, &now)
	_, err := v.Verify(t.Context(), "Bearer "+text)
	require.NoError(t, err)
	for range 2 * cacheSize {
		_, forged := Mint(Token{Tenant: kept.Tenant})
		_, err := v.Verify(t.Context(), "Bearer "+forged)
		require.ErrorIs(t, err, ErrUnauthenticated)
	}
	assert.Len(t, v.cache.entries, 1)
	before := store.queries
	_, err = v.Verify(t.Context(), "Bearer "+text)
	require.NoError(t, err)
	assert.Equal(t, before, store.queries)
}

func TestTheCacheIsBounded(t *testing.T) {
	var c cache
	now := time.Now()
	clock := func() time.Time { return now }
	key := func(i int) (k tokenHash) {
		k[0], k[1], k[2] = byte(i), byte(i>>8), byte(i>>16)
		return k
	}
	for i := range 3 * cacheSize {
		c.put(key(i), Token{}, now, 0, clock)
		require.LessOrEqual(t, len(c.entries), cacheSize)
	}
	now = now.Add(cacheLife)
	for i := range cacheSize + 1 {
		c.put(key(i), Token{ID: membership.NewID()}, now, 0, clock)
	}
	_, ok := c.get(key(cacheSize), now)
	assert.True(t, ok)
}

// slow is a Store whose answer was read before something happened, and arrives
// after.
type slow struct {
	*tokens
	meanwhile func()
}

func (s slow) Token(ctx context.Context, tenant, id membership.ID) (Token, error) {
	t, err := s.tokens.Token(ctx, tenant, id)
	s.meanwhile()
	return t, err
}

// What was read before a revocation does not get into the cache after it.
func TestRevocationDuringARead(t *testing.T) {
	now := time.Now()
	v, store, kept, text := verifierOf(t, &now)
	v.store = slow{store, func() {
		kept.RevokedAt = now
		store.byID[kept.ID] = kept
		v.Forget(kept.ID)
	}}
	_, err := v.Verify(t.Context(), "Bearer "+text)
	require.NoError(t, err, "it was valid when it was read")
	_, err = v.Verify(t.Context(), "Bearer "+text)
	require.ErrorIs(t, err, ErrUnauthenticated)
}

// Every byte of the secret counts, and no comparison ends at the first that
// differs.
func TestComparisonIsConstantInTime(t *testing.T) {
	now := time.Now()
	_, store, kept, text := verifierOf(t, &now)
	for i := range kept.Hash {
		wrong := kept
		wrong.Hash = append([]byte(nil), kept.Hash...)
		wrong.Hash[i] ^= 1
		store.byID[kept.ID] = wrong
		_, err := NewVerifier(store, time.Now).Verify(t.Context(), "Bearer "+text)
		require.Equal(t, errNotOpened, err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), "verifier.go", nil, 0)
	require.NoError(t, err)
	constant := 0
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, _ := s.X.(*ast.Ident)
			if x != nil && x.Name == "subtle" && s.Sel.Name == "ConstantTimeCompare" {
				constant++
			}
			assert.False(t, x != nil && x.Name == "bytes", "bytes.%s", s.Sel.Name)
		}
		return true
	})
	assert.Equal(t, 1, constant)
}

func BenchmarkVerify(b *testing.B) {
	now := time.Now()
	v, _, _, text := verifierOf(b, &now)
	v.Report(NewUsage(v.store, time.Now, nil, nil))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), "Bearer "+text); err != nil {
			b.Fatal(err)
		}
	}
}
