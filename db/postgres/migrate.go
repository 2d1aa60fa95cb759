package postgres

import (
	"context"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/scimbridge/scimbridge/db/engine"
)

// Migrate implements engine.Engine.
func (e *Engine) Migrate(ctx context.Context, files fs.FS, inGo ...*goose.Migration) error {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600)) // every second, ten minutes
	if err != nil {
		return err
	}
	// A migration takes the time and the locks that it needs.
	db := stdlib.OpenDB(*e.pool.main.Config().ConnConfig)
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker), engine.OutOfOrder,
		goose.WithGoMigrations(inGo...))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}
