package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// versions answers a look.
type versions func(tenants []membership.ID) ([]AccessVersion, error)

func (v versions) AccessVersions(_ context.Context, tenants []membership.ID) ([]AccessVersion, error) {
	return v(tenants)
}

func unchangedVersions(tenants []membership.ID) (all []AccessVersion, err error) {
	for _, id := range tenants {
		all = append(all, AccessVersion{Tenant: id, Version: 1})
	}
	return all, nil
}

// Whatever is believed was so within a second: it was read since, or a look that began
// since has found it unchanged.
func TestWhatIsBelievedWasSoWithinASecond(t *testing.T) {
	now := time.Now()
	v, store, _, text := verifierOf(t, &now)
	jwts, issuers, sign := trust(t, &now)
	answers := unchangedVersions
	w := NewAccessWatch(versions(func(ids []membership.ID) ([]AccessVersion, error) { return answers(ids) }),
		v, jwts, Policy{})
	after := func(d time.Duration, queries int, why string) {
		t.Helper()
		now = now.Add(d)
		_, err := v.Verify(t.Context(), "Bearer "+text)
		require.NoError(t, err)
		_, err = jwts.Verify(t.Context(), sign("ann"), issuers.issuer.Tenant)
		require.NoError(t, err)
		assert.Equal(t, queries, store.queries, why)
		assert.Equal(t, queries, issuers.queries, why)
	}
	const ms = time.Millisecond
	after(0, 1, "read")
	w.look(t.Context())
	after(0, 2, "the first look does not know since when it is so")
	now = now.Add(ms)
	w.look(t.Context())
	after(999*ms, 2, "unchanged a second ago")
	after(ms, 3, "a look of longer ago says nothing")
	after(999*ms, 3, "read a second ago")

	answers = func([]membership.ID) ([]AccessVersion, error) { return nil, errors.New("the store is away") }
	w.look(t.Context())
	after(ms, 4, "a look that failed says nothing")

	answers = func(ids []membership.ID) ([]AccessVersion, error) {
		after(1001*ms, 5, "kept since the look began")
		return unchangedVersions(ids)
	}
	w.look(t.Context())
	answers = unchangedVersions
	after(1000*ms, 6, "which says nothing of it")

	before := store.queries
	for range 20 {
		now = now.Add(accessEvery)
		w.look(t.Context())
		_, err := v.Verify(t.Context(), "Bearer "+text)
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, store.queries-before, int(20*accessEvery/cacheLife)+1, "looks keep what is unchanged")
}
