package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestConnectionPauses(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		yes, no := true, false
		change := func(c membership.ConnectionChange) membership.Connection {
			t.Helper()
			out, err := w.dir.ChangeConnection(w.ctx, w.admin, w.okta.Connection, c)
			require.NoError(t, err)
			return out
		}
		require.Equal(t, []membership.Action{membership.ActionConnectionPaused}, w.during(func() {
			require.Equal(t, membership.ConnectionPaused, change(membership.ConnectionChange{Paused: &yes}).State())
		}))
		require.Empty(t, w.during(func() { change(membership.ConnectionChange{Paused: &yes}) }))
		require.Equal(t, []membership.ID{u}, users(w.members(g)), "grants stay")
		require.Equal(t, []membership.Action{membership.ActionConnectionResumed}, w.during(func() {
			require.Equal(t, membership.ConnectionActive, change(membership.ConnectionChange{Paused: &no}).State())
		}))
		_, err := w.dir.ChangeConnection(w.ctx, w.okta, w.okta.Connection, membership.ConnectionChange{Paused: &yes})
		w.kind(membership.KindForbidden, err)
		_, err = w.dir.ChangeConnection(w.ctx, newWorld(t, w.store).admin, w.okta.Connection,
			membership.ConnectionChange{Paused: &yes})
		w.kind(membership.KindNotFound, err)
	})
}
