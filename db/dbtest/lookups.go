package dbtest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var lookupPromises = subject{"lookups", []promise{
	{"what one key names", testLookups},
	{"many at once", testLookupsAtOnce},
	{"of another tenant or connection", testLookupsElsewhere},
	{"given up", testLookupGivenUp},
}}

// A lookup finds what a Reader finds, with the groups of a user.
func testLookups(t *testing.T, s Store) {
	w := NewTenant(t, s)
	for i, u := range w.Users[:2] {
		var want membership.ProvisionedUser
		w.Read(func(r membership.Reader) (err error) {
			want.UserLink, err = r.UserLink(w.Ctx, w.Connection, u)
			return err
		})
		if i == 0 {
			want.Groups = []membership.GroupRef{{ID: w.Group, DisplayName: "g"}}
		}
		got, err := s.LookUpUser(w.Ctx, w.ID, w.Connection, u)
		require.NoError(t, err)
		require.Equal(t, want, got)
		named, err := s.LookUpUsersNamed(w.Ctx, w.ID, w.Connection, membership.Fold(fmt.Sprintf("U%d", i)))
		require.NoError(t, err)
		require.Equal(t, []membership.ProvisionedUser{want}, named)
	}
	l, err := s.LookUpGroupLink(w.Ctx, w.ID, w.Connection, w.Group)
	require.NoError(t, err)
	require.Equal(t, w.Link(), l)
}

// Those that share a round trip have each its own answer, also where they ask for the
// same, or for what is not there.
func testLookupsAtOnce(t *testing.T, s Store) {
	w := NewTenant(t, s)
	var wg sync.WaitGroup
	for range 8 {
		for i, u := range w.Users {
			wg.Go(func() {
				got, err := s.LookUpUser(w.Ctx, w.ID, w.Connection, u)
				assert.NoError(t, err)
				assert.Equal(t, u, got.User)
				assert.Len(t, got.Groups, map[int]int{0: 1}[i])
			})
			wg.Go(func() {
				got, err := s.LookUpUsersNamed(w.Ctx, w.ID, w.Connection, fmt.Sprintf("u%d", i))
				assert.NoError(t, err)
				if assert.Len(t, got, 1) {
					assert.Equal(t, u, got[0].User)
					assert.Len(t, got[0].Groups, map[int]int{0: 1}[i])
				}
			})
		}
		wg.Go(func() {
			got, err := s.LookUpGroupLink(w.Ctx, w.ID, w.Connection, w.Group)
			assert.NoError(t, err)
			assert.Equal(t, w.Group, got.Group)
		})
		wg.Go(func() {
			_, err := s.LookUpGroupLink(w.Ctx, w.ID, w.Connection, w.Users[0])
			assert.Equal(t, membership.NotFound("group"), err)
			_, err = s.LookUpUser(w.Ctx, w.ID, w.Connection, w.Group)
			assert.Equal(t, membership.NotFound("user"), err)
			got, err := s.LookUpUsersNamed(w.Ctx, w.ID, w.Connection, "nobody")
			assert.NoError(t, err)
			assert.Empty(t, got)
		})
	}
	wg.Wait()
}

// What another tenant or connection has is not found.
func testLookupsElsewhere(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	for _, of := range [][2]membership.ID{
		{other.ID, w.Connection}, {w.ID, other.Connection}, {other.ID, other.Connection},
	} {
		_, err := s.LookUpUser(w.Ctx, of[0], of[1], w.Users[0])
		require.Equal(t, membership.NotFound("user"), err)
		_, err = s.LookUpGroupLink(w.Ctx, of[0], of[1], w.Group)
		require.Equal(t, membership.NotFound("group"), err)
	}
	named, err := s.LookUpUsersNamed(w.Ctx, other.ID, w.Connection, "u1")
	require.NoError(t, err)
	require.Empty(t, named)
	named, err = s.LookUpUsersNamed(w.Ctx, other.ID, other.Connection, "u1")
	require.NoError(t, err)
	require.Len(t, named, 1)
	require.Equal(t, other.Users[1], named[0].User)
}

// One whose caller is gone does no harm to the next.
func testLookupGivenUp(t *testing.T, s Store) {
	w := NewTenant(t, s)
	ctx, cancel := context.WithCancel(w.Ctx)
	cancel()
	_, err := s.LookUpUser(ctx, w.ID, w.Connection, w.Users[0])
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.LookUpUser(w.Ctx, w.ID, w.Connection, w.Users[0])
	require.NoError(t, err)
}
