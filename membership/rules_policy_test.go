package membership_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	noOutsiders = `@notice("Finance is for people of Acme")
		forbid (principal, action == Action::"members.add", resource)
		when { resource.display_name == "Finance" && !(context.user.email like "*@acme.test") };`
	noRemovals = `@notice("Nobody leaves Finance")
		forbid (principal, action == Action::"members.remove", resource)
		when { resource.display_name == "Finance" && context.user.active };`
)

func (w *world) policy(id, cedar string) {
	w.t.Helper()
	_, err := w.own.Create(w.ctx, w.admin, id, cedar)
	require.NoError(w.t, err)
}

// refusal requires an error of a policy, and its event to be the last one.
func (w *world) refusal(err error, notice string, op membership.Operation, group, user membership.ID) {
	w.t.Helper()
	e := w.kind(membership.KindForbidden, err)
	require.Equal(w.t, []string{notice}, e.Notices)
	require.Equal(w.t, "a policy forbids this: "+notice, e.Message)
	es := w.events(membership.EventFilter{})
	last := es[len(es)-1]
	require.Equal(w.t, membership.ActionRefused, last.Action)
	require.Equal(w.t, group, last.Group)
	require.Equal(w.t, user, last.User)
	var after struct {
		Operation, Kind string
		Policies        []string
	}
	require.NoError(w.t, json.Unmarshal(last.After, &after))
	require.Equal(w.t, string(op), after.Operation)
	require.NotContains(w.t, string(last.After), notice, "the policies have it")
	require.Len(w.t, after.Policies, 1)
}

// person makes a user with an address, natively.
func (w *world) person(email string) membership.ID {
	w.t.Helper()
	u, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: w.name("person"), Email: email})
	require.NoError(w.t, err)
	return u.ID
}

func (w *world) named(name string) membership.ID {
	w.t.Helper()
	g, err := w.dir.CreateGroup(w.ctx, w.admin, name, "")
	require.NoError(w.t, err)
	return g.ID
}

func TestPolicyOnNativeMembers(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		finance, sales := w.named("Finance"), w.named("Sales")
		eve, ann := w.person("eve@example.test"), w.person("ann@acme.test")
		w.add(finance, eve)
		w.policy("no-outsiders", noOutsiders)
		w.policy("no-removals", noRemovals)

		mal := w.person("mal@example.test")
		_, err := w.dir.AddMember(w.ctx, w.admin, finance, mal, false)
		w.refusal(err, "Finance is for people of Acme", membership.OpAddMembers, finance, mal)
		require.NotContains(t, w.members(finance), mal)
		w.add(finance, ann)
		w.add(sales, mal)

		_, err = w.dir.RemoveMember(w.ctx, w.admin, finance, eve)
		w.refusal(err, "Nobody leaves Finance", membership.OpRemoveMembers, finance, eve)
		w.suspend(eve, false)
		_, err = w.dir.RemoveMember(w.ctx, w.admin, finance, eve)
		require.NoError(t, err)

		// What does not exist is nothing to look at.
		for _, c := range [][2]membership.ID{{membership.NewID(), ann}, {sales, membership.NewID()}} {
			_, err = w.dir.AddMember(w.ctx, w.admin, c[0], c[1], false)
			w.kind(membership.KindNotFound, err)
		}
		powerless := w.admin
		powerless.Permissions = nil
		_, err = w.dir.AddMember(w.ctx, powerless, membership.NewID(), ann, false)
		w.kind(membership.KindForbidden, err)
	})
}

func TestPolicyOnProvisionedMembers(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		user := func(email string) membership.ID {
			v := view(w.name("user"))
			v.Email = email
			l, err := w.dir.ProvisionUser(w.ctx, w.okta, v)
			require.NoError(t, err)
			return l.User
		}
		eve, ann, bob := user("eve@example.test"), user("ann@acme.test"), user("bob@acme.test")
		w.policy("no-outsiders", noOutsiders)
		w.policy("no-removals", noRemovals)

		// With the group, and all or nothing.
		var first membership.MemberDelta
		first.Add(ann, eve)
		_, err := w.dir.ProvisionGroup(w.ctx, w.okta, membership.GroupLink{DisplayName: "Finance"}, first)
		w.refusal(err, "Finance is for people of Acme", membership.OpAddMembers, membership.ID{}, eve)
		first = membership.MemberDelta{}
		first.Add(ann)
		l, err := w.dir.ProvisionGroup(w.ctx, w.okta, membership.GroupLink{DisplayName: "Finance"}, first)
		require.NoError(t, err)
		finance := l.Group

		err = w.patch(w.okta, finance, func(d *membership.MemberDelta) { d.Add(bob, eve) })
		w.refusal(err, "Finance is for people of Acme", membership.OpAddMembers, finance, eve)
		err = w.patch(w.okta, finance, func(d *membership.MemberDelta) { d.Clear(); d.Add(ann, eve) })
		w.refusal(err, "Finance is for people of Acme", membership.OpAddMembers, finance, eve)
		err = w.patch(w.okta, finance, func(d *membership.MemberDelta) { d.Clear(); d.Add(bob) })
		w.refusal(err, "Nobody leaves Finance", membership.OpRemoveMembers, finance, ann)
		require.Equal(t, []membership.ID{ann}, users(w.members(finance)))

		w.scimAdd(w.okta, finance, bob, ann)
		require.Len(t, w.members(finance), 2)
		// The request is what is asked about, also where it would change nothing.
		w.kind(membership.KindForbidden, w.patch(w.okta, finance, func(d *membership.MemberDelta) { d.Remove(eve) }))
		err = w.patch(w.okta, finance, func(d *membership.MemberDelta) { d.Add(membership.NewID()) })
		w.kind(membership.KindUnknownMembers, err)

		// A group gets its new name before its new members.
		sales := w.scimGroup(w.okta)
		var late membership.MemberDelta
		late.Add(eve)
		_, err = w.dir.UpdateProvisionedGroup(w.ctx, w.okta, sales, membership.GroupUpdate{
			Change:  func(l *membership.GroupLink) error { l.DisplayName, l.ExternalID = "Finance", "f2"; return nil },
			Members: late,
		})
		w.kind(membership.KindUniqueness, err)
		w.policy("no-treasurers", `@notice("Not so") forbid (principal, action == Action::"members.add", resource)
			when { resource.display_name == "Treasury" };`)
		_, err = w.dir.UpdateProvisionedGroup(w.ctx, w.okta, sales, membership.GroupUpdate{
			Change:  func(l *membership.GroupLink) error { l.DisplayName = "Treasury"; return nil },
			Members: late,
		})
		w.refusal(err, "Not so", membership.OpAddMembers, sales, eve)
	})
}

// A policy tells a connection nothing of what it does not see.
func TestPolicyHidesOtherViews(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		theirs, user := w.scimGroup(w.entra), w.scimUser(w.entra)
		own := w.scimGroup(w.okta)
		w.policy("nothing-of-it", `forbid (principal, action in Action::"write", resource)
			when { resource is Group && resource.origin == "scim" && resource.display_name like "group*" };`)
		w.policy("no-users", `forbid (principal, action == Action::"users.write", resource)
			when { resource is DirectoryUser && resource.origin == "scim" };`)
		for _, id := range []membership.ID{theirs, membership.NewID()} {
			w.kind(membership.KindNotFound, w.dir.DeprovisionGroup(w.ctx, w.okta, id, 0))
			w.kind(membership.KindNotFound, w.patch(w.okta, id, func(d *membership.MemberDelta) { d.Add(user) }))
		}
		for _, id := range []membership.ID{user, membership.NewID()} {
			w.kind(membership.KindNotFound, w.dir.DeprovisionUser(w.ctx, w.okta, id, 0))
			err := w.patch(w.okta, own, func(d *membership.MemberDelta) { d.Add(id) })
			w.kind(membership.KindUnknownMembers, err)
		}
		w.kind(membership.KindForbidden, w.dir.DeprovisionGroup(w.ctx, w.entra, theirs, 0))
		w.kind(membership.KindForbidden, w.dir.DeprovisionUser(w.ctx, w.entra, user, 0))
	})
}

func TestPolicyOnOtherUseCases(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		secret, open := w.named("Secret"), w.named("Open")
		w.policy("secret", `@notice("It is secret")
			forbid (principal, action in [Action::"groups.read", Action::"members.read"], resource)
			when { resource is Group && resource.display_name == "Secret" };`)
		_, err := w.dir.Group(w.ctx, w.admin, secret)
		w.refusal(err, "It is secret", membership.OpReadGroups, secret, membership.ID{})
		_, err = w.dir.Member(w.ctx, w.admin, secret, w.admin.Tenant)
		w.refusal(err, "It is secret", membership.OpReadMembers, secret, w.admin.Tenant)
		_, err = w.dir.Group(w.ctx, w.admin, open)
		require.NoError(t, err)
		_, err = w.dir.Groups(w.ctx, w.admin, membership.NativeQuery{Limit: 10})
		require.NoError(t, err)
	})
}
