package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// linkedGroup is a local group with a local member, linked to Okta.
func (w *world) linkedGroup() (group, local membership.ID) {
	w.t.Helper()
	group, local = w.localGroup(), w.localUser()
	w.add(group, local)
	_, err := w.dir.LinkGroup(w.ctx, w.admin, group, w.okta.Connection, "")
	require.NoError(w.t, err)
	return group, local
}

func TestRule31_LinkMakesALocalGroupVisible(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		group, local := w.localGroup(), w.localUser()
		seen, gains := w.scimUser(w.okta), w.scimUser(w.okta)
		w.add(group, local)
		w.add(group, seen)
		_, err := w.dir.UpdateProvisionedGroup(w.ctx, w.okta, group, membership.GroupUpdate{})
		w.kind(membership.KindNotFound, err)

		require.Empty(t, w.during(func() {
			p, err := w.dir.PreviewGroupLink(w.ctx, w.admin, group, w.okta.Connection, "")
			require.NoError(t, err)
			require.Equal(t, membership.LinkPreview{Members: 2, Local: 2, Unseen: 1, CouldGain: 1}, p)
		}), "a preview does nothing")
		require.Equal(t, []membership.Action{membership.ActionGroupLinked}, w.during(func() {
			l, err := w.dir.LinkGroup(w.ctx, w.admin, group, w.okta.Connection, "ext-1")
			require.NoError(t, err)
			require.Equal(t, int64(1), l.Version)
		}))
		e := w.events(membership.EventFilter{Group: group})
		last := e[len(e)-1]
		require.Equal(t, w.admin.Actor, last.Actor)
		require.Contains(t, string(last.After), `"connection_id":"`+w.okta.Connection.String()+`"`)
		require.Contains(t, string(last.After), `"local":2,"members":2`)

		ids, l := w.seen(w.okta, group)
		require.Empty(t, ids, "what is local stays invisible")
		require.Equal(t, "ext-1", l.ExternalID)
		g, err := w.dir.Group(w.ctx, w.admin, group)
		require.NoError(t, err)
		require.Equal(t, g.DisplayName, l.DisplayName)
		require.Equal(t, membership.SourceLocal, g.Origin)
		ls, err := w.dir.LinksOfGroup(w.ctx, w.admin, group)
		require.NoError(t, err)
		require.Len(t, ls, 1)
		_, err = w.dir.UpdateProvisionedGroup(w.ctx, w.entra, group, membership.GroupUpdate{})
		w.kind(membership.KindNotFound, err)

		// The provider adds its own, and takes no other away.
		w.scimAdd(w.okta, group, seen, gains)
		require.NoError(t, w.patch(w.okta, group, func(d *membership.MemberDelta) {
			d.Clear()
			d.Add(gains)
		}))
		ids, _ = w.seen(w.okta, group)
		require.Equal(t, []membership.ID{gains}, ids)
		require.Equal(t, map[membership.ID][]membership.Source{
			local: {membership.SourceLocal}, seen: {membership.SourceLocal}, gains: {membership.SourceSCIM},
		}, w.members(group))

		// Another connection's grants are counted as such.
		p, err := w.dir.PreviewGroupLink(w.ctx, w.admin, group, w.entra.Connection, "")
		require.NoError(t, err)
		require.Equal(t, membership.LinkPreview{Members: 3, Local: 2, OtherConnections: 1, Unseen: 3}, p)

		// Rule 32: the provider's deletion ends the link, and the group stays.
		require.NoError(t, w.dir.DeprovisionGroup(w.ctx, w.okta, group, 0))
		require.Equal(t, sorted(local, seen), users(w.members(group)))
	})
}

func TestRule31_LinkIsRefused(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		group, _ := w.linkedGroup()
		mine := w.scimGroup(w.okta)
		_, view := w.seen(w.okta, mine)
		same, err := w.dir.CreateGroup(w.ctx, w.admin, "GROUP"+view.DisplayName[len("group"):], "")
		require.NoError(t, err)
		gone := w.localGroup()
		require.NoError(t, w.dir.DeleteGroup(w.ctx, w.admin, gone))
		other := newWorld(t, w.store)
		refused := func(call membership.Call, kind membership.Kind, group, connection membership.ID) {
			t.Helper()
			_, err := w.dir.PreviewGroupLink(w.ctx, call, group, connection, "")
			w.kind(kind, err)
			_, err = w.dir.LinkGroup(w.ctx, call, group, connection, "")
			w.kind(kind, err)
		}
		require.Empty(t, w.during(func() {
			refused(w.admin, membership.KindUniqueness, group, w.okta.Connection)
			refused(w.admin, membership.KindUniqueness, same.ID, w.okta.Connection)
			refused(w.admin, membership.KindNotFound, gone, w.okta.Connection)
			refused(w.admin, membership.KindNotFound, other.localGroup(), w.okta.Connection)
			refused(w.admin, membership.KindNotFound, same.ID, other.okta.Connection)
			refused(other.admin, membership.KindNotFound, same.ID, w.okta.Connection)
		}))
		refused(w.okta, membership.KindForbidden, same.ID, w.okta.Connection)
		_, err = w.dir.LinkGroup(w.ctx, w.admin, same.ID, w.entra.Connection, "a\x00")
		w.kind(membership.KindInvalid, err)
		_, err = w.dir.PreviewGroupLink(w.ctx, w.admin, same.ID, w.entra.Connection, "a\x00")
		w.kind(membership.KindInvalid, err)

		require.NoError(t, w.connections.Remove(w.ctx, w.admin, w.okta.Connection, membership.RemovalFreeze))
		refused(w.admin, membership.KindNotFound, same.ID, w.okta.Connection)
		w.kind(membership.KindNotFound,
			w.dir.UnlinkGroup(w.ctx, w.admin, group, w.okta.Connection, membership.RemovalRelease))
		_, err = w.dir.PreviewGroupUnlink(w.ctx, w.admin, group, w.okta.Connection, membership.RemovalRelease)
		w.kind(membership.KindNotFound, err)
	})
}

func TestRule31_UnlinkReleasesOrConverts(t *testing.T) {
	for _, how := range []membership.Removal{membership.RemovalRelease, membership.RemovalConvert} {
		t.Run(string(how), func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w *world) {
				group, local := w.linkedGroup()
				alone, both := w.scimUser(w.okta), w.scimUser(w.okta)
				w.scimAdd(w.okta, group, alone, both)
				_, err := w.dir.AddMember(w.ctx, w.admin, group, both, true)
				require.NoError(t, err)
				joined := w.member(group, alone).JoinedAt

				want := membership.UnlinkPreview{Grants: 2, MembershipsEnded: 1}
				members, actions := sorted(local, both), []membership.Action{
					membership.ActionGrantClosed, membership.ActionGroupUnlinked,
				}
				if how == membership.RemovalConvert {
					want = membership.UnlinkPreview{Grants: 2, LocalGrantsOpened: 1}
					members, actions = sorted(local, both, alone),
						append([]membership.Action{membership.ActionGrantOpened}, actions...)
				}
				p, err := w.dir.PreviewGroupUnlink(w.ctx, w.admin, group, w.okta.Connection, how)
				require.NoError(t, err)
				require.Equal(t, want, p)
				require.ElementsMatch(t, actions, w.during(func() {
					require.NoError(t, w.dir.UnlinkGroup(w.ctx, w.admin, group, w.okta.Connection, how))
				}))
				for id, sources := range w.members(group) {
					require.Equal(t, []membership.Source{membership.SourceLocal}, sources, "%s", id)
				}
				require.Equal(t, members, users(w.members(group)))
				if how == membership.RemovalConvert {
					require.Equal(t, joined, w.member(group, alone).JoinedAt)
				}
				_, err = w.dir.UpdateProvisionedGroup(w.ctx, w.okta, group, membership.GroupUpdate{})
				w.kind(membership.KindNotFound, err)
				w.kind(membership.KindNotFound, w.dir.UnlinkGroup(w.ctx, w.admin, group, w.okta.Connection, how))
				_, err = w.dir.LinkGroup(w.ctx, w.admin, group, w.okta.Connection, "")
				require.NoError(t, err, "and it can be linked again")
			})
		})
	}
}

func TestRule31_UnlinkOfAProvidersGroup(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		kept, gone := w.scimGroup(w.okta, u), w.scimGroup(w.okta, u)
		for how, group := range map[membership.Removal]membership.ID{
			membership.RemovalRelease: gone, membership.RemovalConvert: kept,
		} {
			p, err := w.dir.PreviewGroupUnlink(w.ctx, w.admin, group, w.okta.Connection, how)
			require.NoError(t, err)
			require.Equal(t, how == membership.RemovalRelease, p.GroupDeleted)
			require.NoError(t, w.dir.UnlinkGroup(w.ctx, w.admin, group, w.okta.Connection, how))
		}
		_, err := w.dir.Group(w.ctx, w.admin, gone)
		w.kind(membership.KindNotFound, err)
		require.Equal(t, []membership.ID{u}, users(w.members(kept)))
		w.kind(membership.KindInvalid,
			w.dir.UnlinkGroup(w.ctx, w.admin, kept, w.okta.Connection, membership.RemovalFreeze))
		w.kind(membership.KindForbidden,
			w.dir.UnlinkGroup(w.ctx, w.okta, kept, w.okta.Connection, membership.RemovalRelease))
		ls, err := w.dir.LinksOfUser(w.ctx, w.admin, u)
		require.NoError(t, err)
		require.Len(t, ls, 1)
		require.Equal(t, w.okta.Connection, ls[0].Connection)
	})
}
