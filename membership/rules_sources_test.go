package membership_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func person(name, email, full string) membership.UserLink {
	return membership.UserLink{UserName: name, Email: email, Emails: []string{email}, Name: full, Active: true}
}

// shows holds what the application sees of a user.
func (w *world) shows(id membership.ID, name, email, full string) {
	w.t.Helper()
	u := w.user(id)
	require.Equal(w.t, []string{name, email, full}, []string{u.UserName, u.Email, u.Name})
}

func (w *world) sends(call membership.Call, l membership.UserLink) membership.ID {
	w.t.Helper()
	out, err := w.dir.ProvisionUser(w.ctx, call, l)
	require.NoError(w.t, err)
	return out.User
}

func (w *world) alters(call membership.Call, id membership.ID, change func(*membership.UserLink)) {
	w.t.Helper()
	_, err := w.dir.UpdateProvisionedUser(w.ctx, call, id, 0, func(l *membership.UserLink) error {
		change(l)
		l.Attributes = fmt.Appendf(nil, `{"title":"%s %s"}`, l.Email, l.Name) // a door writes both there as well
		return nil
	})
	require.NoError(w.t, err)
}

// What a provider said is not shown any more once its link has ended, and
// another source has something to say.
func TestRule25_AProvidersWordsEndWithItsLink(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		ann, err := w.dir.CreateUser(w.ctx, w.admin,
			membership.NewUser{UserName: "ann", Email: "ann@own.test", Name: "Ann"})
		require.NoError(t, err)
		id := w.sends(w.okta, person("Ann", "ann@okta.test", "Ann O."))
		require.Equal(t, ann.ID, id)
		require.Equal(t, id, w.sends(w.entra, person("ann", "ann@entra.test", "")))
		w.shows(id, "ann", "ann@entra.test", "Ann O.")
		w.alters(w.okta, id, func(l *membership.UserLink) { l.UserName, l.Name = "ann.okta", "Ann Okta" })
		w.shows(id, "ann.okta", "ann@entra.test", "Ann Okta")

		events := w.during(func() { require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, id, 0)) })
		require.Contains(t, events, membership.ActionUserUpdated)
		w.shows(id, "ann", "ann@entra.test", "Ann") // of the name only the native side has one
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.entra, id, 0))
		w.shows(id, "ann", "ann@own.test", "Ann")
		require.False(t, w.user(id).Active, "rule 25")
	})
}

func TestRule25_WhatIsLeftStays(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		// The last link of a local user who had no address: there is no other.
		bob, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: "bob"})
		require.NoError(t, err)
		w.sends(w.okta, person("bob", "bob@okta.test", "Bob"))
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, bob.ID, 0))
		w.shows(bob.ID, "bob", "bob@okta.test", "Bob")

		// What was set natively is not the ended link's.
		id := w.sends(w.okta, person("cyd", "cyd@okta.test", "Cyd"))
		require.Equal(t, id, w.sends(w.entra, person("cyd", "cyd@entra.test", "Cyd")))
		own, name := "cyd@own.test", "cyd.own"
		_, err = w.dir.ChangeUser(w.ctx, w.admin, id, membership.UserChange{Email: &own, UserName: &name})
		require.NoError(t, err)
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, id, 0))
		w.shows(id, name, own, "Cyd")

		// The name that would follow is somebody else's by now.
		dan, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: "dan"})
		require.NoError(t, err)
		w.sends(w.okta, person("dan", "", ""))
		w.alters(w.okta, dan.ID, func(l *membership.UserLink) { l.UserName = "daniel" })
		_, err = w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: "DAN"})
		require.NoError(t, err)
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, dan.ID, 0))
		require.Equal(t, "daniel", w.user(dan.ID).UserName)
	})
}

// A provider that takes an address away leaves the other one's.
func TestAnAddressThatAProviderDrops(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		id := w.sends(w.entra, person("eve", "eve@entra.test", "Eve"))
		require.Equal(t, id, w.sends(w.okta, person("eve", "eve@okta.test", "Eve O.")))
		w.shows(id, "eve", "eve@okta.test", "Eve O.")
		w.alters(w.okta, id, func(l *membership.UserLink) { l.Email, l.Emails, l.Name = "", nil, "" })
		w.shows(id, "eve", "eve@entra.test", "Eve")
		w.alters(w.entra, id, func(l *membership.UserLink) { l.Email, l.Emails = "", nil })
		w.shows(id, "eve", "", "Eve")
	})
}

func TestAConnectionsWordsEndWithIt(t *testing.T) {
	for how, want := range map[membership.Removal][2]string{
		membership.RemovalRelease: {"fay", "fay@own.test"},
		membership.RemovalConvert: {"fay", "fay@own.test"},
		membership.RemovalFreeze:  {"fay.okta", "fay@okta.test"}, // it stays as it is
	} {
		t.Run(string(how), func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w *world) {
				fay, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: "fay", Email: "fay@own.test"})
				require.NoError(t, err)
				w.sends(w.okta, person("fay", "fay@okta.test", ""))
				w.alters(w.okta, fay.ID, func(l *membership.UserLink) { l.UserName = "fay.okta" })
				gil := w.sends(w.okta, person("gil", "gil@okta.test", "Gil"))
				both := w.sends(w.entra, person("hal", "hal@entra.test", ""))
				require.Equal(t, both, w.sends(w.okta, person("hal", "hal@okta.test", "Hal")))
				_, _ = w.remove(how)
				w.shows(fay.ID, want[0], want[1], "")
				w.shows(gil, "gil", "gil@okta.test", "Gil")
				if how == membership.RemovalFreeze {
					w.shows(both, "hal", "hal@okta.test", "Hal")
				} else {
					w.shows(both, "hal", "hal@entra.test", "Hal")
				}
			})
		})
	}
}
