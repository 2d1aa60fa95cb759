package membership_test

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// world is a tenant with two connections and a native caller, on a real store.
type world struct {
	t           *testing.T
	ctx         context.Context
	store       *db.Store
	dir         *membership.Directory
	own         *auth.Policies // the tenant's
	connections *auth.Connections
	clock       membership.Clock
	tick        atomic.Int64 // the clock's microseconds

	okta, entra, admin membership.Call
	n                  int
}

func eachWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, s *db.Store) { test(t, newWorld(t, s)) })
}

func newWorld(t *testing.T, s *db.Store) *world {
	w := &world{t: t, ctx: context.Background(), store: s}
	start := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	w.clock = func() time.Time { return start.Add(time.Duration(w.tick.Add(1)) * time.Microsecond) }
	clock := w.clock
	policy := auth.NewPolicy(s, time.Now, nil)
	w.dir = membership.NewDirectory(s, policy, membership.Options{Clock: clock})
	w.own = auth.NewPolicies(w.dir, s, clock, policy)
	w.connections = auth.NewConnections(s, w.dir, clock, nil)
	tenant := membership.NewID()
	operator := membership.Call{Tenant: tenant, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "test"}}
	call := func(kind membership.ActorKind, id, connection membership.ID) membership.Call {
		return membership.Call{
			Tenant: tenant, Actor: membership.Actor{Kind: kind, ID: id.String()}, Connection: connection,
			Permissions: []string{auth.AllPermissions, auth.ScopeSCIM}, RequestID: "req-" + string(kind),
		}
	}
	require.NoError(t, s.Update(w.ctx, tenant, func(tx membership.Tx) error {
		if _, err := membership.NewTenant(w.ctx, tx, clock, operator, "Acme"); err != nil {
			return err
		}
		for idp, c := range map[string]*membership.Call{"okta": &w.okta, "entra": &w.entra} {
			conn, err := membership.NewConnection(w.ctx, tx, clock, operator, idp, idp)
			if err != nil {
				return err
			}
			*c = call(membership.ActorConnection, conn.ID, conn.ID)
		}
		return nil
	}))
	w.admin = call(membership.ActorUser, membership.NewID(), membership.ID{})
	return w
}

func (w *world) name(prefix string) string {
	w.n++
	return prefix + strconv.Itoa(w.n)
}

// scimUser provisions a user through a connection.
func (w *world) scimUser(c membership.Call) membership.ID { return w.provision(c, w.name("user")) }

func (w *world) provision(c membership.Call, userName string) membership.ID {
	w.t.Helper()
	l, err := w.dir.ProvisionUser(w.ctx, c, view(userName))
	require.NoError(w.t, err)
	return l.User
}

func view(userName string) membership.UserLink {
	return membership.UserLink{UserName: userName, Active: true, Email: userName + "@example.test", Name: userName}
}

func (w *world) localUser() membership.ID {
	w.t.Helper()
	u, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: w.name("local")})
	require.NoError(w.t, err)
	return u.ID
}

func (w *world) scimGroup(c membership.Call, members ...membership.ID) membership.ID {
	w.t.Helper()
	var d membership.MemberDelta
	d.Add(members...)
	l, err := w.dir.ProvisionGroup(w.ctx, c, membership.GroupLink{DisplayName: w.name("group")}, d)
	require.NoError(w.t, err)
	return l.Group
}

func (w *world) localGroup() membership.ID {
	w.t.Helper()
	g, err := w.dir.CreateGroup(w.ctx, w.admin, w.name("local group"), "")
	require.NoError(w.t, err)
	return g.ID
}

func (w *world) patch(c membership.Call, group membership.ID, change func(*membership.MemberDelta)) error {
	var d membership.MemberDelta
	change(&d)
	_, err := w.dir.UpdateProvisionedGroup(w.ctx, c, group, membership.GroupUpdate{Members: d})
	return err
}

func (w *world) scimAdd(c membership.Call, group membership.ID, users ...membership.ID) {
	w.t.Helper()
	require.NoError(w.t, w.patch(c, group, func(d *membership.MemberDelta) { d.Add(users...) }))
}

func (w *world) scimRemove(c membership.Call, group membership.ID, users ...membership.ID) {
	w.t.Helper()
	require.NoError(w.t, w.patch(c, group, func(d *membership.MemberDelta) { d.Remove(users...) }))
}

func (w *world) add(group, user membership.ID) {
	w.t.Helper()
	_, err := w.dir.AddMember(w.ctx, w.admin, group, user, false)
	require.NoError(w.t, err)
}

// members returns user → the sources of their membership, as the native side
// sees it.
func (w *world) members(group membership.ID) map[membership.ID][]membership.Source {
	w.t.Helper()
	out := map[membership.ID][]membership.Source{}
	for _, m := range w.list(group, membership.MemberQuery{}) {
		for _, s := range m.Sources {
			out[m.User.ID] = append(out[m.User.ID], s.Grant.Source())
		}
	}
	return out
}

func (w *world) list(group membership.ID, q membership.MemberQuery) (out []membership.Member) {
	w.t.Helper()
	require.NoError(w.t,
		w.dir.VisitMembers(w.ctx, w.admin, group, q, func(ms iter.Seq2[membership.Member, error]) error {
			for m, err := range ms {
				if err != nil {
					return err
				}
				out = append(out, m)
			}
			return nil
		}))
	return out
}

func (w *world) member(group, user membership.ID) membership.Member {
	w.t.Helper()
	m, err := w.dir.Member(w.ctx, w.admin, group, user)
	require.NoError(w.t, err)
	return m
}

// seen returns the members that a connection sees, and its view of the group.
func (w *world) seen(c membership.Call, group membership.ID) (ids []membership.ID, l membership.GroupLink) {
	w.t.Helper()
	require.NoError(w.t, w.dir.VisitProvisionedGroup(w.ctx, c, group,
		func(membership.GroupLink) membership.MemberDetail { return membership.MemberIDs },
		func(g membership.ProvisionedGroup) error {
			l = g.GroupLink
			for m, err := range g.Members {
				if err != nil {
					return err
				}
				ids = append(ids, m.User)
			}
			return nil
		}))
	return ids, l
}

func (w *world) user(id membership.ID) membership.User {
	w.t.Helper()
	u, err := w.dir.User(w.ctx, w.admin, id)
	require.NoError(w.t, err)
	return u
}

func (w *world) setActive(c membership.Call, user membership.ID, active bool) membership.UserLink {
	w.t.Helper()
	l, err := w.dir.UpdateProvisionedUser(w.ctx, c, user, 0, func(l *membership.UserLink) error {
		l.Active = active
		return nil
	})
	require.NoError(w.t, err)
	return l
}

func (w *world) suspend(user membership.ID, active bool) membership.User {
	w.t.Helper()
	u, err := w.dir.ChangeUser(w.ctx, w.admin, user, membership.UserChange{Active: &active})
	require.NoError(w.t, err)
	return u
}

func (w *world) events(f membership.EventFilter) []membership.Event {
	w.t.Helper()
	require.NoError(w.t, w.dir.FlushRefusals(w.ctx)) // the next one is a first one again
	return dbtest.Events(w.t, w.store, w.admin.Tenant, f)
}

// during returns the actions of the events that do causes.
func (w *world) during(do func()) []membership.Action {
	w.t.Helper()
	var last membership.EventCursor
	if es := w.events(membership.EventFilter{}); len(es) > 0 {
		last.Number = es[len(es)-1].Number
	}
	do()
	var actions []membership.Action
	for _, e := range w.events(membership.EventFilter{Cursor: last}) {
		actions = append(actions, e.Action)
	}
	return actions
}

func (w *world) kind(want membership.Kind, err error) *membership.Error {
	w.t.Helper()
	require.Error(w.t, err)
	require.Equal(w.t, want, membership.KindOf(err), "%v", err)
	var e *membership.Error
	require.ErrorAs(w.t, err, &e)
	return e
}

func users(m map[membership.ID][]membership.Source) []membership.ID {
	return slices.SortedFunc(maps.Keys(m), membership.ID.Compare)
}

func sorted(ids ...membership.ID) []membership.ID {
	slices.SortFunc(ids, membership.ID.Compare)
	return ids
}
