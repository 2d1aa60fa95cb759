package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// removeBodies removes the captured bodies of a tenant that are not kept any more.
func (k *RequestKeeper) removeBodies(ctx context.Context, tenant membership.ID, now time.Time) error {
	bodies, err := k.kept.KeptBodies(ctx, tenant)
	if err != nil || len(bodies) == 0 {
		return err
	}
	var windows []membership.Capture
	if err := k.store.Read(ctx, tenant, func(r membership.Reader) (err error) {
		windows, err = r.Captures(ctx)
		return err
	}); err != nil {
		return err
	}
	return k.kept.RemoveBodiesOf(ctx, tenant, membership.EndedBodies(windows, bodies, now))
}

// removeCaptures does so until ctx ends where this server keeps no requests: the log is
// off, or could not be opened when it started.
func removeCaptures(ctx context.Context, c config.Config, store *db.Store, log *zap.Logger) {
	tick := time.NewTicker(removeEvery)
	defer tick.Stop()
	for {
		if err := removeCapturesOf(ctx, c, store, time.Now()); err != nil && ctx.Err() == nil {
			log.Warn("captured bodies whose time is over could not be removed", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// removeCapturesOf removes those of all tenants from a log that no keeper has open.
func removeCapturesOf(ctx context.Context, c config.Config, store *db.Store, now time.Time) error {
	k, err := existingRequests(ctx, c, store)
	if k == nil {
		return err // or there are none
	}
	defer k.kept.Close() //nolint:errcheck // everything is committed, or there is an error to return
	k.store = store
	return k.eachTenant(ctx, func(tenant membership.ID) error { return k.removeBodies(ctx, tenant, now) })
}
