package server

import (
	"context"
	"fmt"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
)

// OpenStore opens the configured store and brings its schema up to date.
func OpenStore(ctx context.Context, c config.Config, log *zap.Logger) (*db.Store, error) {
	store, err := db.Open(ctx, string(c.DatabaseURL), db.Options{Logger: log})
	if err != nil {
		return nil, fmt.Errorf("cannot open the store %s: %w", c.DatabaseURL, err)
	}
	if err := store.Migrate(ctx); err != nil {
		_ = store.Close() // the reason is the migration
		return nil, fmt.Errorf("the store %s: %w", c.DatabaseURL, err)
	}
	return store, nil
}
