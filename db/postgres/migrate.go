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
	return e.migrations(files, inGo, func(p *goose.Provider) error {
		_, err := p.Up(ctx)
		return err
	})
}

// Pending implements engine.Engine.
func (e *Engine) Pending(ctx context.Context, files fs.FS, inGo ...*goose.Migration) (names []string, err error) {
	err = e.migrations(files, inGo, func(p *goose.Provider) error {
		names, err = engine.Pending(ctx, p)
		return err
	})
	return names, err
}

func (e *Engine) migrations(files fs.FS, inGo []*goose.Migration, do func(*goose.Provider) error) error {
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
	return do(p)
}
