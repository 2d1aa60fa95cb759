package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// tenant is a tenant with a connection, some users and a group in its view.
type tenant struct {
	t          testing.TB
	ctx        context.Context
	store      *db.Store
	tenant     membership.ID
	connection membership.ID
	group      membership.ID
	users      []membership.ID
}

func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func newTenant(t testing.TB, s *db.Store) *tenant {
	w := &tenant{
		t: t, ctx: context.Background(), store: s,
		tenant: membership.NewID(), connection: membership.NewID(), group: membership.NewID(),
	}
	w.update(func(tx membership.Tx) error {
		at := now()
		err := errors.Join(
			tx.InsertTenant(w.ctx, membership.Tenant{ID: w.tenant, Name: "t", CreatedAt: at}),
			tx.InsertConnection(w.ctx, membership.Connection{
				Tenant: w.tenant, ID: w.connection, Name: "c", IDP: "okta", GroupKind: membership.GroupCustom, CursorKey: []byte("k"), CreatedAt: at,
			}),
			tx.InsertGroup(w.ctx, membership.Group{
				Tenant: w.tenant, ID: w.group, DisplayName: "g", Kind: membership.GroupCustom, Origin: "scim", CreatedAt: at, UpdatedAt: at,
			}),
			tx.InsertGroupLink(w.ctx, membership.GroupLink{
				Tenant: w.tenant, Connection: w.connection, Group: w.group, DisplayName: "g",
				Attributes: []byte(`{}`), Version: 1, CreatedAt: at, LastModified: at,
			}))
		for i := range 20 {
			err = errors.Join(err, w.insertUser(tx, fmt.Sprintf("u%d", i), at))
		}
		return errors.Join(err, change(w.ctx, tx, w.change(w.users[:1], nil)))
	})
	return w
}

func (w *tenant) insertUser(tx membership.Tx, name string, at time.Time) error {
	u := membership.User{Tenant: w.tenant, ID: membership.NewID(), UserName: name, Origin: "scim", Active: true, CreatedAt: at, UpdatedAt: at}
	w.users = append(w.users, u.ID)
	return errors.Join(tx.InsertUser(w.ctx, u), tx.InsertUserLink(w.ctx, membership.UserLink{
		Tenant: w.tenant, Connection: w.connection, User: u.ID, UserName: name, Name: name, Active: true,
		Attributes: []byte(`{}`), Version: 1, CreatedAt: at, LastModified: at,
	}))
}

func (w *tenant) update(fn func(membership.Tx) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Update(w.ctx, w.tenant, fn))
}

func (w *tenant) change(open, closed []membership.ID) membership.MemberChange {
	return membership.MemberChange{
		Call: membership.Call{
			Tenant: w.tenant, Connection: w.connection, RequestID: "r",
			Actor: membership.Actor{Kind: membership.ActorConnection, ID: w.connection.String()},
		},
		At: now(), Group: w.group, Connection: w.connection, Open: open, Close: closed,
	}
}

func change(ctx context.Context, tx membership.Tx, c membership.MemberChange) error {
	_, err := tx.ChangeMembers(ctx, c)
	return err
}

func (w *tenant) view(fn func(membership.Reader) error) {
	w.t.Helper()
	require.NoError(w.t, w.store.Read(w.ctx, w.tenant, fn))
}

func (w *tenant) members() (ids []membership.ID) {
	w.t.Helper()
	w.view(func(r membership.Reader) error {
		ids = nil
		for id, err := range r.MemberIDs(w.ctx, w.connection, w.group) {
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	return ids
}

func (w *tenant) version() (l membership.GroupLink) {
	w.t.Helper()
	w.view(func(r membership.Reader) (err error) {
		l, err = r.GroupLink(w.ctx, w.connection, w.group)
		return err
	})
	return l
}

func (w *tenant) events() []membership.Event {
	w.t.Helper()
	return dbtest.Events(w.t, w.store, w.tenant, membership.EventFilter{Group: w.group})
}

// 16 writers, adds and removes mixed: the grants, the event log, the counts that
// the writers were told, and the version all agree.
func TestConcurrentWritersLoseNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		start := w.version().Version
		var mu sync.Mutex
		var opened, closed, bumps int
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 25 {
					var c membership.MemberChange
					users := slices.Clone(w.users)
					rand.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
					c = w.change(users[:rand.IntN(4)], users[10:10+rand.IntN(4)])
					r, err := s.WriteMembers(w.ctx, c)
					if err != nil {
						t.Errorf("%v", err)
						return
					}
					mu.Lock()
					opened, closed = opened+r.Opened, closed+r.Closed
					if r.Opened+r.Closed > 0 {
						bumps++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()

		want := map[membership.ID]bool{}
		var told, ended int
		for _, e := range w.events() {
			switch e.Action {
			case membership.ActionGrantOpened:
				require.False(t, want[e.User], "opened twice")
				want[e.User], told = true, told+1
			case membership.ActionGrantClosed:
				require.True(t, want[e.User], "closed without being open")
				delete(want, e.User)
				ended++
			}
		}
		require.Equal(t, slices.SortedFunc(maps.Keys(want), membership.ID.Compare), w.members())
		require.Equal(t, opened+1, told, "one was there from the start")
		require.Equal(t, closed, ended)
		require.Equal(t, start+int64(bumps), w.version().Version)
	})
}

func TestAFailureHalfwayLeavesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		events, link, members := w.events(), w.version(), w.members()
		boom := errors.New("boom")
		halfway := func(tx membership.Tx) {
			require.NoError(t, change(w.ctx, tx, w.change(w.users[1:5], w.users[:1])))
			require.NoError(t, w.insertUser(tx, "late", now()))
		}
		err := s.Update(w.ctx, w.tenant, func(tx membership.Tx) error { halfway(tx); return boom })
		require.ErrorIs(t, err, boom)
		require.Panics(t, func() {
			_ = s.Update(w.ctx, w.tenant, func(tx membership.Tx) error { halfway(tx); panic("boom") })
		})
		ctx, cancel := context.WithCancel(w.ctx)
		err = s.Update(ctx, w.tenant, func(tx membership.Tx) error { halfway(tx); cancel(); return ctx.Err() })
		require.ErrorIs(t, err, context.Canceled)
		_, err = s.WriteMembers(w.ctx, w.change([]membership.ID{w.users[2], membership.NewID()}, w.users[:1]))
		require.Equal(t, membership.KindUnknownMembers, membership.KindOf(err))

		require.Equal(t, events, w.events())
		require.Equal(t, link, w.version())
		require.Equal(t, members, w.members())
		w.view(func(r membership.Reader) error {
			_, err := r.UserByName(w.ctx, "late")
			require.Equal(t, membership.KindNotFound, membership.KindOf(err))
			return nil
		})
	})
}

// A group that is another connection's is like one that does not exist.
func TestChangeMembersOfAGroupThatIsNotLinked(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		for _, group := range []membership.ID{w.group, membership.NewID()} {
			c := w.change(nil, w.users[:1])
			c.Group, c.Connection = group, membership.NewID()
			c.Call.Connection = c.Connection
			_, err := s.WriteMembers(w.ctx, c)
			require.Equal(t, membership.NotFound("group"), err)
		}
		require.Len(t, w.members(), 1)
	})
}

// What both engines write for the same delta is the same, to the letter.
func TestChangeMembersWritesTheSameOnBothEngines(t *testing.T) {
	var seen []string
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		c := w.change(nil, nil)
		c.Connection, c.Call.Connection, c.Open = membership.ID{}, membership.ID{}, w.users[:2]
		_, err := s.WriteMembers(w.ctx, c)
		require.NoError(t, err)
		c = w.change(w.users[1:3], w.users[:1])
		r, err := s.WriteMembers(w.ctx, c)
		require.NoError(t, err)
		require.Equal(t, membership.MemberResult{Opened: 2, Closed: 1, Version: 3, LastModified: c.At}, r)
		r, err = s.WriteMembers(w.ctx, c)
		require.NoError(t, err)
		require.Equal(t, membership.MemberResult{Version: 3, LastModified: c.At}, r)

		name := map[string]string{w.connection.String(): "connection"}
		for i, u := range w.users {
			name[u.String()] = fmt.Sprintf("user%d", i)
		}
		var lines []string
		for _, e := range w.events() {
			var before, after map[string]any
			require.NoError(t, json.Unmarshal(e.Before, &before))
			require.NoError(t, json.Unmarshal(e.After, &after))
			for _, m := range []map[string]any{before, after} {
				if g, ok := m["grant"].(string); ok {
					_, err := membership.ParseID(g)
					require.NoError(t, err)
					m["grant"] = "…"
				}
			}
			lines = append(lines, fmt.Sprint(e.Action, e.Actor.Kind, name[e.Actor.ID], e.Source, e.Connection == w.connection,
				name[e.User.String()], before, after, e.RequestID, e.Reason))
		}
		slices.Sort(lines)
		if seen != nil {
			require.Equal(t, seen, lines)
		}
		seen = lines
		require.Len(t, lines, 6)
	})
}

func TestChangeMembersOfManyAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.update(func(tx membership.Tx) error {
			for i := range 3000 {
				if err := w.insertUser(tx, fmt.Sprintf("many%d", i), now()); err != nil {
					return err
				}
			}
			return nil
		})
		r, err := s.WriteMembers(w.ctx, w.change(w.users[1:], w.users[:1]))
		require.NoError(t, err)
		require.Equal(t, len(w.users)-1, r.Opened)
		require.Equal(t, 1, r.Closed)
		w.update(func(tx membership.Tx) error {
			open, closed, err := tx.MemberDifference(w.ctx, w.group, w.connection, w.users[:2])
			require.NoError(t, err)
			require.Equal(t, w.users[:1], open)
			require.Len(t, closed, len(w.users)-2)
			return change(w.ctx, tx, w.change(open, closed))
		})
		require.Equal(t, w.users[:2], w.members())
	})
}

// The wanted may come in any order and more than once.
func TestMemberDifference(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		slices.SortFunc(w.users, membership.ID.Compare)
		w.update(func(tx membership.Tx) error {
			if err := change(w.ctx, tx, w.change(nil, w.members())); err != nil {
				return err
			}
			if err := change(w.ctx, tx, w.change(w.users[5:15], nil)); err != nil {
				return err
			}
			return change(w.ctx, tx, w.change(nil, w.users[7:8]))
		})
		there := slices.Concat(w.users[5:7], w.users[8:15])
		for name, tt := range map[string]struct{ want, open, closed []membership.ID }{
			"nobody":    {nil, nil, there},
			"everybody": {w.users, slices.Concat(w.users[:5], w.users[7:8], w.users[15:]), nil},
			"the same":  {there, nil, nil},
			"others":    {w.users[:3], w.users[:3], there},
			"mixed": {
				[]membership.ID{w.users[19], w.users[9], w.users[0], w.users[9], w.users[14], w.users[0]},
				[]membership.ID{w.users[0], w.users[19]},
				slices.Concat(w.users[5:7], w.users[8:9], w.users[10:14]),
			},
		} {
			w.update(func(tx membership.Tx) error {
				want := slices.Clone(tt.want)
				open, closed, err := tx.MemberDifference(w.ctx, w.group, w.connection, want)
				require.NoError(t, err)
				require.Equal(t, tt.open, open, name)
				require.Equal(t, tt.closed, closed, name)
				require.Equal(t, tt.want, want, "it is the caller's")
				return nil
			})
		}
	})
}

// Writes may travel with the next statement or with the commit: an error of one
// is the transaction's, wherever it shows.
func TestAWriteThatFailsLeavesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		event := w.change(nil, nil).Call.Event(now(), membership.ActionUserCreated, membership.ID{}, w.users[0], nil, nil)
		w.update(func(tx membership.Tx) error { return tx.AppendEvents(w.ctx, event) })
		name := func(i int) string { return fmt.Sprintf("soon%d", i) }
		look := func(tx membership.Tx) error {
			_, err := tx.UserByName(w.ctx, name(0))
			return err
		}
		for what, after := range map[string]func(membership.Tx) error{
			"at the end":   func(membership.Tx) error { return nil },
			"then a query": look,
			"then many": func(tx membership.Tx) (err error) {
				for i := range 600 {
					err = errors.Join(err, w.insertUser(tx, name(i+1), now()))
				}
				return err
			},
		} {
			err := s.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
				if err := w.insertUser(tx, name(0), now()); err != nil {
					return err
				}
				if err := tx.AppendEvents(w.ctx, event); err != nil { // it is there
					return err
				}
				return after(tx)
			})
			require.Equal(t, membership.KindUniqueness, membership.KindOf(err), "%s: %v", what, err)
			w.view(func(r membership.Reader) error {
				for i := range 2 {
					_, err := r.UserByName(w.ctx, name(i))
					require.Equal(t, membership.KindNotFound, membership.KindOf(err), what)
				}
				return nil
			})
		}
		w.update(func(tx membership.Tx) (err error) {
			for i := range 600 {
				err = errors.Join(err, w.insertUser(tx, name(i), now()))
			}
			return errors.Join(err, look(tx))
		})
	})
}

func TestHoldName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		u := membership.User{
			Tenant: w.tenant, ID: membership.NewID(), UserName: "Ada", Email: "Ada@example.com", Origin: "local", Active: true,
			CreatedAt: now(), UpdatedAt: now(),
		}
		w.update(func(tx membership.Tx) error { return tx.InsertUser(w.ctx, u) })
		hold := func(name string, emails ...string) (h membership.NameHolders) {
			w.update(func(tx membership.Tx) (err error) {
				h, err = tx.HoldName(w.ctx, w.connection, name, emails)
				return err
			})
			require.Equal(t, w.connection, h.Connection.ID)
			require.Equal(t, "okta", h.Connection.IDP)
			return h
		}
		h := hold("nobody")
		require.False(t, h.InView)
		require.True(t, h.User.ID.IsZero())
		require.Empty(t, h.ByEmail)
		h = hold("u1", "ada@example.com", "other@example.com")
		require.True(t, h.InView)
		require.Equal(t, w.users[1], h.User.ID)
		require.Equal(t, []membership.User{u}, h.ByEmail)
		h = hold("ada")
		require.False(t, h.InView)
		require.Equal(t, u, h.User)
		err := s.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
			_, err := tx.HoldName(w.ctx, membership.NewID(), "ada", nil)
			return err
		})
		require.Equal(t, membership.NotFound("connection"), err)
	})
}

// A user who is being deprovisioned is not added meanwhile, nor is a grant left
// open in a group that ends.
func TestAddsRaceWithEnds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		dir := membership.NewDirectory(s, allowAll{}, membership.Options{})
		call := w.change(nil, nil).Call
		var wg sync.WaitGroup
		for _, u := range w.users[1:] {
			wg.Go(func() {
				_, err := s.WriteMembers(w.ctx, w.change([]membership.ID{u}, nil))
				if k := membership.KindOf(err); err != nil && k != membership.KindUnknownMembers && k != membership.KindNotFound {
					t.Errorf("add: %v", err)
				}
			})
			wg.Go(func() {
				if err := dir.DeprovisionUser(w.ctx, call, u, 0); err != nil {
					t.Errorf("deprovision: %v", err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, w.users[:1], w.members())
		for _, u := range w.users[1:] {
			w.view(func(r membership.Reader) error {
				open, err := r.OpenGrants(w.ctx, membership.ID{}, u)
				require.Empty(t, open)
				return err
			})
		}
	})
}

// Two requests that make the same name at once: one makes it, the other is
// told so, and nobody sees a broken store.
func TestConcurrentCreatesOfOneName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		dir := membership.NewDirectory(s, allowAll{}, membership.Options{})
		call := w.change(nil, nil).Call
		results := make([]error, 8)
		groups := make([]error, 8)
		var wg sync.WaitGroup
		for i := range results {
			wg.Go(func() {
				_, results[i] = dir.ProvisionUser(w.ctx, call, membership.UserLink{UserName: "Same", Active: true})
			})
			wg.Go(func() {
				_, groups[i] = dir.ProvisionGroup(w.ctx, call, membership.GroupLink{DisplayName: "Same"}, membership.MemberDelta{})
			})
		}
		wg.Wait()
		for _, errs := range [][]error{results, groups} {
			made := 0
			for _, err := range errs {
				if err == nil {
					made++
				} else {
					require.Equal(t, membership.KindUniqueness, membership.KindOf(err), "%v", err)
				}
			}
			require.Equal(t, 1, made)
		}
	})
}

type allowAll struct{}

func (allowAll) Allow(context.Context, membership.Question) error { return nil }

// What was stored is what is read: text is not changed, times keep their
// microseconds, an absent time stays absent.
func TestWhatIsWrittenIsRead(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		at := time.Date(2026, 3, 1, 23, 59, 59, 123456000, time.UTC)
		doc := `{"b":1,"a":[{"z":"\u00e9","a":null}],"b2":"💥 'quoted' \\ \""}`
		in := membership.UserLink{
			Tenant: w.tenant, Connection: w.connection, User: w.users[0], ExternalID: "Ünïcode", UserName: "Ä 'x' \" \\ %_",
			Email: "a@b", Name: "𝒳", Emails: []string{"A@b", "a@B"}, Attributes: []byte(doc), Version: 7, CreatedAt: at, LastModified: at,
		}
		w.update(func(tx membership.Tx) error { return tx.UpdateUserLink(w.ctx, in) })
		w.view(func(r membership.Reader) error {
			out, err := r.UserLink(w.ctx, w.connection, w.users[0])
			require.NoError(t, err)
			in.Emails, in.CreatedAt = nil, out.CreatedAt
			require.Equal(t, in, out)
			c, err := r.Connection(w.ctx, w.connection)
			require.NoError(t, err)
			require.True(t, c.PausedAt.IsZero())
			return nil
		})
	})
}
