package postgres

import (
	"context"
	"database/sql"
	"errors"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/scimbridge/scimbridge/db/engine"
)

// Migrate implements engine.Engine.
func (e *Engine) Migrate(ctx context.Context, files fs.FS, inGo ...*goose.Migration) error {
	return e.migrations(files, inGo, func(db *sql.DB, p *goose.Provider) error {
		return locked(ctx, db, func(c *sql.Conn) error {
			citus := false
			if err := c.QueryRowContext(ctx, qHasCitus).Scan(&citus); err != nil {
				return err
			}
			if e.mustCitus && !citus {
				return errNoCitus
			}
			if _, err := p.Up(ctx); err != nil || !citus {
				return err
			}
			version, err := p.GetDBVersion(ctx)
			if err != nil || version < FirstDistributed {
				return err
			}
			return distribute(ctx, c)
		})
	})
}

// Pending implements engine.Engine.
func (e *Engine) Pending(ctx context.Context, files fs.FS, inGo ...*goose.Migration) (names []string, err error) {
	err = e.migrations(files, inGo, func(_ *sql.DB, p *goose.Provider) error {
		names, err = engine.Pending(ctx, p)
		return err
	})
	return names, err
}

func (e *Engine) migrations(files fs.FS, inGo []*goose.Migration, do func(*sql.DB, *goose.Provider) error) error {
	// A migration takes the time and the locks that it needs.
	c := e.pool.main.Config().ConnConfig.Copy()
	c.Tracer = nil
	db := stdlib.OpenDB(*c, stdlib.OptionAfterConnect(e.pool.beginMigration))
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, engine.OutOfOrder, goose.WithGoMigrations(inGo...))
	if err != nil {
		return err
	}
	return do(db, p)
}

// locked runs do under the lock of goose, which programs of before take as well, and on
// the connection that holds it.
func locked(ctx context.Context, db *sql.DB, do func(*sql.Conn) error) (err error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600)) // every second, ten minutes
	if err != nil {
		return err
	}
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	if err := locker.SessionLock(ctx, c); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), c)) }()
	return do(c)
}
