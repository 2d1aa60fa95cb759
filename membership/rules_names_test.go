package membership_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Names that only look the same to full case folding are two people through
// every door: neither gets the other's seat, group or account.
func TestRule22_OtherLettersAreAnotherPerson(t *testing.T) {
	for _, names := range [][2]string{
		{"j.weiß@x.test", "j.weiss@x.test"}, {"ﬁona@x.test", "fiona@x.test"}, {"ılker@x.test", "ilker@x.test"},
	} {
		t.Run(names[0], func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w *world) {
				victim, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: names[0], Email: names[0]})
				require.NoError(t, err)
				payroll := w.localGroup()
				w.add(payroll, victim.ID)

				// A provider creates, and renames to, the other one.
				other := w.sends(w.okta, person(names[1], names[1], ""))
				require.NotEqual(t, victim.ID, other)
				renamed := w.sends(w.entra, person("x@x.test", "", ""))
				_, err = w.dir.UpdateProvisionedUser(w.ctx, w.entra, renamed, 0, func(l *membership.UserLink) error {
					l.UserName = names[1]
					return nil
				})
				w.kind(membership.KindUniqueness, err) // it is other's, not the victim's
				require.Equal(t, names[0], w.user(victim.ID).UserName)

				// An invitation under the other address is neither.
				placed, err := w.dir.AddOrganizationMembers(w.ctx, w.admin,
					[]membership.OrganizationMemberSpec{{Email: names[1]}, {Email: names[0]}})
				require.NoError(t, err)
				require.Equal(t, other, placed[0].User.ID)
				require.Equal(t, victim.ID, placed[1].User.ID)

				// Natively both are free for themselves only.
				for _, name := range names {
					_, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: name})
					w.kind(membership.KindUniqueness, err)
				}
				us, err := w.dir.Users(w.ctx, w.admin, membership.NativeQuery{Name: names[1], Limit: 10})
				require.NoError(t, err)
				require.Len(t, us, 1)
				require.Equal(t, other, us[0].ID)
				require.Equal(t, victim.ID, w.member(payroll, victim.ID).User.ID)
			})
		})
	}
}

// An invitation is claimed letter for letter as well.
func TestAnInvitationIsForItsLetters(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.invite("m.groß@x.test")
		require.NotEqual(t, u.ID, w.sends(w.okta, person("m.gross@x.test", "m.gross@x.test", "")))
		require.True(t, w.user(u.ID).Pending)
		require.Equal(t, u.ID, w.sends(w.entra, person("M.GROẞ@x.test", "", "")))
	})
}
