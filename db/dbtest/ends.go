package dbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var endPromises = subject{"ends", []promise{
	{"a change meets grants that have ended", testAChangeMeetsEndedGrants},
	{"the clock of a tenant only goes forward", testTheClockGoesForward},
}}

// until gives users local grants that end.
func (w *Tenant) until(ends time.Time, users ...membership.ID) {
	w.T.Helper()
	c := w.Change(users, nil)
	c.Connection, c.Call.Connection, c.ExpiresAt = membership.ID{}, membership.ID{}, ends
	w.Update(func(tx membership.Tx) error { return ChangeMembers(w.Ctx, tx, c) })
}

// open are the sources of the members of the group at a time.
func (w *Tenant) open(at time.Time) (n map[membership.ID]int) {
	w.T.Helper()
	n = map[membership.ID]int{}
	w.Read(func(r membership.Reader) error {
		r.UseClock(func() time.Time { return at })
		clear(n)
		for m, err := range r.Members(w.Ctx, w.Group, membership.MemberQuery{}) {
			if err != nil {
				return err
			}
			n[m.User.ID] = len(m.Sources)
		}
		return nil
	})
	return n
}

// Several members at once, one with a grant that has ended: it is closed first,
// dated at its end, and the rest is as if that had been done long ago.
func testAChangeMeetsEndedGrants(t *testing.T, s Store) {
	w := NewTenant(t, s)
	all := w.Users
	require.GreaterOrEqual(t, len(all), 2)
	was := w.open(Now())
	ends := Now().Add(time.Hour)
	w.until(ends, all...)
	for _, change := range []func(at time.Time) membership.MemberChange{
		func(at time.Time) membership.MemberChange { return w.Change(all, nil) },
		func(at time.Time) membership.MemberChange { return w.Change(nil, all) },
	} {
		c := change(ends)
		c.At = ends.Add(time.Second)
		_, err := s.WriteMembers(w.Ctx, c)
		require.NoError(t, err)
		for user, n := range w.open(ends) {
			require.Equal(t, 1, n, "%s, of %v", user, was)
		}
	}
	require.Empty(t, w.open(ends))
	closings := map[membership.ID]int{}
	for _, e := range w.Events() {
		for _, m := range e.Members {
			if e.Action != membership.ActionGrantClosed {
				continue
			}
			if closings[m.Grant]++; e.Actor.Kind == membership.ActorSystem {
				require.Equal(t, ends, e.At)
				require.Equal(t, membership.ReasonExpired, e.Reason)
				require.Equal(t, was[m.User] > 0, m.Still, "the connection had them before")
			} else {
				require.False(t, m.Still, "nothing else grants it any more")
			}
		}
	}
	require.Len(t, closings, 2*len(all))
	for _, n := range closings {
		require.Equal(t, 1, n)
	}
}

func testTheClockGoesForward(t *testing.T, s Store) {
	w := NewTenant(t, s)
	now := Now()
	user := w.Users[1]
	had := w.open(now)[user]
	w.until(now.Add(time.Hour), user)
	for _, step := range []struct {
		after time.Duration
		open  int
	}{{0, 1}, {time.Hour - time.Microsecond, 1}, {time.Hour, 0}, {0, 0}} {
		require.Equal(t, had+step.open, w.open(now.Add(step.after))[user], step.after.String())
	}
	w.Read(func(r membership.Reader) error {
		at, err := r.LastWritten(w.Ctx)
		require.False(t, at.Before(now.Add(time.Hour)))
		return err
	})
	// An end that has passed by it is refused, whatever the writer's clock says.
	c := w.Change([]membership.ID{w.Users[0]}, nil)
	c.Connection, c.Call.Connection, c.ExpiresAt = membership.ID{}, membership.ID{}, now.Add(time.Minute)
	require.Equal(t, membership.KindInvalid, membership.KindOf(s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
		return ChangeMembers(w.Ctx, tx, c)
	})))
}
