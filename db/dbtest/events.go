package dbtest

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var eventPromises = subject{"events", []promise{
	{"followers get every event once", testFollowersGetEveryEventOnce},
	{"member events become events", testMemberEventsBecomeEvents},
	{"many member events become events", testManyMemberEventsBecomeEvents},
}}

// While many write, several number and follow: each follower gets every event
// once, and the numbers have no gaps.
func testFollowersGetEveryEventOnce(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	var writing atomic.Int32
	var writers, followers sync.WaitGroup
	for i := range 8 {
		writing.Add(1)
		writers.Go(func() {
			defer writing.Add(-1)
			for range 15 {
				_, err := s.WriteMembers(w.Ctx, w.Change(w.Users[2*i:2*i+2], nil))
				assert.NoError(t, err)
				_, err = s.WriteMembers(w.Ctx, w.Change(nil, w.Users[2*i:2*i+2]))
				assert.NoError(t, err)
			}
		})
	}
	read := make([][]membership.Event, 3)
	for i := range read {
		followers.Go(func() {
			var last int64
			for final := false; ; {
				done := writing.Load() == 0
				w.Number()
				es := w.Numbered(last)
				read[i] = append(read[i], es...)
				if len(es) > 0 {
					last = es[len(es)-1].Number
				}
				if final {
					return
				}
				final = done
			}
		})
	}
	writers.Wait()
	followers.Wait()
	all := map[membership.ID]bool{}
	for _, e := range w.Events() {
		all[e.ID] = true
	}
	require.Greater(t, len(all), 400)
	for _, es := range read {
		seen := map[membership.ID]bool{}
		for i, e := range es {
			require.Equal(t, int64(i+1), e.Number)
			seen[e.ID] = true
		}
		for id := range all {
			require.True(t, seen[id])
		}
	}
	require.Empty(t, other.Numbered(0), "another tenant's numbers are its own")
}

// A row for all members of a request becomes an event each, in the order of time
// among all the others.
func testMemberEventsBecomeEvents(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	w.Number()
	plain := func() {
		w.Update(func(tx membership.Tx) error {
			return tx.AppendEvents(w.Ctx, membership.Event{ID: membership.NewID(), At: Now(), Action: "plain.event"})
		})
	}
	w.Update(func(tx membership.Tx) error {
		plainFirst := membership.Event{ID: membership.NewID(), At: Now(), Action: "plain.event"}
		if err := tx.AppendEvents(w.Ctx, plainFirst); err != nil {
			return err
		}
		return ChangeMembers(w.Ctx, tx, w.Change(w.Users[1:9], nil))
	})
	plain()
	w.Update(func(tx membership.Tx) error { return ChangeMembers(w.Ctx, tx, w.Change(w.Users[9:12], w.Users[2:4])) })
	plain()

	pending := func(w *Tenant) (pending bool) {
		w.Read(func(r membership.Reader) (err error) {
			pending, err = r.EventsPending(w.Ctx)
			return err
		})
		return pending
	}
	require.True(t, pending(w))
	w.Number()
	require.False(t, pending(w))
	require.True(t, pending(other))
	type line struct {
		action membership.Action
		user   membership.ID
	}
	events := w.Numbered(0)
	var got []line
	for i, e := range events {
		require.Equal(t, int64(i+1), e.Number)
		require.Equal(t, w.ID, e.Tenant)
		require.NotContains(t, events[:i], e)
		got = append(got, line{e.Action, e.User})
	}
	each := func(action membership.Action, users []membership.ID) (ts []line) {
		for _, u := range users {
			ts = append(ts, line{action, u})
		}
		return ts
	}
	plainEvent := line{action: "plain.event"}
	require.Equal(t, plainEvent, got[1], "behind that of the fixture")
	require.ElementsMatch(t, each(membership.ActionGrantOpened, w.Users[1:9]), got[2:10])
	require.Equal(t, plainEvent, got[10])
	require.ElementsMatch(t, append(each(membership.ActionGrantOpened, w.Users[9:12]),
		each(membership.ActionGrantClosed, w.Users[2:4])...), got[11:16])
	require.Equal(t, []line{plainEvent}, got[16:])
}

// As many rows as changes of one member leave are read in parts, and nothing of
// them is lost or comes twice.
func testManyMemberEventsBecomeEvents(t *testing.T, s Store) {
	const changes = 2100
	w := NewTenant(t, s)
	w.Number()
	w.Update(func(tx membership.Tx) error {
		for i := range changes {
			u := w.Users[1+i/2%10 : 2+i/2%10]
			c := w.Change(u, nil)
			if i%2 == 1 {
				c = w.Change(nil, u)
			}
			if err := ChangeMembers(w.Ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	for _, want := range []int{1500, changes - 1500, 0} {
		var n int
		w.Update(func(tx membership.Tx) (err error) {
			n, err = tx.NumberEvents(w.Ctx, 1500)
			return err
		})
		require.Equal(t, want, n)
	}
	seen := map[membership.ID]bool{}
	for i, e := range w.Numbered(1) {
		require.Equal(t, int64(i+2), e.Number)
		require.Equal(t, i%2 == 0, e.Action == membership.ActionGrantOpened, "in the order of time")
		seen[e.ID] = true
	}
	require.Len(t, seen, changes)
}

// Events numbers all events of a tenant and returns those that a filter selects,
// in the order of their numbers; with no limit of the filter, all of them.
func Events(t testing.TB, s membership.Store, tenant membership.ID, f membership.EventFilter) (es []membership.Event) {
	t.Helper()
	const batch = 10_000
	ctx := context.Background()
	for n := batch; n >= batch; {
		require.NoError(t, s.Update(ctx, tenant, func(tx membership.Tx) (err error) {
			n, err = tx.NumberEvents(ctx, batch)
			return err
		}))
	}
	if f.Limit == 0 {
		f.Limit = 1 << 20
	}
	require.NoError(t, s.Read(ctx, tenant, func(r membership.Reader) (err error) {
		es, err = r.NumberedEvents(ctx, f)
		return err
	}))
	return es
}
