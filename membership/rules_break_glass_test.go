package membership_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// somebody is the call of a person with permissions.
func (w *world) somebody(name string, permissions ...string) membership.Call {
	c := w.admin
	c.Actor.ID, c.Person, c.Permissions = membership.NewID().String(), name, permissions
	c.Reason = "the pager rang and nobody else was there"
	return c
}

func (w *world) breakGlass(call membership.Call, group, user membership.ID, ends time.Time) (membership.Member, error) {
	return w.dir.AddMember(w.ctx, call, group, user, true, membership.GrantTerms{ExpiresAt: ends, BreakGlass: true})
}

func (w *world) unsigned() (es []membership.Exception) {
	w.t.Helper()
	es, err := w.dir.Exceptions(w.ctx, w.admin, membership.ExceptionQuery{Kind: membership.ExceptionBreakGlass})
	require.NoError(w.t, err)
	return es
}

// Break-glass: who may take it, for how long and why, and who accepts it.
func TestRule16_BreakGlass(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		g, u := w.localGroup(), w.localUser()
		ann, bob := w.somebody("ann", "GROUPS:BREAK_GLASS"), w.somebody("bob", "GROUPS:BREAK_GLASS")
		for name, change := range map[string]func(*membership.Call){
			"no permission": func(c *membership.Call) { c.Permissions = []string{"GROUPS:WRITE"} },
			"an agent":      func(c *membership.Call) { c.Actor.Kind = membership.ActorAgent },
			"a service":     func(c *membership.Call) { c.Actor.Kind = membership.ActorService },
			"an operator":   func(c *membership.Call) { c.Actor.Kind = membership.ActorOperator },
			"not known":     func(c *membership.Call) { c.Person = "" },
		} {
			c := ann
			change(&c)
			_, err := w.breakGlass(c, g, u, time.Time{})
			require.Equal(t, membership.KindForbidden, membership.KindOf(err), name)
		}
		for _, reason := range []string{"", "emergency", "                    ", "INC 4711"} {
			c := ann
			c.Reason = reason
			_, err := w.breakGlass(c, g, u, time.Time{})
			w.kind(membership.KindInvalid, err)
		}
		_, err := w.breakGlass(ann, g, u, w.clock().Add(membership.MaxBreakGlass+time.Minute))
		w.kind(membership.KindInvalid, err)
		require.Empty(t, w.unsigned())

		var m membership.Member
		ticket := ann
		ticket.Reason = "INC-4711"
		require.Equal(t, []membership.Action{membership.ActionGrantOpened, membership.ActionBreakGlass},
			w.during(func() { m, err = w.breakGlass(ticket, g, u, time.Time{}) }))
		require.NoError(t, err)
		grant := m.Sources[0].Grant
		require.True(t, grant.BreakGlass)
		require.WithinDuration(t, w.clock().Add(membership.MaxBreakGlass), grant.ExpiresAt, time.Second)
		es := w.events(membership.EventFilter{Group: g})
		require.JSONEq(t, `{"break_glass":true,"expires_at":"`+membership.Timestamp(grant.ExpiresAt)+`"}`,
			string(es[len(es)-2].After))
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, time.Time{})
		w.kind(membership.KindInvalid, err)
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, grant.OpenedAt.Add(membership.MaxBreakGlass+time.Minute))
		w.kind(membership.KindInvalid, err)
		_, err = w.dir.ChangeGrantEnd(w.ctx, w.admin, g, u, grant.OpenedAt.Add(time.Hour))
		require.NoError(t, err)

		// It waits, also after it has ended, for somebody else.
		_, err = w.dir.RemoveMember(w.ctx, w.admin, g, u)
		require.NoError(t, err)
		pending := w.unsigned()
		require.Len(t, pending, 1)
		require.Equal(t, u, pending[0].User.ID)
		require.Equal(t, g, pending[0].Group.ID)
		require.Equal(t, grant.ID, pending[0].Sources[0].Grant.ID)
		require.Equal(t, "INC-4711", pending[0].Sources[0].Grant.OpenedReason)
		other := w.somebody("ann", auth.AllPermissions) // another token of hers
		robot := w.somebody("robot", auth.AllPermissions)
		robot.Actor.Kind = membership.ActorService
		self := w.somebody("self", auth.AllPermissions)
		self.Actor.ID = u.String()
		for _, c := range []membership.Call{ann, other, robot, self, w.somebody("eve", "GROUPS:WRITE"),
			w.somebody("", auth.AllPermissions)} {
			w.kind(membership.KindForbidden, w.dir.SignOff(w.ctx, c, g, u))
		}
		silent := bob
		silent.Reason = ""
		w.kind(membership.KindInvalid, w.dir.SignOff(w.ctx, silent, g, u))
		w.kind(membership.KindNotFound, w.dir.SignOff(w.ctx, bob, g, w.localUser()))
		require.Len(t, w.unsigned(), 1)
		require.Equal(t, []membership.Action{membership.ActionGrantSignedOff},
			w.during(func() { require.NoError(t, w.dir.SignOff(w.ctx, bob, g, u)) }))
		es = w.events(membership.EventFilter{Group: g})
		require.Equal(t, bob.Reason, es[len(es)-1].Reason)
		require.Empty(t, w.unsigned())
		w.kind(membership.KindNotFound, w.dir.SignOff(w.ctx, bob, g, u))
	})
}

// Into an enterprise group break-glass goes only where the tenant's own policy says so;
// that the connection is paused is no matter.
func TestRule16_EnterpriseGroups(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		g, u := w.scimGroup(w.okta), w.scimUser(w.okta)
		kind, paused := membership.GroupEnterprise, true
		_, err := w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{Kind: &kind})
		require.NoError(t, err)
		_, err = w.connections.Change(w.ctx, w.admin, w.okta.Connection, membership.ConnectionChange{Paused: &paused})
		require.NoError(t, err)
		ann := w.somebody("ann", auth.AllPermissions)
		_, err = w.breakGlass(ann, g, u, time.Time{})
		w.kind(membership.KindGroupManaged, err)
		_, err = w.own.Create(w.ctx, w.admin, "oncall", `permit (principal is User,
			action == Action::"members.break_glass_enterprise", resource)
			when { principal.permissions.containsAny(["GROUPS:BREAK_GLASS", "*"]) };`)
		require.NoError(t, err)
		m, err := w.breakGlass(ann, g, u, time.Time{})
		require.NoError(t, err)
		require.True(t, m.Sources[0].Grant.BreakGlass)
		_, err = w.dir.AddMember(w.ctx, ann, g, w.localUser(), false)
		w.kind(membership.KindGroupManaged, err)
	})
}

// What is there of a group that begins to ask for ends is an exception.
func TestExceptionsOfGroupsThatAskForEnds(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		now := time.Now().UTC().Truncate(time.Microsecond)
		w.at(&now)
		g, other := w.localGroup(), w.localGroup()
		endless, long, short := w.localUser(), w.localUser(), w.localUser()
		w.add(g, endless)
		w.add(other, endless)
		w.addUntil(g, long, now.Add(2*time.Hour))
		w.addUntil(g, short, now.Add(time.Hour))
		found := func() (users []membership.ID) {
			es, err := w.dir.Exceptions(w.ctx, w.admin,
				membership.ExceptionQuery{Kind: membership.ExceptionGrantTooLong})
			require.NoError(t, err)
			for _, e := range es {
				require.Equal(t, g, e.Group.ID)
				require.Len(t, e.Sources, 1)
				users = append(users, e.User.ID)
			}
			return sorted(users...)
		}
		require.Empty(t, found())
		yes, hour := true, int64(3600)
		_, err := w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{GrantsMustEnd: &yes})
		require.NoError(t, err)
		require.Equal(t, []membership.ID{endless}, found())
		_, err = w.dir.ChangeGroup(w.ctx, w.admin, g, membership.GroupChange{MaxGrantSeconds: &hour})
		require.NoError(t, err)
		require.Equal(t, sorted(endless, long), found())
		now = now.Add(2 * time.Hour)
		require.Equal(t, []membership.ID{endless}, found())
	})
}
