package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func (w *tenant) local(u membership.ID, add bool, judge func(membership.MemberState) error) membership.MemberChange {
	c := membership.MemberChange{
		Call: membership.Call{Tenant: w.tenant, RequestID: "r", Actor: membership.Actor{Kind: membership.ActorUser, ID: "u"}},
		At:   now(), Group: w.group, Judge: judge,
	}
	if add {
		c.Open = []membership.ID{u}
	} else {
		c.Close = []membership.ID{u}
	}
	return c
}

func passes(membership.MemberState) error { return nil }

// What is judged is what is there, and what is refused was not written.
func TestJudgedChange(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		var seen membership.MemberState
		judge := func(err error) func(membership.MemberState) error {
			return func(st membership.MemberState) error { seen = st; return err }
		}
		refused := &membership.Error{Kind: membership.KindAlreadyMember, Message: "no"}
		r, err := s.WriteMembers(w.ctx, w.local(w.users[0], true, judge(refused)))
		require.Equal(t, refused, err)
		require.Zero(t, r)
		require.Equal(t, w.group, seen.Group.ID)
		require.Equal(t, w.users[0], seen.User.ID)
		require.Len(t, seen.Member.Sources, 1)

		r, err = s.WriteMembers(w.ctx, w.local(w.users[0], true, passes))
		require.NoError(t, err)
		require.Equal(t, 1, r.Opened)
		require.Len(t, r.Member.Sources, 2)
		require.Equal(t, seen.Member.JoinedAt, r.Member.JoinedAt)

		_, err = s.WriteMembers(w.ctx, w.local(membership.NewID(), true, judge(nil)))
		require.Equal(t, membership.KindUnknownMembers, membership.KindOf(err))
		require.True(t, seen.User.ID.IsZero())
		require.Empty(t, seen.Member.Sources)

		r, err = s.WriteMembers(w.ctx, w.local(w.users[0], false, judge(nil)))
		require.NoError(t, err)
		require.Equal(t, 1, r.Closed)
		require.Len(t, seen.Member.Sources, 2)
		require.Equal(t, w.users[:1], w.members(), "the connection's stays")

		elsewhere := w.local(w.users[0], true, judge(membership.NotFound("group")))
		elsewhere.Group = membership.NewID()
		_, err = s.WriteMembers(w.ctx, elsewhere)
		require.Equal(t, membership.NotFound("group"), err)
		require.True(t, seen.Group.ID.IsZero())
	})
}

// Those who share a transaction are answered each for itself.
func TestNeighboursOfALocalChange(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		c := w.hold(w.lockGroup)
		var mu sync.Mutex
		errs := map[string]error{}
		gone, cancel := context.WithCancel(w.ctx)
		start := func(name string, ctx context.Context, l membership.MemberChange) { //nolint:revive // the name comes first
			c.calls.Go(func() {
				_, err := s.WriteMembers(ctx, l)
				mu.Lock()
				defer mu.Unlock()
				errs[name] = err
			})
		}
		start("first", w.ctx, w.local(w.users[1], true, passes))
		time.Sleep(50 * time.Millisecond) // it leads; the others wait for it
		no := errors.New("no")
		for i := range 6 {
			start(fmt.Sprint("add", i), w.ctx, w.local(w.users[2+i], true, passes))
		}
		start("refused", w.ctx, w.local(w.users[10], true, func(membership.MemberState) error {
			return &membership.Error{Kind: membership.KindForbidden, Message: "no"}
		}))
		start("broken", w.ctx, w.local(w.users[11], true, func(membership.MemberState) error { return no }))
		start("unknown", w.ctx, w.local(membership.NewID(), true, passes))
		start("stranger", w.ctx, w.local(w.users[12], false, passes))
		start("gone", gone, w.local(w.users[13], true, passes))
		time.Sleep(50 * time.Millisecond)
		cancel()
		c.letGo()

		for i := range 6 {
			require.NoError(t, errs[fmt.Sprint("add", i)])
		}
		require.NoError(t, errs["first"])
		require.NoError(t, errs["stranger"])
		assert.Equal(t, membership.KindForbidden, membership.KindOf(errs["refused"]))
		require.ErrorIs(t, errs["broken"], no)
		assert.Equal(t, membership.KindUnknownMembers, membership.KindOf(errs["unknown"]))
		require.ErrorIs(t, errs["gone"], context.Canceled)
		w.view(func(r membership.Reader) error {
			for i, u := range w.users[1:] {
				_, err := r.Member(w.ctx, w.group, u)
				assert.Equal(t, i < 7, err == nil, "user %d", i+1)
			}
			return nil
		})
		assert.Zero(t, s.Queues(), "an idle queue is nothing")
	})
}

// Many add and remove the same few users: whoever was told of a change made it.
func TestLocalChangesOfTheSameUsers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		dir := membership.NewDirectory(s, allowAll{}, membership.Options{})
		call := w.local(membership.ID{}, true, nil).Call
		var wg sync.WaitGroup
		var mu sync.Mutex
		balance := map[membership.ID]int{}
		for i := range 12 {
			wg.Go(func() {
				for n := range 12 {
					u := w.users[1+(i+n)%3]
					var err error
					change := 1
					if (i+n)%2 == 0 {
						_, err = dir.AddMember(w.ctx, call, w.group, u, false)
					} else {
						change = -1
						_, err = dir.RemoveMember(w.ctx, call, w.group, u)
					}
					switch k := membership.KindOf(err); {
					case err == nil:
						mu.Lock()
						balance[u] += change
						mu.Unlock()
					case change == 1 && k == membership.KindAlreadyMember, change == -1 && k == membership.KindNotFound:
					default:
						t.Errorf("%v", err)
					}
				}
			})
		}
		wg.Wait()
		w.view(func(r membership.Reader) error {
			for u, n := range balance {
				_, err := r.Member(w.ctx, w.group, u)
				require.Equal(t, n == 1, err == nil, "%d", n)
			}
			return nil
		})
	})
}
