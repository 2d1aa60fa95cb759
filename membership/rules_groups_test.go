package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestRule30_SCIMCreatesAGroup(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		owners, err := w.dir.CreateGroup(w.ctx, w.admin, "Owners", "")
		require.NoError(t, err)
		l, err := w.dir.ProvisionGroup(w.ctx, w.okta, membership.GroupLink{DisplayName: "owners"},
			membership.MemberDelta{})
		require.NoError(t, err)
		require.NotEqual(t, owners.ID, l.Group, "a local group is never adopted silently")
		_, err = w.dir.ProvisionGroup(w.ctx, w.okta, membership.GroupLink{DisplayName: "OWNERS"},
			membership.MemberDelta{})
		w.kind(membership.KindUniqueness, err)
		_, err = w.dir.ProvisionGroup(w.ctx, w.entra, membership.GroupLink{DisplayName: "OWNERS"},
			membership.MemberDelta{})
		require.NoError(t, err, "another connection has names of its own")
		gs, err := w.dir.Groups(w.ctx, w.admin, membership.NativeQuery{Limit: 10, Name: "Owners"})
		require.NoError(t, err)
		require.Len(t, gs, 3, "the native list tells them apart")
	})
}

func TestRule32_SCIMDeletesAGroup(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, mine := w.scimUser(w.okta), w.localUser()
		empty := w.scimGroup(w.okta, u)
		require.NoError(t, w.dir.DeprovisionGroup(w.ctx, w.okta, empty, 0))
		_, err := w.dir.Group(w.ctx, w.admin, empty)
		w.kind(membership.KindNotFound, err)

		kept := w.scimGroup(w.okta, u)
		w.add(kept, mine)
		require.NoError(t, w.dir.DeprovisionGroup(w.ctx, w.okta, kept, 0))
		require.Equal(t, []membership.ID{mine}, users(w.members(kept)), "the group stays for the others")
		w.kind(membership.KindNotFound, w.dir.DeprovisionGroup(w.ctx, w.okta, kept, 0))
		require.NoError(t, w.dir.DeleteGroup(w.ctx, w.admin, kept))
	})
}

func TestRule33_ChangingTheKindClosesNothing(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, g := w.localUser(), w.localGroup()
		w.add(g, u)
		kind := membership.GroupEnterprise
		_, err := w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{Kind: &kind})
		require.NoError(t, err)
		require.Equal(t, []membership.ID{u}, users(w.members(g)))
		_, err = w.dir.AddMember(w.ctx, w.admin, g, w.localUser(), false)
		w.kind(membership.KindGroupManaged, err)
		_, err = w.dir.RemoveMember(w.ctx, w.admin, g, u)
		require.NoError(t, err, "a left-over local grant can be ended")
	})
}

func TestRule34_LocalWritesAreInvisibleToConnections(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		members, group := w.seen(w.okta, g)
		user, err := w.dir.ProvisionedUser(w.ctx, w.okta, u)
		require.NoError(t, err)

		name, kind, other := "renamed here", membership.GroupEnterprise, "other-name"
		mine := w.localGroup()
		w.add(g, w.localUser())
		w.add(mine, u)
		_, err = w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{DisplayName: &name, Kind: &kind})
		require.NoError(t, err)
		_, err = w.dir.ChangeUser(w.ctx, w.admin, u, membership.UserChange{UserName: &other, Name: &name})
		require.NoError(t, err)
		w.suspend(u, false)

		members2, group2 := w.seen(w.okta, g)
		require.Equal(t, members, members2)
		require.Equal(t, group, group2)
		user2, err := w.dir.ProvisionedUser(w.ctx, w.okta, u)
		require.NoError(t, err)
		require.Equal(t, user, user2)
	})
}

func TestProvidersGroupIsNotDeletedNatively(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		g := w.scimGroup(w.okta)
		w.kind(membership.KindGroupManaged, w.dir.DeleteGroup(w.ctx, w.admin, g))
	})
}

func TestVersionsGuardChanges(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta)
		update := func(v int64, d membership.MemberDelta) error {
			_, err := w.dir.UpdateProvisionedGroup(w.ctx, w.okta, g, membership.GroupUpdate{Members: d, IfVersion: v})
			return err
		}
		w.kind(membership.KindVersionMismatch, update(9, delta(u)))
		require.NoError(t, update(1, delta(u)))
		w.kind(membership.KindVersionMismatch, update(1, delta(u)))
		w.kind(membership.KindVersionMismatch, w.dir.DeprovisionGroup(w.ctx, w.okta, g, 1))
		w.kind(membership.KindVersionMismatch, w.dir.DeprovisionUser(w.ctx, w.okta, u, 7))
		_, err := w.dir.UpdateProvisionedUser(w.ctx, w.okta, u, 7, func(*membership.UserLink) error { return nil })
		w.kind(membership.KindVersionMismatch, err)
	})
}

// What belongs to another tenant answers like what does not exist.
func TestTenantsAreApart(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		other := newWorld(t, w.store)
		u, g := other.scimUser(other.okta), other.scimGroup(other.okta)
		_, err := w.dir.User(w.ctx, w.admin, u)
		w.kind(membership.KindNotFound, err)
		_, err = w.dir.Group(w.ctx, w.admin, g)
		w.kind(membership.KindNotFound, err)
		w.kind(membership.KindNotFound,
			w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Add(w.scimUser(w.okta)) }))
		w.kind(membership.KindUnknownMembers,
			w.patch(w.okta, w.scimGroup(w.okta), func(d *membership.MemberDelta) { d.Add(u) }))
		_, err = w.dir.AddMember(w.ctx, w.admin, w.localGroup(), u, false)
		w.kind(membership.KindNotFound, err)
		_, err = w.dir.AddMember(w.ctx, w.admin, g, w.localUser(), false)
		w.kind(membership.KindNotFound, err)
		require.NotEqual(t, other.provision(other.okta, "same"), w.provision(w.okta, "same"))
	})
}

// A group of the tenant that a connection does not see does not exist for it.
func TestChangeMembersOfAnothersGroup(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.entra)
		for _, g := range []membership.ID{w.scimGroup(w.okta), w.localGroup()} {
			w.kind(membership.KindNotFound, w.patch(w.entra, g, func(d *membership.MemberDelta) { d.Add(u) }))
		}
	})
}
