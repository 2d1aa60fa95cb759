package membership_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// small is a guard for small groups: more than 10 and more than half.
var small = membership.RemovalGuard{On: true, Members: 10, Percent: 50}

// guardedBy puts a guard in front of a store: that of the world, or another
// server's on the same database.
func (w *world) guardedBy(g membership.RemovalGuard, s *db.Store) *membership.Directory {
	return membership.NewDirectory(s, auth.Policy{}, membership.Options{Clock: w.clock, Guard: g})
}

func eachGuarded(t *testing.T, g membership.RemovalGuard, test func(t *testing.T, w *world)) {
	t.Helper()
	eachWorld(t, func(t *testing.T, w *world) {
		w.dir = w.guardedBy(g, w.store)
		test(t, w)
	})
}

func (w *world) pass(d time.Duration) { w.tick.Add(d.Microseconds()) }

// crowd makes users in a connection's view, all in one transaction.
func (w *world) crowd(c membership.Call, n int) []membership.ID {
	w.t.Helper()
	ids := make([]membership.ID, n)
	require.NoError(w.t, w.store.Update(w.ctx, c.Tenant, func(tx membership.Tx) error {
		at := w.clock.Now()
		for i := range ids {
			ids[i] = membership.NewID()
			name := w.name("crowd")
			if err := errors.Join(
				tx.InsertUser(w.ctx, membership.User{
					Tenant: c.Tenant, ID: ids[i], UserName: name, Origin: membership.SourceSCIM, Active: true,
					CreatedAt: at, UpdatedAt: at,
				}),
				tx.InsertUserLink(w.ctx, membership.UserLink{
					Tenant: c.Tenant, Connection: c.Connection, User: ids[i], UserName: name, Active: true,
					Attributes: []byte(`{}`), Version: 1, CreatedAt: at, LastModified: at,
				})); err != nil {
				return err
			}
		}
		return nil
	}))
	return ids
}

// try removes users in one request.
func (w *world) try(c membership.Call, group membership.ID, users []membership.ID) error {
	return w.patch(c, group, func(d *membership.MemberDelta) { d.Remove(users...) })
}

func (w *world) allow(c membership.Call, group membership.ID) membership.RemovalAllowance {
	w.t.Helper()
	a, err := w.dir.AllowRemovals(w.ctx, w.admin, c.Connection, membership.RemovalAllowanceSpec{Group: group})
	require.NoError(w.t, err)
	return a
}

// waiting counts the allowances of a connection.
func (w *world) waiting(c membership.Call) int {
	w.t.Helper()
	as, err := w.dir.RemovalAllowances(w.ctx, w.admin, c.Connection)
	require.NoError(w.t, err)
	return len(as)
}

// massRemovals are the requests that take out the first k of a group's users.
func massRemovals(w *world, g membership.ID, all []membership.ID, k int) map[string]func() error {
	out, stay := all[:k], all[k:]
	requests := map[string]func() error{
		"PATCH remove": func() error { return w.try(w.okta, g, out) },
		"PATCH remove, with a rename": func() error {
			var d membership.MemberDelta
			d.Remove(out...)
			_, err := w.dir.UpdateProvisionedGroup(w.ctx, w.okta, g, membership.GroupUpdate{
				Members: d, Change: func(l *membership.GroupLink) error { l.DisplayName = "renamed"; return nil },
			})
			return err
		},
		"PATCH replace": func() error {
			return w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Clear(); d.Add(stay...) })
		},
		"PUT": func() error {
			var d membership.MemberDelta
			d.Clear()
			d.Add(stay...)
			_, err := w.dir.UpdateProvisionedGroup(w.ctx, w.okta, g, membership.GroupUpdate{
				Members: d, Change: func(l *membership.GroupLink) error { l.ExternalID = "x"; return nil },
			})
			return err
		},
	}
	if len(stay) == 0 {
		requests["PATCH remove all"] = func() error {
			return w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Clear() })
		}
		requests["DELETE"] = func() error { return w.dir.DeprovisionGroup(w.ctx, w.okta, g, 0) }
	}
	return requests
}

func TestGuardHoldsAReplaceThatDrops900Of1000(t *testing.T) {
	eachGuarded(t, membership.RemovalGuard{On: true, Members: 100, Percent: 50}, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 1000)
		g := w.scimGroup(w.okta, all...)
		w.add(g, w.localUser())
		for name, k := range map[string]int{"900": 900, "all": 1000} {
			for kind, request := range massRemovals(w, g, all, k) {
				_, before := w.seen(w.okta, g)
				actions := w.during(func() {
					e := w.kind(membership.KindHeld, request())
					for _, part := range []string{
						g.String(), w.okta.Connection.String(), w.okta.Tenant.String(), "of the 1000 members",
						"More than 100 and more than 50%",
						"/removal-allowances", "scimbridge connection allow-removals", "nothing was changed",
					} {
						assert.Contains(t, e.Message, part, "%s %s", name, kind)
					}
				})
				require.Equal(t, []membership.Action{"removal.held"}, actions, "%s %s", name, kind)
				ids, after := w.seen(w.okta, g)
				require.Len(t, ids, 1000)
				require.Equal(t, before, after)
			}
		}
		events := w.events(membership.EventFilter{Group: g})
		held := events[len(events)-1]
		require.Equal(t, w.okta.Connection, held.Connection)
		require.NotEmpty(t, held.RequestID)
		var facts map[string]any
		require.NoError(t, json.Unmarshal(held.After, &facts))
		require.Contains(t, []any{900.0, 1000.0}, facts["would_close"])
		require.Equal(t, 1000.0, facts["of"])
		require.Equal(t, "group", facts["scope"])

		for _, u := range all[:250] {
			require.NoError(t, w.try(w.okta, g, []membership.ID{u}), "single removals go through")
		}
	})
}

// Held only above both limits.
func TestGuardLimits(t *testing.T) {
	for name, tt := range map[string]struct {
		guard    membership.RemovalGuard
		of, drop int
		held     bool
	}{
		"at both limits":               {small, 20, 10, false},
		"at the number, above percent": {small, 12, 10, false},
		"above the number, at percent": {small, 22, 11, false},
		"above the number only":        {small, 30, 11, false},
		"above both":                   {small, 21, 11, true},
		"all of few":                   {small, 10, 10, false},
		"all of some more":             {small, 11, 11, true},
		"nothing allowed: one":         {membership.RemovalGuard{On: true}, 5, 1, false},
		"nothing allowed: two":         {membership.RemovalGuard{On: true}, 5, 2, true},
		"100 percent is never passed":  {membership.RemovalGuard{On: true, Percent: 100}, 5, 5, false},
		"off":                          {membership.RemovalGuard{}, 30, 30, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachGuarded(t, tt.guard, func(t *testing.T, w *world) {
				all := w.crowd(w.okta, tt.of)
				for kind := range massRemovals(w, membership.ID{}, all, tt.drop) {
					w.pass(time.Hour) // a window of its own
					g := w.scimGroup(w.okta, all...)
					if err := massRemovals(w, g, all, tt.drop)[kind](); tt.held {
						w.kind(membership.KindHeld, err)
					} else {
						require.NoError(t, err, kind)
					}
				}
			})
		})
	}
}

func TestGuardCountsMembersOnly(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		all, strangers := w.crowd(w.okta, 12), w.crowd(w.okta, 100)
		g := w.scimGroup(w.okta, all...)
		require.NoError(t, w.try(w.okta, g, append(strangers, all[0])))
		require.NoError(t, w.try(w.okta, g, strangers))
		// Local members, and another provider's, do not count here.
		ids, _ := w.seen(w.okta, g)
		require.Len(t, ids, 11)
		w.kind(membership.KindHeld, w.try(w.okta, g, append(strangers, all...)))
	})
}

func TestGuardLeavesSinglesAndDeactivationAlone(t *testing.T) {
	eachGuarded(t, membership.RemovalGuard{On: true}, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 30)
		g := w.scimGroup(w.okta, all...)
		for _, u := range all[:8] {
			w.setActive(w.okta, u, false)
		}
		for _, u := range all[:10] {
			w.scimRemove(w.okta, g, u)
		}
		for _, u := range all[10:15] {
			require.NoError(t, w.patch(w.okta, g, func(d *membership.MemberDelta) {
				d.Clear()
				ids, _ := w.seen(w.okta, g)
				d.Add(slices.DeleteFunc(ids, func(id membership.ID) bool { return id == u })...)
			}), "a replace that leaves one out is a single removal")
		}
		for _, u := range all[15:20] {
			require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0))
		}
		ids, _ := w.seen(w.okta, g)
		require.Len(t, ids, 10)
		require.Empty(t, slices.DeleteFunc(w.events(membership.EventFilter{}), func(e membership.Event) bool {
			return e.Action != membership.ActionRemovalHeld
		}))
	})
}

// What is cut in pieces is seen as a whole: in one group, and over many.
func TestGuardWindow(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 100)
		g, other := w.scimGroup(w.okta, all[:30]...), w.scimGroup(w.okta, all...)
		require.NoError(t, w.try(w.okta, g, all[:5]))
		require.NoError(t, w.try(w.okta, g, all[5:10]))
		w.pass(5 * time.Minute)
		require.NoError(t, w.try(w.okta, g, all[10:15]), "15 of 30 is not more than half")
		e := w.kind(membership.KindHeld, w.try(w.okta, g, all[15:17]))
		require.Contains(t, e.Message, "remove 2 members")
		require.Contains(t, e.Message, "with 15 removed in the last 10 minutes that is 17 of the 30 that it had there")
		require.NoError(t, w.try(w.okta, g, all[15:16]), "one still goes")
		require.NoError(t, w.try(w.okta, other, all[:5]), "and so does another group")
		w.kind(membership.KindHeld, w.try(w.okta, g, all[16:18]))
		w.pass(6*time.Minute + time.Second)
		require.NoError(t, w.try(w.okta, g, all[16:18]), "the first ten have left the window")

		// Over many groups.
		w.pass(time.Hour)
		fresh := w.crowd(w.entra, 40)
		var groups []membership.ID
		for i := range 4 {
			groups = append(groups, w.scimGroup(w.entra, fresh[i*10:i*10+10]...))
		}
		require.NoError(t, w.try(w.entra, groups[0], fresh[:10]))
		require.NoError(t, w.try(w.entra, groups[1], fresh[10:20]), "20 of 40")
		e = w.kind(membership.KindHeld, w.try(w.entra, groups[2], fresh[20:22]))
		require.Contains(t, e.Message,
			"with 20 removed in the last 10 minutes that is 22 of the 40 memberships that it had in all groups")
		require.NoError(t, w.try(w.okta, other, all[90:92]), "another connection has a window of its own")
		require.NoError(t, w.try(w.entra, groups[2], fresh[20:21]))
		w.pass(time.Hour)
		require.NoError(t, w.try(w.entra, groups[2], fresh[21:29]))
	})
}

// countingStore counts round trips of the hot path, and transactions. It names each
// method of a Store: a new one has to be counted, or not, here.
type countingStore struct {
	membership.Lookups
	store            membership.Store
	changes, updates int
}

func (s *countingStore) WriteMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	s.changes++
	return s.store.WriteMembers(ctx, c)
}

func (s *countingStore) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	s.updates++
	return s.store.Update(ctx, tenant, fn)
}

func (s *countingStore) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	return s.store.Read(ctx, tenant, fn)
}

func (s *countingStore) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.store.UpdateHolding(ctx, tenant, n, fn)
}

func (s *countingStore) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

func (s *countingStore) Scrub(ctx context.Context) error { return s.store.Scrub(ctx) }

// What the guard cannot hold stays one round trip.
func TestGuardLeavesTheHotPath(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 30)
		g := w.scimGroup(w.okta)
		s := &countingStore{Lookups: w.store, store: w.store}
		w.dir = membership.NewDirectory(s, auth.Policy{}, membership.Options{Clock: w.clock, Guard: small})
		w.scimAdd(w.okta, g, all...)
		w.scimRemove(w.okta, g, all[0])
		require.NoError(t, w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Add(all[0]); d.Remove(all[1]) }))
		require.Equal(t, 3, s.changes)
		require.Zero(t, s.updates)
		w.scimRemove(w.okta, g, all[2:4]...)
		require.Equal(t, 4, s.changes, "what counts as well")
		require.Zero(t, s.updates)
	})
}

// lately asks what counts of a connection's removals in a group and in all: by a
// change that is held and closes nothing.
func (w *world) lately(c membership.Call, group membership.ID, members []membership.ID) (n [2]int) {
	w.t.Helper()
	require.NoError(w.t, w.store.Update(w.ctx, c.Tenant, func(tx membership.Tx) error {
		r, err := tx.ChangeMembers(w.ctx, membership.MemberChange{
			Call: c, At: w.clock.Now(), Group: group, Connection: c.Connection, Close: members,
			Guard: membership.RemovalGuard{On: true, Members: 1},
		})
		require.NotNil(w.t, r.Held)
		require.Equal(w.t, len(members), r.Held.Closing)
		n = [2]int{r.Held.InGroup, r.Held.InAll}
		return err
	}))
	return n
}

// What passes is one round trip, however much was removed lately, and what is closed
// counts.
func TestGuardNeedsNoTransaction(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 60)
		g, other := w.scimGroup(w.okta, all[:40]...), w.scimGroup(w.okta, all[40:]...)
		s := &countingStore{Lookups: w.store, store: w.store}
		w.dir = membership.NewDirectory(s, auth.Policy{}, membership.Options{Clock: w.clock, Guard: small})
		step := func(do func(), updates, group, connection int, why string) {
			t.Helper()
			s.updates = 0
			do()
			require.Equal(t, updates, s.updates, why)
			require.Equal(t, [2]int{group, connection}, w.lately(w.okta, g, all[38:40]), why)
		}
		remove := func(from membership.ID, users ...membership.ID) func() {
			return func() { w.scimRemove(w.okta, from, users...) }
		}
		strangers := make([]membership.ID, 40)
		for i := range strangers {
			strangers[i] = membership.NewID()
		}
		step(remove(g, all[0], strangers[0]), 0, 0, 0, "one is not counted")
		step(remove(g, all[1], all[2], strangers[0]), 0, 2, 2, "strangers do not count")
		step(remove(g, all[3:11]...), 0, 10, 10, "at the number")
		step(remove(g, all[11:13]...), 0, 12, 12, "above it, below the percent")
		step(remove(other, all[40:42]...), 0, 12, 14, "only the connection is above its number")
		step(func() {
			require.NoError(t, w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Clear(); d.Add(all[15:40]...) }))
		}, 1, 14, 16, "a replace, which reads what is there")
		step(func() {
			require.NoError(t, w.try(w.okta, g, append(strangers, all[15:17]...)))
		}, 0, 16, 18, "many strangers")
	})
}

// The count of all that a connection has knows of changes that are in the same
// transaction.
func TestGuardCountsOtherGroupsAsTheyAre(t *testing.T) {
	guard := membership.RemovalGuard{On: true, Members: 4, Percent: 50}
	eachGuarded(t, guard, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 40)
		small, large := w.scimGroup(w.okta, all[:6]...), w.scimGroup(w.okta)
		w.scimAdd(w.okta, large, all[6:]...)
		c := membership.MemberChange{
			Call: w.okta, At: w.clock.Now(), Group: small, Connection: w.okta.Connection, Close: all[:5], Guard: guard,
		}
		require.NoError(t, w.store.Update(w.ctx, w.okta.Tenant, func(tx membership.Tx) error {
			r, err := tx.ChangeMembers(w.ctx, c)
			require.Equal(t, &membership.HeldRemovals{Closing: 5, Open: 6}, r.Held, "5 of 6")
			return err
		}))
		w.scimRemove(w.okta, small, all[:3]...)
		require.NoError(t, w.store.Update(w.ctx, w.okta.Tenant, func(tx membership.Tx) error {
			c.Group, c.Close = large, all[6:24]
			r, err := tx.ChangeMembers(w.ctx, c)
			if err != nil {
				return err
			}
			require.Equal(t, &membership.HeldRemovals{Closing: 18, InAll: 3, Open: 34}, r.Held, "18 of 34")
			c.Close = all[6:22]
			if r, err = tx.ChangeMembers(w.ctx, c); err != nil {
				return err
			}
			require.Nil(t, r.Held, "16 of 34 there, 19 of 40 in all")
			c.Close = all[22:24]
			if r, err = tx.ChangeMembers(w.ctx, c); err != nil {
				return err
			}
			require.Equal(t, 16, r.Held.InGroup)
			return nil
		}))
	})
}

func TestGuardOffKeepsNoBooks(t *testing.T) {
	eachGuarded(t, membership.RemovalGuard{}, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 30)
		g := w.scimGroup(w.okta, all...)
		require.NoError(t, w.try(w.okta, g, all[:5]))
		require.Zero(t, w.lately(w.okta, g, all[28:]))
	})
}

// Guarded removals share a transaction: one that is held is not made, and those
// beside it are; each counts for those after it.
func TestHeldRemovalFailsNoNeighbour(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 60)
		g := w.scimGroup(w.okta, all...)
		var wg sync.WaitGroup
		var held, made atomic.Int32
		for i := range 20 {
			wg.Go(func() {
				r, err := w.store.WriteMembers(w.ctx, membership.MemberChange{
					Call: w.okta, At: w.clock.Now(), Group: g, Connection: w.okta.Connection,
					Close: all[3*i : 3*i+3], Guard: membership.RemovalGuard{On: true, Members: 10},
				})
				switch {
				case err != nil:
					t.Errorf("%v", err)
				case r.Held != nil:
					held.Add(1)
					assert.Zero(t, r.Closed)
					assert.Equal(t, 3, r.Held.Closing)
					assert.Equal(t, 9, r.Held.InGroup)
				default:
					made.Add(1)
					assert.Equal(t, 3, r.Closed)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 3, made.Load())
		require.EqualValues(t, 17, held.Load())
		ids, _ := w.seen(w.okta, g)
		require.Len(t, ids, 51)
		require.Equal(t, [2]int{9, 9}, w.lately(w.okta, g, ids[:2]))
	})
}

func TestAllowOnce(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 60)
		g, second := w.scimGroup(w.okta, all[:30]...), w.scimGroup(w.okta, all[30:]...)
		theirs := w.scimGroup(w.entra, w.crowd(w.entra, 1)...)
		a := w.allow(w.okta, membership.ID{})
		require.Equal(t, w.admin.Actor.String(), a.AllowedBy)
		require.NoError(t, w.try(w.okta, g, all[:5]), "what needs none uses none")
		require.Equal(t, 1, w.waiting(w.okta))
		actions := w.during(func() { require.NoError(t, w.try(w.okta, g, all[5:30])) })
		require.Contains(t, actions, membership.ActionAllowanceUsed)
		require.Zero(t, w.waiting(w.okta))
		require.NoError(t, w.try(w.okta, second, all[30:33]), "what was allowed is counted no more")
		w.kind(membership.KindHeld, w.try(w.okta, second, all[33:60]))

		// Not of any use: another group's, another connection's, one withdrawn, one expired.
		w.allow(w.okta, g)
		w.allow(w.entra, membership.ID{})
		w.allow(w.entra, theirs)
		gone := w.allow(w.okta, second)
		require.NoError(t, w.dir.WithdrawRemovals(w.ctx, w.admin, w.okta.Connection, gone.ID))
		w.kind(membership.KindNotFound, w.dir.WithdrawRemovals(w.ctx, w.admin, w.okta.Connection, gone.ID))
		_, err := w.dir.AllowRemovals(w.ctx, w.admin, w.okta.Connection,
			membership.RemovalAllowanceSpec{Group: second, Life: time.Second})
		require.NoError(t, err)
		w.pass(2 * time.Second)
		require.Equal(t, 1, w.waiting(w.okta))
		w.kind(membership.KindHeld, w.try(w.okta, second, all[33:60]))
		w.kind(membership.KindHeld, w.dir.DeprovisionGroup(w.ctx, w.okta, second, 0))

		// The group's own goes before one for any.
		own, any1 := w.allow(w.okta, second), w.allow(w.okta, membership.ID{})
		require.NoError(t, w.dir.DeprovisionGroup(w.ctx, w.okta, second, 0))
		as, err := w.dir.RemovalAllowances(w.ctx, w.admin, w.okta.Connection)
		require.NoError(t, err)
		require.Len(t, as, 2)
		require.Contains(t, as, any1)
		require.NotContains(t, as, own)
	})
}

// A request that comes to nothing for another reason leaves the allowance.
func TestAllowanceSurvivesARollback(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		all := w.crowd(w.okta, 30)
		g := w.scimGroup(w.okta, all...)
		w.allow(w.okta, g)
		w.kind(membership.KindUnknownMembers, w.patch(w.okta, g, func(d *membership.MemberDelta) {
			d.Clear()
			d.Add(membership.NewID())
		}))
		require.Equal(t, 1, w.waiting(w.okta))
		require.NoError(t, w.patch(w.okta, g, func(d *membership.MemberDelta) { d.Clear() }))
		require.Zero(t, w.waiting(w.okta))
	})
}

func TestAllowRemovalsRefuses(t *testing.T) {
	eachGuarded(t, small, func(t *testing.T, w *world) {
		theirs := w.scimGroup(w.entra)
		allow := func(c membership.Call, connection membership.ID, s membership.RemovalAllowanceSpec) error {
			_, err := w.dir.AllowRemovals(w.ctx, c, connection, s)
			return err
		}
		w.kind(membership.KindNotFound, allow(w.admin, membership.NewID(), membership.RemovalAllowanceSpec{}))
		w.kind(membership.KindNotFound,
			allow(w.admin, w.okta.Connection, membership.RemovalAllowanceSpec{Group: theirs}))
		for _, life := range []time.Duration{-time.Second, time.Millisecond, 8 * 24 * time.Hour} {
			w.kind(membership.KindInvalid,
				allow(w.admin, w.okta.Connection, membership.RemovalAllowanceSpec{Life: life}))
		}
		powerless := w.admin
		powerless.Permissions = []string{"GROUPS:WRITE"}
		w.kind(membership.KindForbidden, allow(powerless, w.okta.Connection, membership.RemovalAllowanceSpec{}))
		w.kind(membership.KindForbidden, allow(w.okta, w.okta.Connection, membership.RemovalAllowanceSpec{}))
		w.kind(membership.KindForbidden,
			w.dir.WithdrawRemovals(w.ctx, powerless, w.okta.Connection, membership.NewID()))
		_, err := w.dir.RemovalAllowances(w.ctx, powerless, w.okta.Connection)
		w.kind(membership.KindForbidden, err)
		for range 100 {
			w.allow(w.okta, membership.ID{})
		}
		w.kind(membership.KindInvalid, allow(w.admin, w.okta.Connection, membership.RemovalAllowanceSpec{}))
	})
}

// Two servers on one store: requests on different groups do not slip through
// beside each other, and an allowance passes exactly one of them.
func TestGuardOfTwoServers(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		one, two := dbtest.Open(t, url), dbtest.Open(t, url)
		w := newWorld(t, one)
		servers := []*membership.Directory{w.guardedBy(small, one), w.guardedBy(small, two)}
		w.dir = servers[0]
		const n = 8
		var groups [n]membership.ID
		var members [n][]membership.ID
		furnish := func(c membership.Call, each int) {
			for i := range groups {
				members[i] = w.crowd(c, each)
				groups[i] = w.scimGroup(c, members[i]...)
			}
		}
		// race sends a request to each group at once, and counts those that passed.
		race := func(c membership.Call, from, to int) int {
			var wg sync.WaitGroup
			var passed atomic.Int32
			for i := range n {
				wg.Go(func() {
					var d membership.MemberDelta
					d.Remove(members[i][from:to]...)
					_, err := servers[i%2].UpdateProvisionedGroup(context.Background(), c, groups[i],
						membership.GroupUpdate{Members: d})
					if err == nil {
						passed.Add(1)
					} else {
						assert.Equal(t, membership.KindHeld, membership.KindOf(err), "%v", err)
					}
				})
			}
			wg.Wait()
			return int(passed.Load())
		}
		furnish(w.okta, 20)
		require.Equal(t, n, race(w.okta, 0, 10), "80 of 160 are not more than half")
		w.pass(time.Hour)
		require.Equal(t, 6, race(w.okta, 10, 16), "36 of 80; 42 would be more than half")

		furnish(w.entra, 12)
		require.Zero(t, race(w.entra, 0, 12))
		w.allow(w.entra, membership.ID{})
		require.Equal(t, 1, race(w.entra, 0, 12))
		empty := 0
		for _, g := range groups {
			if ids, _ := w.seen(w.entra, g); len(ids) == 0 {
				empty++
			} else {
				require.Len(t, ids, 12)
			}
		}
		require.Equal(t, 1, empty)
		require.Zero(t, w.waiting(w.entra))
		used := slices.DeleteFunc(w.events(membership.EventFilter{}), func(e membership.Event) bool {
			return e.Action != membership.ActionAllowanceUsed
		})
		require.Len(t, used, 1)
	})
}
