package membership_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// memberFacts says of the event of one member whether they were one before, and are
// one after it.
func memberFacts(t *testing.T, e membership.Event) string {
	t.Helper()
	require.Len(t, e.Members, 1)
	require.Equal(t, e.User, e.Members[0].User)
	before, after := e.Members[0].Still, true
	if e.Action == membership.ActionGrantClosed {
		before, after = after, before
	}
	return fmt.Sprintf("%v→%v", before, after)
}

func TestRule20_SCIMCreatesAUser(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		v := view("alice")
		v.ExternalID = "ext-1"
		l, err := w.dir.ProvisionUser(w.ctx, w.okta, v)
		require.NoError(t, err)
		require.Equal(t, int64(1), l.Version)
		u := w.user(l.User)
		require.Equal(t, scim, u.Origin)
		require.True(t, u.Active)
		require.Equal(t, "alice@example.test", u.Email)
		got, err := w.dir.ProvisionedUser(w.ctx, w.okta, l.User)
		require.NoError(t, err)
		require.Equal(t, "ext-1", got.ExternalID)
		_, err = w.dir.ProvisionedUser(w.ctx, w.entra, l.User)
		w.kind(membership.KindNotFound, err)
	})
}

func TestRule21_SCIMCreatesAUserItSees(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.provision(w.okta, "Alice")
		_, err := w.dir.ProvisionUser(w.ctx, w.okta, view("aLICE"))
		w.kind(membership.KindUniqueness, err)
		// Also when the application calls the user something else meanwhile.
		id := w.provision(w.okta, "bob")
		other := "robert"
		_, err = w.dir.ChangeUser(w.ctx, w.admin, id, membership.UserChange{UserName: &other})
		require.NoError(t, err)
		_, err = w.dir.ProvisionUser(w.ctx, w.okta, view("bob"))
		w.kind(membership.KindUniqueness, err)
	})
}

func TestRule22_SCIMLinksAUserOfTheTenant(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: "Weiß"})
		require.NoError(t, err)
		actions := w.during(func() { require.Equal(t, u.ID, w.provision(w.okta, "WEIẞ")) })
		require.Equal(t, []membership.Action{"user.linked"}, actions)
		require.Equal(t, local, w.user(u.ID).Origin)
		require.Equal(t, u.ID, w.provision(w.entra, "weiß"), "a second connection links the same person")
	})
}

func TestRule23_24_DeactivationKeepsGrants(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		mine := w.localGroup()
		w.add(mine, u)
		since := w.member(g, u).JoinedAt

		require.Equal(t, []membership.Action{"user.deactivated"}, w.during(func() { w.setActive(w.okta, u, false) }))
		events := w.events(membership.EventFilter{User: u})
		require.Contains(t, string(events[len(events)-1].After), `"local_grants":1`)
		require.False(t, w.user(u).Active)
		m := w.member(g, u)
		require.False(t, m.User.Active)
		require.Equal(t, []membership.ID{u}, users(w.members(g)))

		require.Equal(t, []membership.Action{"user.activated"}, w.during(func() { w.setActive(w.okta, u, true) }))
		m = w.member(g, u)
		require.True(t, m.User.Active)
		require.Equal(t, since, m.JoinedAt, "the same grants are effective again")
		require.Empty(t, w.during(func() { w.setActive(w.okta, u, true) }))
	})
}

func TestActiveWithTwoLinks(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.provision(w.okta, "both")
		require.Equal(t, u, w.provision(w.entra, "both"))
		w.setActive(w.okta, u, false)
		require.True(t, w.user(u).Active, "one active link is enough")
		w.setActive(w.entra, u, false)
		require.False(t, w.user(u).Active)
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0))
		require.False(t, w.user(u).Active)
		w.setActive(w.entra, u, true)
		require.True(t, w.user(u).Active)
	})
}

func TestRule25_SCIMDeletesAUserOfItsOwn(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.provision(w.okta, "gone")
		g, mine := w.scimGroup(w.okta, u), w.localGroup()
		w.add(mine, u)
		_, before := w.seen(w.okta, g)
		actions := w.during(func() { require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0)) })
		require.ElementsMatch(t, []membership.Action{"grant.closed", "grant.closed", "user.unlinked", "user.deleted"},
			actions)
		_, err := w.dir.User(w.ctx, w.admin, u)
		w.kind(membership.KindNotFound, err)
		require.Empty(t, w.members(g))
		require.Empty(t, w.members(mine))
		_, after := w.seen(w.okta, g)
		require.Greater(t, after.Version, before.Version)
		for _, e := range w.events(membership.EventFilter{User: u, Group: mine}) {
			if e.Action == membership.ActionGrantClosed {
				require.NotEmpty(t, e.Reason)
			}
		}
		w.kind(membership.KindNotFound, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0))
		require.NotEqual(t, u, w.provision(w.okta, "gone"), "the name is free at once")
	})
}

func TestRule25_SCIMDeletesALocalUser(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.localUser()
		name := w.user(u).UserName
		require.Equal(t, u, w.provision(w.okta, name))
		mine := w.localGroup()
		g := w.scimGroup(w.okta, u)
		w.add(mine, u)
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0))
		require.False(t, w.user(u).Active, "an administrator decides")
		require.Empty(t, w.members(g))
		require.Equal(t, []membership.ID{u}, users(w.members(mine)))

		require.True(t, w.suspend(u, true).Active)
		require.NoError(t, w.dir.DeleteUser(w.ctx, w.admin, u))
		require.Empty(t, w.members(mine))
	})
}

func TestRule25_OtherConnectionsKeepTheUser(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.provision(w.okta, "shared")
		require.Equal(t, u, w.provision(w.entra, "shared"))
		a, b := w.scimGroup(w.okta, u), w.scimGroup(w.entra, u)
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0))
		require.True(t, w.user(u).Active)
		require.Empty(t, w.members(a))
		require.Equal(t, []membership.ID{u}, users(w.members(b)))
	})
}

func TestRule26_SuspensionWins(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		require.False(t, w.suspend(u, false).Active)
		w.setActive(w.okta, u, false)
		l := w.setActive(w.okta, u, true)
		require.True(t, l.Active, "the connection keeps its own word")
		require.False(t, w.user(u).Active)
		require.Equal(t, u, w.provision(w.entra, w.user(u).UserName))
		require.False(t, w.user(u).Active, "a new link does not undo it either")
		require.True(t, w.suspend(u, true).Active)
	})
}

func TestNativeActivationDoesNotOverruleAProvider(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		w.setActive(w.okta, u, false)
		yes := true
		_, err := w.dir.ChangeUser(w.ctx, w.admin, u, membership.UserChange{Active: &yes})
		w.kind(membership.KindForbidden, err)
		w.kind(membership.KindForbidden, w.dir.DeleteUser(w.ctx, w.admin, u))
	})
}

// A provider's write changes of the user only what it changes of its own view.
func TestNativeProfileStaysUntilTheProviderChangesIt(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.provision(w.okta, "carol")
		nick := "Caro"
		_, err := w.dir.ChangeUser(w.ctx, w.admin, u, membership.UserChange{Name: &nick})
		require.NoError(t, err)
		w.setActive(w.okta, u, false)
		require.Equal(t, "Caro", w.user(u).Name)
		_, err = w.dir.UpdateProvisionedUser(w.ctx, w.okta, u, 0, func(l *membership.UserLink) error {
			l.Name = "Carol B."
			l.Attributes = []byte(`{"displayName":"Carol B."}`)
			return nil
		})
		require.NoError(t, err)
		require.Equal(t, "Carol B.", w.user(u).Name)
	})
}

// Events outlive an erasure, so they say that a name changed, not from what to
// what.
func TestEventsOfUsersCarryNoPersonalData(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.provision(w.okta, "secretname")
		_, err := w.dir.UpdateProvisionedUser(w.ctx, w.okta, u, 0, func(l *membership.UserLink) error {
			l.UserName, l.Attributes = "othername", []byte(`{"nickName":"hush"}`)
			return nil
		})
		require.NoError(t, err)
		all := w.events(membership.EventFilter{User: u})
		require.Contains(t, string(all[len(all)-1].After), `"changed":["nickName","userName"]`)
		for _, e := range all {
			for _, word := range []string{"secretname", "othername", "hush"} {
				require.NotContains(t, string(e.Before)+string(e.After), word)
			}
		}
	})
}
