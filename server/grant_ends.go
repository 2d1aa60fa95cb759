package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	// endEvery is how soon a local grant that has ended is closed. No read waits for it.
	endEvery = 2 * time.Second
	// endBatch bounds one step of a tenant, in grants; endTenants bounds a round.
	endBatch, endTenants = 500, 1000
)

// grantEnds closes local grants at their end and gives notice of ends, in the
// background. Several servers may run one on one store: what one has closed the others
// do not find.
type grantEnds struct {
	store     *db.Store
	directory *membership.Directory
	log       *zap.Logger
}

// Run looks for ends until ctx ends.
func (e *grantEnds) Run(ctx context.Context) {
	tick := time.NewTicker(endEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := e.round(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("grants that have ended could not be looked for", zap.Error(err))
		}
	}
}

// round takes a step for each tenant in turn, until none has more to do. After a step it
// rests as long as that took: others write at least as much.
func (e *grantEnds) round(ctx context.Context) error {
	ending := func(ctx context.Context) ([]membership.ID, error) {
		return e.store.TenantsEnding(ctx, e.directory.Now(), endTenants)
	}
	return inTurns(ctx, ending, endEvery, func(tenant membership.ID) (more bool, err error) {
		began := time.Now()
		if more, err = e.directory.CloseEnded(ctx, tenant, endBatch); err != nil && ctx.Err() == nil {
			e.log.Warn("the grants of a tenant that have ended cannot be closed now",
				zap.Stringer("tenant_id", tenant), zap.Error(err))
			more = false
		}
		if !more {
			return false, ctx.Err()
		}
		rest(ctx, time.Since(began))
		return true, ctx.Err()
	})
}
