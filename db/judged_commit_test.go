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

// Those who share a transaction are answered each for itself.
func TestLocalChangesInASharedCommit(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		c := w.hold(w.lockGroup)
		var mu sync.Mutex
		errs := map[string]error{}
		gone, cancel := context.WithCancel(w.Ctx)
		start := func(
			name string, ctx context.Context, l membership.MemberChange,
		) { //nolint:revive // the name comes first
			c.calls.Go(func() {
				_, err := s.WriteMembers(ctx, l)
				mu.Lock()
				defer mu.Unlock()
				errs[name] = err
			})
		}
		start("first", w.Ctx, w.Local(w.Users[1], true, dbtest.Passes))
		time.Sleep(50 * time.Millisecond) // it runs; the others wait for it
		no := errors.New("no")
		for i := range 6 {
			start(fmt.Sprint("add", i), w.Ctx, w.Local(w.Users[2+i], true, dbtest.Passes))
		}
		start("refused", w.Ctx, w.Local(w.Users[10], true, func(membership.MemberState) error {
			return &membership.Error{Kind: membership.KindForbidden, Message: "no"}
		}))
		start("broken", w.Ctx, w.Local(w.Users[11], true, func(membership.MemberState) error { return no }))
		start("unknown", w.Ctx, w.Local(membership.NewID(), true, dbtest.Passes))
		start("stranger", w.Ctx, w.Local(w.Users[12], false, dbtest.Passes))
		start("gone", gone, w.Local(w.Users[13], true, dbtest.Passes))
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
		w.Read(func(r membership.Reader) error {
			for i, u := range w.Users[1:] {
				_, err := r.Member(w.Ctx, w.Group, u)
				assert.Equal(t, i < 7, err == nil, "user %d", i+1)
			}
			return nil
		})
		assert.Zero(t, s.Queues(), "an idle queue is nothing")
	})
}
