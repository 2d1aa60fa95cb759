package server

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
)

// keptWhereOff is how long requests stay that were written before the log was switched
// off: as long as the default keeps them.
const keptWhereOff = 30 * 24 * time.Hour

// removeWhereOff removes until ctx ends what is too old, where this server keeps no
// requests: the log is off, or could not be opened when it started.
func removeWhereOff(ctx context.Context, c config.Config, store *db.Store, log *zap.Logger) {
	tick := time.NewTicker(removeEvery)
	defer tick.Stop()
	for {
		if err := removeOldWhereOff(ctx, c, store, time.Now()); err != nil && ctx.Err() == nil {
			log.Warn("what is too old could not be removed from the request log", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// removeOldWhereOff removes from a log that no keeper has open old requests, captured
// bodies whose time is over, and the keys of erased persons.
func removeOldWhereOff(ctx context.Context, c config.Config, store *db.Store, now time.Time) error {
	k, err := existingRequests(ctx, c, store)
	if k == nil {
		return err // or there are none
	}
	defer k.kept.Close() //nolint:errcheck // everything is committed, or there is an error to return
	k.store = store
	age := c.RequestLog
	if age == 0 {
		age = keptWhereOff
	}
	return k.RemoveOld(ctx, now, now.Add(-age))
}
