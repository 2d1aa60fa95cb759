package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	// dropEvery is how often what has expired is looked for, in all tenants; dropFirst
	// when for the first time. dropBatch of a kind go in one transaction.
	dropEvery, dropFirst = time.Hour, time.Minute
	dropBatch            = 500
	// dropTenants are read at once.
	dropTenants = 100
)

// dropExpired deletes what has expired until ctx ends: credentials of OAuth clients,
// assertions, sessions, answers that are kept for an Idempotency-Key, what the removal
// guard counted. What comes deletes some of it as well, so what is left is of tenants where
// nothing comes any more, or less than before.
// Servers that share a store all do it: whatever is gone is no work. The time between two
// transactions is that of the first of them, so that half of the time is others'.
func (s *Server) dropExpired(ctx context.Context) {
	for pause := dropFirst; ; pause = dropEvery {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if err := dropExpiredOf(ctx, s.store, time.Now()); err != nil && ctx.Err() == nil {
			s.log.Warn("what has expired could not be deleted", zap.Error(err))
		}
	}
}

// dropExpiredOf does so once, in all tenants.
func dropExpiredOf(ctx context.Context, store *db.Store, now time.Time) error {
	var last membership.ID
	for {
		tenants, err := store.Tenants(ctx, last, dropTenants)
		if err != nil || len(tenants) == 0 {
			return err
		}
		for _, t := range tenants {
			last = t.ID
			if err := dropExpiredOfTenant(ctx, store, t.ID, now); err != nil {
				return err
			}
		}
	}
}

func dropExpiredOfTenant(ctx context.Context, store *db.Store, tenant membership.ID, now time.Time) error {
	for _, drop := range []func() (bool, error){
		func() (bool, error) { return auth.DropEnded(ctx, store, tenant, now, dropBatch) },
		func() (bool, error) { return membership.DropExpiredReservations(ctx, store, tenant, now) },
		func() (bool, error) { return membership.DropOldRemovals(ctx, store, tenant, now, dropBatch) },
	} {
		for more := true; more; {
			began := time.Now()
			var err error
			if more, err = drop(); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Since(began)):
			}
		}
	}
	return nil
}
