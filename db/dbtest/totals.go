package dbtest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

var totalPromises = subject{"totals", []promise{
	{"whatever makes and ends links", testTotalsAreExact},
	{"at once", testTotalsOfMany},
	{"in a transaction", testTotalsInATransaction},
}}

// linker makes and ends links in all ways there are.
type linker struct {
	w     *Tenant
	dir   *membership.Directory
	admin membership.Call
	calls []membership.Call // of the connections
}

func newLinker(t testing.TB, s Store, connections int) *linker {
	w := NewTenant(t, s)
	v := &linker{w: w, dir: membership.NewDirectory(s, AllowAll{}, membership.Options{})}
	v.admin = membership.Call{Tenant: w.ID, RequestID: "r",
		Actor: membership.Actor{Kind: membership.ActorUser, ID: "u"}}
	v.calls = []membership.Call{w.Change(nil, nil).Call}
	for i := 1; i < connections; i++ {
		c := membership.Connection{
			Tenant: w.ID, ID: membership.NewID(), Name: fmt.Sprint(i), IDP: "okta", LinkExistingUsers: true,
			GroupKind: membership.GroupCustom, CursorKey: []byte("k"), CreatedAt: Now(),
		}
		w.Update(func(tx membership.Tx) error { return tx.InsertConnection(w.Ctx, c) })
		call := v.calls[0]
		call.Connection, call.Actor.ID = c.ID, c.ID.String()
		v.calls = append(v.calls, call)
	}
	return v
}

// check compares what is known of the number of links with the links.
func (v *linker) check(t require.TestingT) {
	for _, call := range v.calls {
		require.NoError(t, v.w.Store.Read(v.w.Ctx, v.w.ID, func(r membership.Reader) error {
			users, err := r.UserLinks(v.w.Ctx, call.Connection, membership.LinkQuery{Limit: 10_000})
			if err != nil {
				return err
			}
			require.Equal(t, len(users.Links)+len(users.Keys), users.Total)
			for _, active := range []bool{true, false} {
				q := membership.LinkQuery{Limit: 10_000, Filter: membership.Compare{
					Attribute: membership.Attribute{Name: "active"}, Op: membership.Equal, Value: active,
				}}
				some, err := r.UserLinks(v.w.Ctx, call.Connection, q)
				if err != nil {
					return err
				}
				require.Equal(t, len(some.Links)+len(some.Keys), some.Total, "active %v", active)
				q.Limit = 0
				counted, err := r.UserLinks(v.w.Ctx, call.Connection, q)
				if err != nil {
					return err
				}
				require.Equal(t, some.Total, counted.Total)
			}
			groups, err := r.GroupLinks(v.w.Ctx, call.Connection, membership.LinkQuery{Limit: 10_000})
			if err != nil {
				return err
			}
			require.Equal(t, len(groups.Links)+len(groups.Keys), groups.Total)
			return nil
		}))
	}
}

// turn makes the link of a user of that name active, or inactive; there may be none.
func (v *linker) turn(call membership.Call, name string) {
	var user membership.ID
	_ = v.w.Store.Read(v.w.Ctx, v.w.ID, func(r membership.Reader) error {
		l, err := r.UserLinkByName(v.w.Ctx, call.Connection, membership.Fold(name))
		user = l.User
		return err
	})
	_, _ = v.dir.UpdateProvisionedUser(v.w.Ctx, call, user, 0, func(l *membership.UserLink) error {
		l.Active = !l.Active
		return nil
	})
}

// user makes or ends the link of a user of that name; both may be refused. Who has a
// capital letter is not active.
func (v *linker) user(call membership.Call, name string) {
	view := membership.UserLink{UserName: name, Active: name == strings.ToLower(name)}
	if _, err := v.dir.ProvisionUser(v.w.Ctx, call, view); membership.KindOf(err) != membership.KindUniqueness {
		return
	}
	_ = v.w.Store.Read(v.w.Ctx, v.w.ID, func(r membership.Reader) error {
		l, err := r.UserLinkByName(v.w.Ctx, call.Connection, membership.Fold(name))
		if err == nil {
			view.User = l.User
		}
		return err
	})
	_ = v.dir.DeprovisionUser(v.w.Ctx, call, view.User, 0)
}

// group is to groups what user is to users.
func (v *linker) group(call membership.Call, name string) {
	_, err := v.dir.ProvisionGroup(v.w.Ctx, call, membership.GroupLink{DisplayName: name}, membership.MemberDelta{})
	if membership.KindOf(err) != membership.KindUniqueness {
		return
	}
	var id membership.ID
	_ = v.w.Store.Read(v.w.Ctx, v.w.ID, func(r membership.Reader) error {
		l, err := r.GroupLinkByName(v.w.Ctx, call.Connection, membership.Fold(name))
		id = l.Group
		return err
	})
	_ = v.dir.DeprovisionGroup(v.w.Ctx, call, id, 0)
}

// local links a group of an administrator, and may end the link again.
func (v *linker) local(t require.TestingT, call membership.Call, name string, how membership.Removal) {
	g, err := v.dir.CreateGroup(v.w.Ctx, v.admin, name, membership.GroupCustom)
	require.NoError(t, err)
	if _, err := v.dir.LinkGroup(v.w.Ctx, v.admin, g.ID, call.Connection, ""); err != nil || how == "" {
		return
	}
	require.NoError(t, v.dir.UnlinkGroup(v.w.Ctx, v.admin, g.ID, call.Connection, how))
}

func testTotalsAreExact(t *testing.T, s Store) {
	v := newLinker(t, s, 3)
	v.check(t)
	names := []string{"a", "A", "b", "c", "D"}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			call := rapid.SampledFrom(v.calls).Draw(rt, "connection")
			name := rapid.SampledFrom(names).Draw(rt, "name")
			switch rapid.IntRange(0, 4).Draw(rt, "step") {
			case 4:
				v.turn(call, name)
			case 0, 1:
				v.user(call, name)
			case 2:
				v.group(call, name)
			case 3:
				how := rapid.SampledFrom([]membership.Removal{"", membership.RemovalRelease,
					membership.RemovalConvert}).Draw(rt, "how")
				v.local(rt, call, fmt.Sprint("local", n, name), how)
			}
		}
		v.check(rt)
	})
	connections := auth.NewConnections(s, v.dir, Now, nil)
	for i, how := range []membership.Removal{membership.RemovalFreeze, membership.RemovalConvert,
		membership.RemovalRelease} {
		require.NoError(t, connections.Remove(v.w.Ctx, v.admin, v.calls[i].Connection, how))
		v.check(t)
	}
}

// Requests that race for the same names, some of which fail, and transactions that
// are shared or run again.
func testTotalsOfMany(t *testing.T, s Store) {
	v := newLinker(t, s, 2)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 25 {
				call := v.calls[(i+j)%2]
				v.user(call, fmt.Sprint("u", j%5))
				v.turn(call, fmt.Sprint("u", (j+i)%5))
				v.group(call, fmt.Sprint("g", j%3))
			}
		})
	}
	all.Wait()
	v.check(t)
}

// What a transaction has linked counts in it; what it has undone does not, nor what
// another had in the same commit.
func testTotalsInATransaction(t *testing.T, s Store) {
	w := NewTenant(t, s)
	count := func(r membership.Reader) int {
		page, err := r.UserLinks(w.Ctx, w.Connection, membership.LinkQuery{})
		require.NoError(t, err)
		return page.Total
	}
	undone := errors.New("undone")
	err := s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
		require.NoError(t, w.InsertUser(tx, "more", Now()))
		require.Equal(t, 21, count(tx))
		require.NoError(t, tx.DeleteUserLink(w.Ctx, w.Connection, w.Users[0]))
		require.NoError(t, tx.DeleteUserLink(w.Ctx, w.Connection, w.Users[1]))
		require.Equal(t, 19, count(tx))
		return undone
	})
	require.ErrorIs(t, err, undone)
	w.Read(func(r membership.Reader) error {
		require.Equal(t, 20, count(r))
		return nil
	})
}
