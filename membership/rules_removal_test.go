package membership_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// provisioned is what a connection has provisioned before it is removed.
type provisioned struct {
	alone, both, inactive, elsewhere, suspended membership.ID // users
	mine, shared, empty                         membership.ID // groups
	local                                       membership.ID
}

func (w *world) provisioned() (p provisioned) {
	p.alone, p.both, p.inactive, p.suspended = w.scimUser(w.okta), w.scimUser(w.okta), w.scimUser(w.okta),
		w.scimUser(w.okta)
	w.setActive(w.okta, p.inactive, false)
	w.suspend(p.suspended, false)
	// Entra says that this one is inactive; only Okta keeps them active.
	p.elsewhere = w.provision(w.okta, "elsewhere")
	require.Equal(w.t, p.elsewhere, w.provision(w.entra, "elsewhere"))
	w.setActive(w.entra, p.elsewhere, false)
	p.mine = w.scimGroup(w.okta, p.alone, p.both, p.inactive)
	p.shared = w.scimGroup(w.okta, p.both, p.elsewhere)
	p.empty = w.scimGroup(w.okta)
	p.local = w.localUser()
	w.add(p.shared, p.local)
	_, err := w.dir.AddMember(w.ctx, w.admin, p.shared, p.both, true)
	require.NoError(w.t, err)
	return p
}

// remove removes Okta's connection and checks that the preview told what came
// about, and that all events are one batch.
func (w *world) remove(how membership.Removal) (auth.Removal, []membership.Event) {
	w.t.Helper()
	preview, err := w.connections.PreviewRemoval(w.ctx, w.admin, w.okta.Connection, how)
	require.NoError(w.t, err)
	before := w.events(membership.EventFilter{})
	require.NoError(w.t, w.connections.Remove(w.ctx, w.admin, w.okta.Connection, how))
	events := w.events(membership.EventFilter{Cursor: membership.EventCursor{Number: before[len(before)-1].Number}})
	batches, count := map[any]bool{}, map[membership.Action]int{}
	for _, e := range events {
		var after map[string]any
		require.NoError(w.t, json.Unmarshal(e.After, &after), "%s %s", e.Action, e.After)
		if len(e.Before) > 0 {
			require.True(w.t, json.Valid(e.Before), "%s", e.Before)
		}
		batches[after["batch"]] = true
		count[e.Action] += max(1, len(e.Members))
		require.Equal(w.t, w.admin.RequestID, e.RequestID)
		require.Equal(w.t, w.admin.Actor, e.Actor)
	}
	require.Len(w.t, batches, 1)
	if how != membership.RemovalFreeze {
		require.Equal(w.t, preview.Grants, count[membership.ActionGrantClosed])
		require.Equal(w.t, preview.LocalGrantsOpened, count[membership.ActionGrantOpened])
		require.Equal(w.t, preview.Users, count[membership.ActionUserUnlinked])
		require.Equal(w.t, preview.Groups, count[membership.ActionGroupUnlinked])
		require.Equal(w.t, preview.GroupsDeleted, count[membership.ActionGroupDeleted])
	}
	return preview, events
}

func (w *world) state(c membership.Call) membership.ConnectionState {
	w.t.Helper()
	conn, err := w.dir.Connection(w.ctx, w.admin, c.Connection)
	require.NoError(w.t, err)
	return conn.State()
}

func TestConnectionIsReleased(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		p := w.provisioned()
		n, events := w.remove(membership.RemovalRelease)
		require.Equal(t, membership.RemovalCounts{
			Users: 5, Groups: 3, Grants: 5, MembershipsEnded: 4, UsersLeftWithoutGroups: 3,
			UsersDeactivated: 1, UsersWithoutProvider: 4, GroupsDeleted: 2,
		}, n.RemovalCounts)
		require.Equal(t, membership.ConnectionRemoved, w.state(w.okta))
		require.Equal(t, map[membership.ID][]membership.Source{
			p.both: {membership.SourceLocal}, p.local: {membership.SourceLocal},
		}, w.members(p.shared))
		for _, g := range []membership.ID{p.mine, p.empty} {
			_, err := w.dir.Group(w.ctx, w.admin, g)
			w.kind(membership.KindNotFound, err)
		}
		require.True(t, w.user(p.alone).Active, "they stay, and an administrator decides")
		require.True(t, w.user(p.both).Active)
		require.False(t, w.user(p.inactive).Active, "nobody becomes active by it")
		require.False(t, w.user(p.elsewhere).Active, "the provider that is left decides")
		require.False(t, w.user(p.suspended).Active)
		require.True(t, w.suspend(p.inactive, true).Active, "unless somebody says so")
		require.True(t, w.suspend(p.suspended, true).Active)
		for _, e := range events {
			if e.Action == membership.ActionUserUnlinked && e.User == p.elsewhere {
				require.JSONEq(t, `{"active":true}`, string(e.Before))
				require.Contains(t, string(e.After), `"active":false`)
				require.Contains(t, string(e.After), `"links":1`)
			}
		}

		// What a request does that was let in before finds nothing.
		w.kind(membership.KindNotFound, w.patch(w.okta, p.shared, func(d *membership.MemberDelta) { d.Add(p.alone) }))
		_, err := w.dir.ProvisionUser(w.ctx, w.okta, view("late"))
		w.kind(membership.KindNotFound, err)
		_, err = w.dir.ProvisionGroup(w.ctx, w.okta, membership.GroupLink{DisplayName: "late"},
			membership.MemberDelta{})
		w.kind(membership.KindNotFound, err)
		w.kind(membership.KindNotFound, w.dir.DeprovisionUser(w.ctx, w.okta, p.alone, 0))

		w.kind(membership.KindNotFound,
			w.connections.Remove(w.ctx, w.admin, w.okta.Connection, membership.RemovalRelease))
		paused := true
		_, err = w.dir.ChangeConnection(w.ctx, w.admin, w.okta.Connection, membership.ConnectionChange{Paused: &paused})
		w.kind(membership.KindNotFound, err)
		for removed, want := range map[bool]int{false: 1, true: 2} {
			cs, err := w.dir.Connections(w.ctx, w.admin, membership.ID{}, 10, removed)
			require.NoError(t, err)
			require.Len(t, cs, want)
		}
		// The same people can be provisioned again, by another connection.
		require.Equal(t, p.alone, w.provision(w.entra, w.user(p.alone).UserName))
	})
}

func TestConnectionIsConverted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		p := w.provisioned()
		kind := membership.GroupEnterprise
		_, err := w.dir.ChangeGroup(w.ctx, w.admin, p.mine, membership.GroupChange{Kind: &kind})
		require.NoError(t, err)
		joined := map[membership.ID]membership.Member{}
		for _, m := range w.list(p.shared, membership.MemberQuery{}) {
			joined[m.User.ID] = m
		}
		n, _ := w.remove(membership.RemovalConvert)
		require.Equal(t, membership.RemovalCounts{
			Users: 5, Groups: 3, Grants: 5, LocalGrantsOpened: 4, UsersDeactivated: 1, UsersWithoutProvider: 4,
			GroupsDeleted: 1,
		}, n.RemovalCounts)
		require.Equal(t, sorted(p.alone, p.both, p.inactive), users(w.members(p.mine)),
			"local exceptions of a provider's group")
		require.Equal(t, sorted(p.both, p.elsewhere, p.local), users(w.members(p.shared)))
		for _, m := range append(w.list(p.shared, membership.MemberQuery{}),
			w.list(p.mine, membership.MemberQuery{})...) {
			require.Len(t, m.Sources, 1)
			require.Equal(t, membership.SourceLocal, m.Source())
		}
		for _, m := range w.list(p.shared, membership.MemberQuery{}) {
			require.Equal(t, joined[m.User.ID].JoinedAt, m.JoinedAt, "no membership was interrupted")
		}
		require.False(t, w.user(p.inactive).Active)
		_, err = w.dir.Group(w.ctx, w.admin, p.empty)
		w.kind(membership.KindNotFound, err)
		_, err = w.dir.RemoveMember(w.ctx, w.admin, p.mine, p.alone)
		require.NoError(t, err, "from now on this is a matter of this side")
		require.NoError(t, w.dir.DeleteGroup(w.ctx, w.admin, p.mine))
	})
}

func TestConnectionIsFrozen(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		p := w.provisioned()
		before := w.list(p.shared, membership.MemberQuery{})
		w.remove(membership.RemovalFreeze)
		require.Equal(t, membership.ConnectionFrozen, w.state(w.okta))
		require.Equal(t, before, w.list(p.shared, membership.MemberQuery{}), "grants stay exactly as they are")

		// It is not changed: not by a request let in before, and not natively.
		require.Empty(t, w.during(func() {
			w.kind(membership.KindNotFound,
				w.patch(w.okta, p.shared, func(d *membership.MemberDelta) { d.Remove(p.both) }))
			w.kind(membership.KindNotFound, w.patch(w.okta, p.shared, func(d *membership.MemberDelta) { d.Clear() }))
			w.kind(membership.KindNotFound, w.dir.DeprovisionGroup(w.ctx, w.okta, p.shared, 0))
			w.kind(membership.KindNotFound, w.dir.DeprovisionUser(w.ctx, w.okta, p.alone, 0))
			_, err := w.dir.UpdateProvisionedUser(w.ctx, w.okta, p.alone, 0, func(l *membership.UserLink) error {
				l.Active = false
				return nil
			})
			w.kind(membership.KindNotFound, err)
			_, err = w.dir.ProvisionUser(w.ctx, w.okta, view("late"))
			w.kind(membership.KindNotFound, err)
			require.NoError(t, w.connections.Remove(w.ctx, w.admin, w.okta.Connection, membership.RemovalFreeze))
		}))
		_, err := w.dir.RemoveMember(w.ctx, w.admin, p.shared, p.elsewhere)
		w.kind(membership.KindManagedByIdP, err)
		w.kind(membership.KindGroupManaged, w.dir.DeleteGroup(w.ctx, w.admin, p.mine))
		cs, err := w.dir.Connections(w.ctx, w.admin, membership.ID{}, 10, false)
		require.NoError(t, err)
		require.Len(t, cs, 2, "a frozen connection is listed")
		_, err = w.dir.AllowRemovals(w.ctx, w.admin, w.okta.Connection, membership.RemovalAllowanceSpec{})
		w.kind(membership.KindNotFound, err)
		es, err := w.dir.Exceptions(w.ctx, w.admin, membership.ExceptionQuery{Kind: membership.ExceptionConnectionGone})
		require.NoError(t, err)
		require.Len(t, es, 5, "what it froze is an exception")

		n, _ := w.remove(membership.RemovalRelease)
		require.Equal(t, 5, n.Grants)
		require.Zero(t, n.Credentials)
		require.Equal(t, membership.ConnectionRemoved, w.state(w.okta))
		require.Equal(t, sorted(p.both, p.local), users(w.members(p.shared)))
	})
}

// halfStore fails every Update of the directory, so a removal ends halfway: its first
// transaction is that of auth.Connections, with a store of its own.
type halfStore struct {
	membership.Lookups
	store membership.Store
}

func (halfStore) Update(context.Context, membership.ID, func(membership.Tx) error) error {
	return errors.New("dead")
}

func (s halfStore) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	return s.store.Read(ctx, tenant, fn)
}

func (s halfStore) WriteMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	return s.store.WriteMembers(ctx, c)
}

func (s halfStore) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.store.UpdateHolding(ctx, tenant, n, fn)
}

func (s halfStore) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

func (s halfStore) Scrub(ctx context.Context) error { return s.store.Scrub(ctx) }

func TestConnectionRemovalIsFinished(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		p := w.provisioned()
		dir := membership.NewDirectory(halfStore{w.store, w.store}, auth.Policy{}, membership.Options{})
		cs := auth.NewConnections(w.store, dir, w.clock, nil)
		require.Error(t, cs.Remove(w.ctx, w.admin, w.okta.Connection, membership.RemovalRelease))
		require.Equal(t, membership.ConnectionRemoving, w.state(w.okta))
		require.Len(t, w.members(p.mine), 3)
		w.kind(membership.KindNotFound, w.patch(w.okta, p.mine, func(d *membership.MemberDelta) { d.Clear() }))
		w.kind(membership.KindInvalid, w.connections.Remove(w.ctx, w.admin, w.okta.Connection, "drop"))
		n, _ := w.remove(membership.RemovalConvert)
		require.Equal(t, 5, n.Grants)
		require.Equal(t, membership.ConnectionRemoved, w.state(w.okta))
	})
}

// Whatever a provider's requests do meanwhile, each is wholly before the removal
// or fails: no grant and no link of the connection is left, or changed after it
// was frozen.
func TestConnectionRemovalAmongWriters(t *testing.T) {
	for _, how := range []membership.Removal{membership.RemovalRelease, membership.RemovalConvert,
		membership.RemovalFreeze} {
		t.Run(string(how), func(t *testing.T) {
			eachWorld(t, func(t *testing.T, w *world) {
				var people, groups []membership.ID
				for range 12 {
					people = append(people, w.scimUser(w.okta))
				}
				for range 4 {
					groups = append(groups, w.scimGroup(w.okta, people[:6]...))
				}
				var writers sync.WaitGroup
				started, stop := make(chan struct{}, 5), make(chan struct{})
				write := func(do func(i int) error) {
					writers.Go(func() {
						for i := 0; ; i++ {
							err := do(i)
							if kind := membership.KindOf(err); err != nil && kind != membership.KindNotFound &&
								kind != membership.KindUnknownMembers && kind != membership.KindUnavailable {
								t.Errorf("%v", err)
								return
							}
							if i == 2 {
								started <- struct{}{}
							}
							select {
							case <-stop:
								return
							default:
							}
						}
					})
				}
				write(func(i int) error {
					return w.patch(w.okta, groups[i%4], func(d *membership.MemberDelta) {
						d.Add(people[i%12])
						d.Remove(people[(i+5)%12])
					})
				})
				write(func(i int) error {
					return w.patch(w.okta, groups[(i+1)%4], func(d *membership.MemberDelta) {
						d.Clear()
						d.Add(people[i%12], people[(i+1)%12])
					})
				})
				write(func(i int) error {
					_, err := w.dir.UpdateProvisionedUser(w.ctx, w.okta, people[i%12], 0,
						func(l *membership.UserLink) error {
							l.Active = i%2 == 0
							return nil
						})
					return err
				})
				write(func(int) error {
					name := membership.NewID().String()
					l, err := w.dir.ProvisionUser(w.ctx, w.okta, view(name))
					if err != nil {
						return err
					}
					var d membership.MemberDelta
					d.Add(l.User)
					_, err = w.dir.ProvisionGroup(w.ctx, w.okta, membership.GroupLink{DisplayName: name}, d)
					return err
				})
				write(func(i int) error {
					l, err := w.dir.ProvisionUser(w.ctx, w.okta, view(membership.NewID().String()))
					if err != nil {
						return err
					}
					if err := w.patch(w.okta, groups[i%4], func(d *membership.MemberDelta) {
						d.Add(l.User)
					}); err != nil {
						return err
					}
					return w.dir.DeprovisionUser(w.ctx, w.okta, l.User, 0)
				})
				for range 5 {
					<-started
				}
				require.NoError(t, w.connections.Remove(w.ctx, w.admin, w.okta.Connection, how))
				n, left := w.left(how)
				close(stop)
				writers.Wait()
				after, still := w.left(how)
				require.Equal(t, n, after, "nothing came later")
				require.Equal(t, left, still)
				if how != membership.RemovalFreeze {
					require.Equal(t, membership.RemovalCounts{}, n)
				}
			})
		})
	}
}

// left returns what a connection has, and all its grants in the groups.
func (w *world) left(
	how membership.Removal,
) (n membership.RemovalCounts, members map[membership.ID]map[membership.ID][]membership.Source) {
	w.t.Helper()
	members = map[membership.ID]map[membership.ID][]membership.Source{}
	require.NoError(w.t, w.store.Read(w.ctx, w.admin.Tenant, func(r membership.Reader) (err error) {
		n, err = r.RemovalCounts(w.ctx, w.okta.Connection, how, w.clock())
		return err
	}))
	gs, err := w.dir.Groups(w.ctx, w.admin, membership.NativeQuery{Limit: 1000})
	require.NoError(w.t, err)
	for _, g := range gs {
		members[g.ID] = w.members(g.ID)
	}
	return n, members
}
