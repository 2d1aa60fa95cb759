package db_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

var byAddress = membership.Sort{Attribute: membership.Attribute{Name: "emails", Sub: "value"}}

// scan runs a query that no index answers, then inside, in one transaction.
func (w *tenant) scan(ctx context.Context, inside func() error) error {
	return w.store.Read(ctx, w.ID, func(r membership.Reader) error {
		if _, err := r.UserLinks(ctx, w.Connection,
			membership.LinkQuery{Sort: byAddress, Limit: 1, Resources: dbtest.Resources{}}); err != nil {
			return err
		}
		return inside()
	})
}

// One scan of a tenant runs, a few wait, the others are told to; lookups, and
// other tenants, wait for none of them.
func TestScansAreLimited(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		busy, quiet := newTenant(t, s), newTenant(t, s)
		release := make(chan struct{})
		running := make(chan struct{}, db.ScansOfTenant)
		errs := make(chan error, 2*db.ScansOfTenant)
		var all sync.WaitGroup
		start := func() {
			all.Go(func() {
				errs <- busy.scan(busy.Ctx, func() error {
					running <- struct{}{}
					<-release
					return nil
				})
			})
		}
		start()
		<-running
		for range 2*db.ScansOfTenant - 1 {
			start()
		}
		for range db.ScansOfTenant { // while the others wait
			require.Equal(t, membership.KindRateLimited, membership.KindOf(<-errs))
		}
		require.Empty(t, running, "one at a time")

		ctx, cancel := context.WithTimeout(quiet.Ctx, 5*time.Second)
		defer cancel()
		for _, w := range []*tenant{busy, quiet} {
			require.NoError(t, s.Read(ctx, w.ID, func(r membership.Reader) error {
				_, err := r.UserLink(ctx, w.Connection, w.Users[0])
				return err
			}))
		}
		require.NoError(t, quiet.scan(ctx, func() error { return nil }))
		gone, giveUp := context.WithCancel(busy.Ctx)
		giveUp()
		require.ErrorIs(t, busy.scan(gone, func() error { return nil }), context.Canceled)

		close(release)
		all.Wait()
		for range db.ScansOfTenant {
			require.NoError(t, <-errs)
		}
		require.NoError(t, busy.scan(busy.Ctx, func() error { return nil }), "the slots were given back")
	})
}

// A scan that takes too long ends, on both engines, and the slot is free again.
func TestScansEnd(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		undo := db.SetScanTime(0)
		defer undo()
		var err error
		for range 100 { // the first may be over before it is ended
			if err = w.scan(w.Ctx, func() error { time.Sleep(time.Millisecond); return nil }); err != nil {
				break
			}
		}
		require.Equal(t, membership.KindTooMany, membership.KindOf(err), err)
		undo()
		require.NoError(t, w.scan(w.Ctx, func() error { return nil }))
		failed := errors.New("failed")
		require.ErrorIs(t, w.scan(w.Ctx, func() error { return failed }), failed)
		require.NoError(t, w.scan(w.Ctx, func() error { return nil }))
	})
}

// What writes needs no slot.
func TestWritersScanWithoutASlot(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.Update(func(tx membership.Tx) error {
			_, err := tx.UserLinks(w.Ctx, w.Connection,
				membership.LinkQuery{Sort: byAddress, Limit: 1, Resources: dbtest.Resources{}})
			return err
		})
	})
}
