package dbtest

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var lockPromises = subject{"locks", []promise{
	{"concurrent writers lose nothing", testConcurrentWritersLoseNothing},
	{"adds race with ends", testAddsRaceWithEnds},
	{"concurrent creates of one name", testConcurrentCreatesOfOneName},
	{"a name that is held", testLockNameHolders},
}}

// 16 writers, adds and removes mixed: the grants, the event log, the counts that
// the writers got, and the version all agree.
func testConcurrentWritersLoseNothing(t *testing.T, s Store) {
	w := NewTenant(t, s)
	start := w.Link().Version
	var mu sync.Mutex
	var opened, closed, bumps int
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for range 25 {
				var c membership.MemberChange
				users := slices.Clone(w.Users)
				rand.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
				c = w.Change(users[:rand.IntN(4)], users[10:10+rand.IntN(4)])
				r, err := s.WriteMembers(w.Ctx, c)
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				mu.Lock()
				opened, closed = opened+r.Opened, closed+r.Closed
				if r.Opened+r.Closed > 0 {
					bumps++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()

	want := map[membership.ID]bool{}
	var began, ended int
	for _, e := range w.Events() {
		switch e.Action {
		case membership.ActionGrantOpened:
			for _, m := range e.Members {
				require.False(t, want[m.User], "opened twice")
				want[m.User], began = true, began+1
			}
		case membership.ActionGrantClosed:
			for _, m := range e.Members {
				require.True(t, want[m.User], "closed without being open")
				delete(want, m.User)
				ended++
			}
		}
	}
	require.Equal(t, slices.SortedFunc(maps.Keys(want), membership.ID.Compare), w.Members())
	require.Equal(t, opened+1, began, "one was there from the start")
	require.Equal(t, closed, ended)
	require.Equal(t, start+int64(bumps), w.Link().Version)
}

// A user who is being deprovisioned is not added meanwhile, nor is a grant left
// open in a group that ends.
func testAddsRaceWithEnds(t *testing.T, s Store) {
	w := NewTenant(t, s)
	dir := membership.NewDirectory(s, AllowAll{}, membership.Options{})
	call := w.Change(nil, nil).Call
	var wg sync.WaitGroup
	for _, u := range w.Users[1:] {
		wg.Go(func() {
			_, err := s.WriteMembers(w.Ctx, w.Change([]membership.ID{u}, nil))
			if k := membership.KindOf(err); err != nil && k != membership.KindUnknownMembers &&
				k != membership.KindNotFound {
				t.Errorf("add: %v", err)
			}
		})
		wg.Go(func() {
			if err := dir.DeprovisionUser(w.Ctx, call, u, 0); err != nil {
				t.Errorf("deprovision: %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, w.Users[:1], w.Members())
	for _, u := range w.Users[1:] {
		w.Read(func(r membership.Reader) error {
			open, err := r.OpenGrants(w.Ctx, membership.ID{}, u)
			require.Empty(t, open)
			return err
		})
	}
}

// Two requests that make the same name at once: one makes it, the other is
// refused, and neither sees a broken store.
func testConcurrentCreatesOfOneName(t *testing.T, s Store) {
	w := NewTenant(t, s)
	dir := membership.NewDirectory(s, AllowAll{}, membership.Options{})
	call := w.Change(nil, nil).Call
	results := make([]error, 8)
	groups := make([]error, 8)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			_, results[i] = dir.ProvisionUser(w.Ctx, call, membership.UserLink{UserName: "Same", Active: true})
		})
		wg.Go(func() {
			_, groups[i] = dir.ProvisionGroup(w.Ctx, call, membership.GroupLink{DisplayName: "Same"},
				membership.MemberDelta{})
		})
	}
	wg.Wait()
	for _, errs := range [][]error{results, groups} {
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else {
				require.Equal(t, membership.KindUniqueness, membership.KindOf(err), "%v", err)
			}
		}
		require.Equal(t, 1, made)
	}
}

func testLockNameHolders(t *testing.T, s Store) {
	w := NewTenant(t, s)
	u := membership.User{
		Tenant: w.ID, ID: membership.NewID(), UserName: "Ada", Email: "Ada@example.com", Origin: "local", Active: true,
		CreatedAt: Now(), UpdatedAt: Now(),
	}
	w.Update(func(tx membership.Tx) error { return tx.InsertUser(w.Ctx, u) })
	hold := func(name string, emails ...string) (h membership.NameHolders) {
		w.Update(func(tx membership.Tx) (err error) {
			h, err = tx.LockNameHolders(w.Ctx, w.Connection, name, emails)
			return err
		})
		require.Equal(t, w.Connection, h.Connection.ID)
		require.Equal(t, "okta", h.Connection.IDP)
		return h
	}
	h := hold("nobody")
	require.False(t, h.InView)
	require.True(t, h.User.ID.IsZero())
	require.Empty(t, h.ByEmail)
	h = hold("u1", "ada@example.com", "other@example.com")
	require.True(t, h.InView)
	require.Equal(t, w.Users[1], h.User.ID)
	require.Equal(t, []membership.User{u}, h.ByEmail)
	h = hold("ada")
	require.False(t, h.InView)
	require.Equal(t, u, h.User)
	err := s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
		_, err := tx.LockNameHolders(w.Ctx, membership.NewID(), "ada", nil)
		return err
	})
	require.Equal(t, membership.NotFound("connection"), err)
}
