package server

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
)

// OpenStore opens the configured store and brings its schema up to date. made
// says that there was none.
func OpenStore(ctx context.Context, c config.Config, o db.Options) (store *db.Store, made bool, err error) {
	store, err = db.Open(ctx, string(c.DatabaseURL), o)
	if err != nil {
		return nil, false, fmt.Errorf("cannot open the store %s: %w", StoreName(c), err)
	}
	made = errors.Is(store.CheckSchema(ctx), db.ErrNoStore)
	if err := store.Migrate(ctx); err != nil {
		_ = store.Close() // the reason is the migration
		return nil, false, fmt.Errorf("the store %s: %w", StoreName(c), err)
	}
	return store, made, nil
}

// StoreName is the database URL for people: without its password, and of a file
// the whole path, since a store in another folder looks like an empty one.
func StoreName(c config.Config) string {
	if path, embedded := c.DatabaseURL.File(); embedded {
		if whole, err := filepath.Abs(path); err == nil {
			return "sqlite:" + whole
		}
	}
	return c.DatabaseURL.String()
}

// storePause is how long serve waits before it tries again to open a store that
// does not answer.
const storePause = time.Second

// awaitStore is OpenStore for a server, which may come up before its database.
// What waiting cannot mend, such as a wrong password, is an error at once.
func awaitStore(ctx context.Context, c config.Config, tracer db.Tracer, log *zap.Logger) (*db.Store, error) {
	for said := false; ; said = true {
		store, made, err := OpenStore(ctx, c, db.Options{Logger: log, Tracer: tracer})
		if made {
			log.Info("made the store", zap.String("store", StoreName(c)))
		}
		if err == nil || !db.IsUnavailable(err) || ctx.Err() != nil {
			return store, err
		}
		if !said {
			log.Warn("waiting for the database", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(storePause):
		}
	}
}

// checkStore looks for damage in the store, once: a damaged page shows only when
// it is read.
func (s *Server) checkStore(ctx context.Context) {
	if err := s.store.CheckIntegrity(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("the store is damaged: restore a backup", zap.Error(err))
	}
}
