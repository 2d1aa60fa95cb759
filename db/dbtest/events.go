package dbtest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var eventPromises = subject{"events", []promise{
	{"followers get every event once", testFollowersGetEveryEventOnce},
	{"a change of members is one event", testAChangeOfMembersIsOneEvent},
	{"a transaction reads its events", testATransactionReadsItsEvents},
	{"events are found by their ids", testEventsAreFoundByID},
	{"events of a busy tenant are found by their ids", testEventsOfABusyTenantAreFound},
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
	require.Len(t, all, 1+8*15*2, "that of the fixture, and one of each change")
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

// A change of members is one event, with as many members as one may have, and more
// where there are more.
func testAChangeOfMembersIsOneEvent(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Number()
	_, err := s.WriteMembers(w.Ctx, w.Change(w.Users[1:9], w.Users[:1]))
	require.NoError(t, err)
	_, err = s.WriteMembers(w.Ctx, w.Change(nil, w.Users[4:5]))
	require.NoError(t, err)
	require.True(t, w.pending())
	w.Number()
	require.False(t, w.pending())
	events := w.Numbered(1)
	require.Len(t, events, 3)
	in := map[membership.ID]membership.ID{}
	for i, e := range events {
		require.Equal(t, int64(i+2), e.Number)
		require.Equal(t, w.ID, e.Tenant)
		require.Equal(t, w.Group, e.Group)
		require.Equal(t, membership.SourceSCIM, e.MemberSource)
		require.Empty(t, e.Before)
		require.Empty(t, e.After)
		if e.Action == membership.ActionGrantOpened {
			for _, m := range e.Members {
				in[m.User] = m.Grant
			}
		}
	}
	opened := slices.IndexFunc(events, func(e membership.Event) bool {
		return e.Action == membership.ActionGrantOpened
	})
	require.ElementsMatch(t, w.Users[1:9], usersOf(events[opened]))
	require.Zero(t, events[opened].User)
	require.Equal(t, w.Users[:1], usersOf(events[1-opened]))
	require.Equal(t, w.Users[0], events[1-opened].User, "of one it says who it is")
	require.Equal(t, []membership.EventMember{{User: w.Users[4], Grant: in[w.Users[4]]}}, events[2].Members)
	require.Equal(t, w.Users[4], events[2].User)
	for i, u := range w.Users {
		of := Events(t, s, w.ID, membership.EventFilter{User: u})
		require.Len(t, of, map[bool]int{true: 2, false: map[bool]int{true: 1}[i < 9]}[i == 0 || i == 4])
	}
}

func (w *Tenant) pending() (pending bool) {
	w.Read(func(r membership.Reader) (err error) {
		pending, err = r.EventsPending(w.Ctx)
		return err
	})
	return pending
}

func usersOf(e membership.Event) (users []membership.ID) {
	for _, m := range e.Members {
		users = append(users, m.User)
	}
	return users
}

// Events numbers all events of a tenant and returns those that a filter selects,
// in the order of their numbers; with no limit of the filter, all of them.
func Events(t testing.TB, s membership.Store, tenant membership.ID, f membership.EventFilter) (es []membership.Event) {
	t.Helper()
	const batch = 10_000
	ctx := context.Background()
	for more := true; more; {
		require.NoError(t, s.Update(ctx, tenant, func(tx membership.Tx) (err error) {
			more, err = tx.NumberEvents(ctx, batch)
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

// A transaction reads what it has written itself, and nothing of another tenant.
func testATransactionReadsItsEvents(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	w.Update(func(tx membership.Tx) error {
		r, err := tx.ChangeMembers(w.Ctx, w.Change(w.Users[2:4], nil))
		if err != nil {
			return err
		}
		events, err := tx.EventsWritten(w.Ctx, r.Events)
		require.NoError(t, err)
		require.Len(t, events, 1)
		assert.Equal(t, membership.ActionGrantOpened, events[0].Action)
		assert.Equal(t, w.Group, events[0].Group)
		assert.Len(t, events[0].Members, 2)
		none, err := tx.EventsWritten(w.Ctx, nil)
		require.NoError(t, err)
		assert.Empty(t, none)
		return other.Store.Read(other.Ctx, other.ID, func(or membership.Reader) error {
			none, err := or.EventsWritten(other.Ctx, r.Events)
			assert.Empty(t, none)
			return err
		})
	})
}

// The numbers of events are found by their ids, wherever in the log they are.
func testEventsAreFoundByID(t *testing.T, s Store) {
	w, other := NewTenant(t, s), NewTenant(t, s)
	begin := Now().Add(-time.Hour).Truncate(time.Second)
	event := func(i int) membership.Event {
		// Some are late: numbers are not in the order of dates.
		at := begin.Add(time.Duration(i)*time.Second - time.Duration(i%3)*2*time.Second)
		return membership.Event{
			Tenant: w.ID, ID: membership.NewIDAt(at), At: at, Action: membership.ActionUserUpdated,
			Source: membership.SourceSCIM, Actor: membership.Actor{Kind: membership.ActorSystem},
			Credential: membership.Credential{Kind: membership.CredentialSystem},
		}
	}
	var places []membership.EventPlace
	var all []membership.Event
	for i := range 3000 {
		e := event(i)
		all = append(all, e)
		if i%100 == 7 || i > 2950 {
			places = append(places, membership.EventPlace{
				ID: e.ID, From: e.At.Add(-5 * time.Second), To: e.At.Add(5 * time.Second),
			})
		}
	}
	w.Update(func(tx membership.Tx) error { return tx.AppendEvents(w.Ctx, all...) })
	find := func(w *Tenant, places ...membership.EventPlace) (numbers map[membership.ID]int64) {
		t.Helper()
		require.NoError(t, s.Read(w.Ctx, w.ID, func(r membership.Reader) (err error) {
			numbers, err = r.EventNumbers(w.Ctx, places)
			return err
		}))
		return numbers
	}
	assert.Empty(t, find(w, places...), "none has a number yet")
	w.NumberBy(5000)
	want := map[membership.ID]int64{}
	for _, e := range w.Numbered(0) {
		want[e.ID] = e.Number
	}
	got := find(w, places...)
	require.Len(t, got, len(places))
	for id, n := range got {
		require.Equal(t, want[id], n)
	}
	early, gone := places[0], places[0]
	early.From, early.To = begin.Add(-time.Hour), begin.Add(-time.Minute)
	gone.ID = membership.NewID()
	assert.Empty(t, find(w, early))
	assert.Empty(t, find(w, gone))
	assert.Empty(t, find(w))
	assert.Empty(t, find(other, places...))
}

// A page of requests a minute apart, on a tenant with a hundred events a second around
// each of them: the numbers of all are found.
func testEventsOfABusyTenantAreFound(t *testing.T, s Store) {
	const requests, aSecond = 100, 100
	w := NewTenant(t, s)
	begin := Now().Add(-3 * time.Hour).Truncate(time.Second)
	var places []membership.EventPlace
	for p := range requests {
		var events []membership.Event
		for i := range 11 * aSecond {
			at := begin.Add(time.Duration(p)*time.Minute + time.Duration(i)*time.Second/aSecond)
			events = append(events, membership.Event{
				Tenant: w.ID, ID: membership.NewIDAt(at), At: at, Action: membership.ActionUserUpdated,
				Source: membership.SourceSCIM, Actor: membership.Actor{Kind: membership.ActorSystem},
				Credential: membership.Credential{Kind: membership.CredentialSystem},
			})
		}
		if p == 50 { // it waited for a lock: its place in the log is two seconds after its id
			events[6*aSecond].ID = membership.NewIDAt(events[4*aSecond].At)
		}
		e := events[6*aSecond]
		places = append(places, membership.EventPlace{
			ID: e.ID, From: e.At.Add(-5 * time.Second), To: e.At.Add(5 * time.Second),
		})
		w.Update(func(tx membership.Tx) error { return tx.AppendEvents(w.Ctx, events...) })
	}
	w.NumberBy(5000)
	require.NoError(t, s.Read(w.Ctx, w.ID, func(r membership.Reader) error {
		numbers, err := r.EventNumbers(w.Ctx, places)
		require.Len(t, numbers, len(places))
		one, errOfOne := r.EventNumbers(w.Ctx, places[50:51])
		require.Equal(t, map[membership.ID]int64{places[50].ID: numbers[places[50].ID]}, one)
		return errors.Join(err, errOfOne)
	}))
}
