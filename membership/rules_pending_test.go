package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func (w *world) invite(email string) membership.User {
	w.t.Helper()
	placed, err := w.dir.AddOrganizationMembers(w.ctx, w.admin, []membership.OrganizationMemberSpec{{Email: email}})
	require.NoError(w.t, err)
	require.True(w.t, placed[0].User.Pending)
	require.False(w.t, placed[0].User.Active)
	return placed[0].User
}

// Rules 20 to 22 for an invited user: who comes with the userName or
// the address is that user.
func TestRule22_SCIMClaimsAnInvitedUser(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for _, v := range []membership.UserLink{
			{UserName: "BY-NAME@example.test", Active: true},
			{UserName: "by-address", Active: true, Email: "By-Address@example.test"},
			{UserName: "by-other", Active: true, Emails: []string{"x@example.test", "by-other@example.test"}},
		} {
			invited := w.invite(map[string]string{
				"BY-NAME@example.test": "by-name@example.test", "by-address": "by-address@example.test",
				"by-other": "by-other@example.test",
			}[v.UserName])
			group := w.localGroup()
			w.add(group, invited.ID)
			actions := w.during(func() {
				l, err := w.dir.ProvisionUser(w.ctx, w.okta, v)
				require.NoError(t, err)
				require.Equal(t, invited.ID, l.User)
			})
			require.Equal(t, []membership.Action{"user.linked", "user.claimed"}, actions)
			u := w.user(invited.ID)
			require.False(t, u.Pending)
			require.True(t, u.Active)
			require.Equal(t, v.UserName, u.UserName)
			require.True(t, w.member(group, u.ID).User.Active, "grants from before are effective now")
		}
	})
}

// One who is somebody already is not taken by their address.
func TestRule22_AnAddressClaimsNobodyWhoHasCome(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: "ann", Email: "ann@example.test"})
		require.NoError(t, err)
		l, err := w.dir.ProvisionUser(w.ctx, w.okta,
			membership.UserLink{UserName: "other", Email: "ann@example.test", Active: true})
		require.NoError(t, err)
		require.NotEqual(t, u.ID, l.User)
	})
}

func TestRule22_InactiveStaysInactive(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		invited := w.invite("ann@example.test")
		l, err := w.dir.ProvisionUser(w.ctx, w.okta, membership.UserLink{UserName: "ann@example.test"})
		require.NoError(t, err)
		require.Equal(t, invited.ID, l.User)
		require.False(t, w.user(invited.ID).Active)
		require.False(t, w.user(invited.ID).Pending)
	})
}
