package membership_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// convertedEnds is a group in which two members of a provider have local grants that end,
// one of them by break-glass, and one has none.
func (w *world) convertedEnds(longest time.Duration) (g membership.ID, users []membership.ID) {
	w.t.Helper()
	users = []membership.ID{w.scimUser(w.okta), w.scimUser(w.okta), w.scimUser(w.okta)}
	g = w.scimGroup(w.okta, users...)
	w.addUntil(g, users[0], w.clock().Add(time.Minute))
	_, err := w.breakGlass(w.somebody("ann", "*"), g, users[1], w.clock().Add(time.Minute))
	require.NoError(w.t, err)
	seconds := int64(longest / time.Second)
	_, err = w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{MaxGrantSeconds: &seconds})
	require.NoError(w.t, err)
	return g, users
}

// A member by a provider stays one after it is converted, as long as the group
// allows, also beside a local grant that ends sooner; the previews say what comes.
func TestConvertedGrantsEndAsTheirGroupAsks(t *testing.T) {
	for name, longest := range map[string]time.Duration{"for good": 0, "an hour": time.Hour} {
		for _, unlink := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				eachWorld(t, func(t *testing.T, w *world) {
					now := time.Now().UTC().Truncate(time.Microsecond)
					w.at(&now)
					g, people := w.convertedEnds(longest)
					ending := 0
					if longest > 0 {
						ending = 3
					}
					joined := w.member(g, people[0]).JoinedAt
					now = now.Add(time.Second)
					okta, convert := w.okta.Connection, membership.RemovalConvert
					if unlink {
						p, err := w.dir.PreviewGroupUnlink(w.ctx, w.admin, g, okta, convert)
						require.NoError(t, err)
						require.Equal(t, membership.UnlinkPreview{
							Grants: 3, LocalGrantsOpened: 3, LocalGrantsEnding: ending,
						}, p)
						require.NoError(t, w.dir.UnlinkGroup(w.ctx, w.admin, g, okta, convert))
					} else {
						n, err := w.connections.PreviewRemoval(w.ctx, w.admin, okta, convert)
						require.NoError(t, err)
						require.Equal(t, membership.RemovalCounts{
							Users: 3, Groups: 1, Grants: 3, LocalGrantsOpened: 3, LocalGrantsEnding: ending,
							UsersWithoutProvider: 3,
						}, n.RemovalCounts)
						require.NoError(t,
							w.connections.Remove(w.ctx, w.admin, okta, convert))
					}
					for _, u := range people {
						m := w.member(g, u)
						require.Len(t, m.Sources, 1)
						grant := m.Sources[0].Grant
						require.True(t, grant.Connection.IsZero())
						require.False(t, grant.BreakGlass)
						if longest == 0 {
							require.Zero(t, grant.ExpiresAt)
							continue
						}
						require.WithinDuration(t, grant.OpenedAt.Add(longest), grant.ExpiresAt, time.Millisecond)
					}
					require.Equal(t, joined, w.member(g, people[0]).JoinedAt, "no membership was interrupted")
					require.Len(t, w.unsigned(), 1)
					now = now.Add(30 * time.Minute)
					require.Len(t, w.members(g), 3)
					now = now.Add(time.Hour)
					w.closeEnded()
					require.Len(t, w.members(g), 3-ending)
				})
			})
		}
	}
}

// A local grant that lasts as long or longer is left as it is.
func TestConvertLeavesLocalGrantsThatLast(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		u, endless := w.scimUser(w.okta), w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u, endless)
		w.addUntil(g, u, now.Add(2*time.Hour))
		_, err := w.dir.AddMember(w.ctx, w.admin, g, endless, true)
		require.NoError(t, err)
		seconds := int64(3600)
		_, err = w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{MaxGrantSeconds: &seconds})
		require.NoError(t, err)
		before := w.member(g, u).Sources[1].Grant
		n, err := w.connections.PreviewRemoval(w.ctx, w.admin, w.okta.Connection, membership.RemovalConvert)
		require.NoError(t, err)
		require.Zero(t, n.LocalGrantsOpened)
		require.NoError(t, w.connections.Remove(w.ctx, w.admin, w.okta.Connection, membership.RemovalConvert))
		require.Equal(t, before, w.member(g, u).Sources[0].Grant)
		require.Zero(t, w.member(g, endless).Sources[0].Grant.ExpiresAt)
	})
}
