package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	local = membership.SourceLocal
	scim  = membership.SourceSCIM
)

func TestRule01_SCIMAddsBesideALocalGrant(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, g := w.scimUser(w.okta), w.scimGroup(w.okta)
		w.add(g, u)
		joined := w.member(g, u).JoinedAt
		w.scimAdd(w.okta, g, u)
		require.ElementsMatch(t, []membership.Source{local, scim}, w.members(g)[u])
		m := w.member(g, u)
		require.Equal(t, scim, m.Source())
		require.Equal(t, joined, m.JoinedAt, "a second grant does not move joined_at")
	})
}

func TestRule02_SCIMAddsAgain(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		_, before := w.seen(w.okta, g)
		require.Empty(t, w.during(func() { w.scimAdd(w.okta, g, u) }), "no event")
		ids, after := w.seen(w.okta, g)
		require.Equal(t, before, after, "no new version")
		require.Equal(t, []membership.ID{u}, ids)
	})
}

func TestRule03_SCIMRemovesAMemberWithALocalGrant(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		joined := w.member(g, u).JoinedAt
		_, err := w.dir.AddMember(w.ctx, w.admin, g, u, true)
		require.NoError(t, err)
		w.scimRemove(w.okta, g, u)
		require.Equal(t, []membership.Source{local}, w.members(g)[u])
		require.Equal(t, joined, w.member(g, u).JoinedAt, "closing one of two does not move joined_at")
		ids, _ := w.seen(w.okta, g)
		require.Empty(t, ids)
	})
}

func TestRule04_SCIMRemovesAUserItNeverGranted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, g := w.scimUser(w.okta), w.scimGroup(w.okta)
		w.add(g, u)
		_, before := w.seen(w.okta, g)
		require.Empty(t, w.during(func() { w.scimRemove(w.okta, g, u, membership.NewID()) }))
		_, after := w.seen(w.okta, g)
		require.Equal(t, before, after)
		require.Equal(t, []membership.Source{local}, w.members(g)[u])
	})
}

func TestRule05_SCIMReplacesOnlyItsOwn(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		a, b, c, mine := w.scimUser(w.okta), w.scimUser(w.okta), w.scimUser(w.okta), w.localUser()
		g := w.scimGroup(w.okta, a, b)
		w.add(g, mine)
		actions := w.during(func() {
			require.NoError(t, w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Clear(); d.Add(b, c) }))
		})
		require.ElementsMatch(t, []membership.Action{"grant.opened", "grant.closed"}, actions,
			"only the difference is written")
		require.Equal(t, sorted(b, c, mine), users(w.members(g)))

		require.NoError(t, w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Clear() }))
		require.Equal(t, []membership.ID{mine}, users(w.members(g)), "remove-all leaves local members")
		ids, _ := w.seen(w.okta, g)
		require.Empty(t, ids)
	})
}

func TestRule06_SCIMAddsAnUnknownID(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		known, stranger, elsewhere := w.scimUser(w.okta), membership.NewID(), w.scimUser(w.entra)
		g := w.scimGroup(w.okta)
		for name, change := range map[string]func(*membership.MemberDelta){
			"add":     func(d *membership.MemberDelta) { d.Add(known, stranger, elsewhere) },
			"replace": func(d *membership.MemberDelta) { d.Clear(); d.Add(known, stranger, elsewhere) },
			"added and removed again": func(d *membership.MemberDelta) {
				d.Add(known, stranger, elsewhere)
				d.Remove(stranger, elsewhere)
			},
			"no id at all": func(d *membership.MemberDelta) { d.Add(known, stranger, elsewhere); d.AddMalformed("x") },
		} {
			require.Empty(t, w.during(func() {
				e := w.kind(membership.KindUnknownMembers, w.patch(w.okta, g, change))
				require.Contains(t, e.Message, stranger.String(), name)
				require.Contains(t, e.Message, elsewhere.String(), name)
				require.NotContains(t, e.Message, known.String(), name)
			}))
		}
		many := make([]membership.ID, 1000)
		for i := range many {
			many[i] = membership.NewID()
		}
		for name, change := range map[string]func(*membership.MemberDelta){
			"ids":          func(d *membership.MemberDelta) { d.Add(many...) },
			"no ids, too":  func(d *membership.MemberDelta) { d.Add(many[1:]...); d.AddMalformed("x") },
			"replacements": func(d *membership.MemberDelta) { d.Clear(); d.Add(many...) },
		} {
			e := w.kind(membership.KindUnknownMembers, w.patch(w.okta, g, change))
			require.Contains(t, e.Message, ", and 980 more", name)
			require.Len(t, e.Details["unknown"], 20, name)
			require.Equal(t, 1000, e.Details["unknown_count"], name)
		}
		require.Empty(t, w.members(g))
		_, err := w.dir.ProvisionGroup(w.ctx, w.okta, membership.GroupLink{DisplayName: "new"}, delta(stranger))
		w.kind(membership.KindUnknownMembers, err)
	})
}

func delta(add ...membership.ID) (d membership.MemberDelta) {
	d.Add(add...)
	return d
}

func TestRule07_NativeAdd(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, g := w.localUser(), w.localGroup()
		call := w.admin
		call.Reason = "TICKET-1"
		m, err := w.dir.AddMember(w.ctx, call, g, u, false)
		require.NoError(t, err)
		require.Equal(t, local, m.Source())
		grant := m.Sources[0].Grant
		require.Equal(t, w.admin.Actor, grant.OpenedBy)
		require.Equal(t, "TICKET-1", grant.OpenedReason)
		require.Equal(t, w.admin.RequestID, grant.OpenedRequest)
	})
}

func TestRule08_NativeAddOfAMember(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		_, err := w.dir.AddMember(w.ctx, w.admin, g, u, false)
		e := w.kind(membership.KindAlreadyMember, err)
		require.Contains(t, e.Details, "sources")
		_, err = w.dir.AddMember(w.ctx, w.admin, g, u, true)
		require.NoError(t, err)
		require.ElementsMatch(t, []membership.Source{local, scim}, w.members(g)[u])
		_, err = w.dir.AddMember(w.ctx, w.admin, g, u, true)
		w.kind(membership.KindAlreadyMember, err)
	})
}

func TestRule09_NativeRemoveOfALocalMember(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, g := w.localUser(), w.localGroup()
		w.add(g, u)
		left, err := w.dir.RemoveMember(w.ctx, w.admin, g, u)
		require.NoError(t, err)
		require.Nil(t, left)
		require.Empty(t, w.members(g))
		_, err = w.dir.RemoveMember(w.ctx, w.admin, g, u)
		w.kind(membership.KindNotFound, err)
	})
}

func TestRule10_NativeRemoveOfAProvidersMember(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		actions := w.during(func() {
			_, err := w.dir.RemoveMember(w.ctx, w.admin, g, u)
			e := w.kind(membership.KindManagedByIdP, err)
			require.Contains(t, e.Message, "remove them there")
			require.Contains(t, e.Message, "connection here")
		})
		require.Equal(t, []membership.Action{"access.refused"}, actions)
		require.Equal(t, []membership.Source{scim}, w.members(g)[u])
	})
}

func TestRule11_NativeRemoveOfADoublyGrantedMember(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		_, err := w.dir.AddMember(w.ctx, w.admin, g, u, true)
		require.NoError(t, err)
		left, err := w.dir.RemoveMember(w.ctx, w.admin, g, u)
		require.NoError(t, err)
		require.NotNil(t, left)
		require.Len(t, left.Sources, 1)
		require.Equal(t, w.okta.Connection, left.Sources[0].Grant.Connection)
		require.Equal(t, "okta", left.Sources[0].ConnectionName)
		require.Equal(t, []membership.Source{scim}, w.members(g)[u])
	})
}

func TestRule12_NativeAddToAnEnterpriseGroup(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g, err := w.dir.CreateGroup(w.ctx, w.admin, "Staff", membership.GroupEnterprise)
		require.NoError(t, err)
		actions := w.during(func() {
			_, err = w.dir.AddMember(w.ctx, w.admin, g.ID, u, true)
			w.kind(membership.KindGroupManaged, err)
		})
		require.Equal(t, []membership.Action{"access.refused"}, actions)
		require.Empty(t, w.members(g.ID))
	})
}

// The filter membership_source=local finds doubly granted members as well.
func TestMembersBySource(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		both, only, mine := w.scimUser(w.okta), w.scimUser(w.okta), w.localUser()
		g := w.scimGroup(w.okta, both, only)
		w.add(g, mine)
		_, err := w.dir.AddMember(w.ctx, w.admin, g, both, true)
		require.NoError(t, err)
		pick := func(q membership.MemberQuery) (ids []membership.ID) {
			for _, m := range w.list(g, q) {
				ids = append(ids, m.User.ID)
			}
			return ids
		}
		require.Equal(t, sorted(both, mine), pick(membership.MemberQuery{Source: local}))
		require.Equal(t, sorted(both, only), pick(membership.MemberQuery{Source: scim}))
		w.setActive(w.okta, only, false)
		no := false
		require.Equal(t, []membership.ID{only}, pick(membership.MemberQuery{Active: &no}))

		all := sorted(both, only, mine)
		require.Equal(t, all[:2], pick(membership.MemberQuery{Limit: 2}))
		require.Equal(t, all[2:], pick(membership.MemberQuery{Limit: 2, After: all[1]}))
		require.Len(t, w.list(g, membership.MemberQuery{Limit: 1})[0].Sources, len(w.members(g)[all[0]]),
			"a page cuts between members, never within one")

		then := w.member(g, only).JoinedAt
		w.scimRemove(w.okta, g, only, both)
		require.Contains(t, pick(membership.MemberQuery{AsOf: membership.AsOf{Time: then}}), only)
		require.NotContains(t, pick(membership.MemberQuery{}), only)
	})
}

func TestJoinedAtStartsAnewAfterAGap(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		first := w.member(g, u).JoinedAt
		w.scimRemove(w.okta, g, u)
		w.scimAdd(w.okta, g, u)
		require.True(t, w.member(g, u).JoinedAt.After(first))
	})
}

// All operations of one request are one transaction.
func TestGroupChangeIsAtomic(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta)
		_, before := w.seen(w.okta, g)
		require.Empty(t, w.during(func() {
			_, err := w.dir.UpdateProvisionedGroup(w.ctx, w.okta, g, membership.GroupUpdate{
				Change:  func(l *membership.GroupLink) error { l.DisplayName = "renamed"; return nil },
				Members: delta(u, membership.NewID()),
			})
			w.kind(membership.KindUnknownMembers, err)
		}))
		ids, after := w.seen(w.okta, g)
		require.Empty(t, ids)
		require.Equal(t, before, after)
	})
}

func TestEventsOfGrants(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.scimUser(w.okta)
		g := w.scimGroup(w.okta, u)
		_, err := w.dir.AddMember(w.ctx, w.admin, g, u, true)
		require.NoError(t, err)
		w.scimRemove(w.okta, g, u)
		_, err = w.dir.RemoveMember(w.ctx, w.admin, g, u)
		require.NoError(t, err)
		var got []string
		for _, e := range w.events(membership.EventFilter{Group: g, User: u}) {
			require.Equal(t, e.Source == scim, e.Connection == w.okta.Connection)
			require.NotEmpty(t, e.RequestID)
			got = append(got, string(e.Action)+" "+string(e.Source)+" "+memberFacts(t, e))
		}
		require.Equal(t, []string{
			"grant.opened scim false→true",
			"grant.opened local true→true",
			"grant.closed scim true→true",
			"grant.closed local true→false",
		}, got)
	})
}
