package membership_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// No end is farther away than can be written and read again.
func TestRule13_EndsHaveABound(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		g, u := w.localGroup(), w.localUser()
		far := w.clock().Add(membership.MaxLife + time.Minute)
		_, err := w.dir.AddMember(w.ctx, w.admin, g, u, false, membership.GrantTerms{ExpiresAt: far})
		w.kind(membership.KindInvalid, err)
		out, err := w.dir.ApplyBatch(w.ctx, w.admin, g, membership.MemberBatch{
			Add: []membership.ID{u}, GrantTerms: membership.GrantTerms{ExpiresAt: far},
		})
		require.NoError(t, err)
		w.kind(membership.KindInvalid, out[0].Err)
		w.addUntil(g, u, far.Add(-time.Hour))
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, far)
		w.kind(membership.KindInvalid, err)
	})
}

// A grant does not end before it began, whatever the clocks of servers say.
func TestRule13_NoEndIsBeforeItsBeginning(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u, other := w.localGroup(), w.localUser(), w.localUser()
		require.Empty(t, w.members(g)) // it has looked at the tenant
		ahead := membership.NewDirectory(w.store, allowAll{}, membership.Options{
			Clock: func() time.Time { return now.Add(time.Hour) },
		})
		_, err := ahead.AddMember(w.ctx, w.admin, g, other, false)
		require.NoError(t, err)
		end := membership.GrantTerms{ExpiresAt: now.Add(30 * time.Minute)}
		_, err = w.dir.AddMember(w.ctx, w.admin, g, u, false, end)
		w.kind(membership.KindInvalid, err)
		require.Len(t, w.members(g), 1)
		end.ExpiresAt = now.Add(2 * time.Hour)
		m, err := w.dir.AddMember(w.ctx, w.admin, g, u, false, end)
		require.NoError(t, err)
		require.True(t, m.Sources[0].Grant.OpenedAt.After(now.Add(time.Hour)))
	})
}

// What was left of local grants in an enterprise group can be ended sooner, and not later.
func TestRule12_EndsInEnterpriseGroups(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, u, endless := w.localGroup(), w.localUser(), w.localUser()
		w.addUntil(g, u, now.Add(time.Hour))
		w.add(g, endless)
		kind := membership.GroupEnterprise
		_, err := w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{Kind: &kind})
		require.NoError(t, err)
		for _, ends := range []time.Time{{}, now.Add(2 * time.Hour)} {
			_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, ends)
			w.kind(membership.KindGroupManaged, err)
		}
		for _, user := range []membership.ID{u, endless} {
			_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, user, now.Add(30*time.Minute))
			require.NoError(t, err)
		}
	})
}

// Who puts the end of a break-glass grant off takes it again, and another person looks at
// it again.
func TestRule16_ItsEndIsPutOff(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		g, u := w.localGroup(), w.localUser()
		may := []string{"GROUPS:WRITE", "GROUPS:BREAK_GLASS"}
		ann, bob := w.somebody("ann", may...), w.somebody("bob", may...)
		m, err := w.breakGlass(ann, g, u, w.clock().Add(5*time.Minute))
		require.NoError(t, err)
		opened := m.Sources[0].Grant.OpenedAt
		put := func(c membership.Call, after time.Duration) error {
			_, err := w.dir.ChangeGrantEnd(w.ctx, c, g, u, opened.Add(after))
			return err
		}
		w.kind(membership.KindForbidden, put(bob, time.Hour)) // or he could sign off both
		require.NoError(t, put(ann, 10*time.Minute))
		w.kind(membership.KindForbidden, w.dir.SignOff(w.ctx, ann, g, u))
		require.NoError(t, w.dir.SignOff(w.ctx, bob, g, u))
		require.Empty(t, w.unsigned())

		for name, change := range map[string]func(*membership.Call){
			"no permission": func(c *membership.Call) { c.Permissions = []string{"GROUPS:WRITE"} },
			"a service":     func(c *membership.Call) { c.Actor.Kind = membership.ActorService },
			"not known":     func(c *membership.Call) { c.Person = "" },
		} {
			c := ann
			change(&c)
			require.Equal(t, membership.KindForbidden, membership.KindOf(put(c, time.Hour)), name)
		}
		silent := ann
		silent.Reason = "later"
		w.kind(membership.KindInvalid, put(silent, time.Hour))
		w.kind(membership.KindInvalid, put(ann, membership.MaxBreakGlass+time.Second))
		robot := w.somebody("", "GROUPS:WRITE")
		robot.Actor.Kind, robot.Reason = membership.ActorService, ""
		require.NoError(t, put(robot, 8*time.Minute), "sooner asks for no more than any other")
		require.Empty(t, w.unsigned())

		require.Equal(t, []membership.Action{membership.ActionGrantUpdated, membership.ActionBreakGlass},
			w.during(func() { require.NoError(t, put(bob, membership.MaxBreakGlass)) }))
		require.Len(t, w.unsigned(), 1, "it is looked at again")
		w.kind(membership.KindForbidden, w.dir.SignOff(w.ctx, bob, g, u))
		require.NoError(t, w.dir.SignOff(w.ctx, ann, g, u))
		require.Empty(t, w.unsigned())
	})
}

// In an enterprise group it also asks the tenant's policy.
func TestRule16_ItsEndIsPutOffInEnterpriseGroups(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		g, u, ann := w.localGroup(), w.localUser(), w.somebody("ann", auth.AllPermissions)
		m, err := w.breakGlass(ann, g, u, w.clock().Add(5*time.Minute))
		require.NoError(t, err)
		kind := membership.GroupEnterprise
		_, err = w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{Kind: &kind})
		require.NoError(t, err)
		ends := m.Sources[0].Grant.OpenedAt.Add(time.Hour)
		_, err = w.dir.ChangeGrantEnd(w.ctx, ann, g, u, ends)
		w.kind(membership.KindGroupManaged, err)
		_, err = w.own.Create(w.ctx, w.admin, "oncall",
			`permit (principal, action == Action::"members.break_glass_enterprise", resource);`)
		require.NoError(t, err)
		_, err = w.dir.ChangeGrantEnd(w.ctx, ann, g, u, ends)
		require.NoError(t, err)
	})
}

// What is taken while a person signs off is not signed off with it. SQLite has one writer
// at a time.
func TestRule16_SignOffIsOfWhatWasRead(t *testing.T) {
	dbtest.Wants(t, "postgres")
	w := newWorld(t, dbtest.Open(t, dbtest.URL(t, "postgres")))
	g, u := w.localGroup(), w.localUser()
	ann, bob := w.somebody("ann", "GROUPS:BREAK_GLASS"), w.somebody("bob", "GROUPS:BREAK_GLASS")
	_, err := w.breakGlass(ann, g, u, time.Time{})
	require.NoError(t, err)
	_, err = w.dir.RemoveMember(w.ctx, w.admin, g, u)
	require.NoError(t, err)
	// As SignOff does, with another grant between what it reads and what it writes.
	require.NoError(t, w.store.Update(w.ctx, w.admin.Tenant, func(tx membership.Tx) error {
		taken, err := tx.LockBreakGlass(w.ctx, g, u)
		require.NoError(t, err)
		require.Len(t, taken, 1)
		_, err = w.breakGlass(bob, g, u, time.Time{})
		require.NoError(t, err)
		return tx.SignBreakGlass(w.ctx, g, u, []membership.ID{taken[0].Grant}, dbtest.Now())
	}))
	require.Len(t, w.unsigned(), 1)
	require.NoError(t, w.dir.SignOff(w.ctx, ann, g, u))
	require.Empty(t, w.unsigned())
}
