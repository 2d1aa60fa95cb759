package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var removalPromises = subject{"removals", []promise{
	{"what does not count any more goes in steps, and no other", testOldRemovalsGo},
}}

// remove takes two members out, which the guard counts in two rows: for the group, and
// for all groups.
func (w *Tenant) remove(at time.Time) {
	w.T.Helper()
	_, err := w.Store.WriteMembers(w.Ctx, w.Change(w.Users[:2], nil))
	require.NoError(w.T, err)
	c := w.Change(nil, w.Users[:2])
	c.At, c.Guard = at, membership.RemovalGuard{On: true, Members: 100, Percent: 100}
	r, err := w.Store.WriteMembers(w.Ctx, c)
	require.NoError(w.T, err)
	require.Equal(w.T, 2, r.Closed)
}

func testOldRemovalsGo(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	now := Now()
	lately, lastHour := now.Add(-membership.RemovalWindow), now.Add(-time.Hour)
	drop := func(w *Tenant, want int64) {
		t.Helper()
		w.Update(func(tx membership.Tx) error {
			_, over := membership.RemovalMinutes(now)
			n, err := tx.DropRemovals(w.Ctx, over, 1)
			require.Equal(t, want, n)
			return err
		})
	}
	w.remove(lately)
	drop(w, 0)
	other.remove(lastHour)
	drop(w, 0)
	for _, n := range []int64{1, 1, 0} {
		drop(other, n)
	}
}
