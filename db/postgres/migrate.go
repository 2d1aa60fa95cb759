package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
			if citus && !e.maySpread {
				if err := beginsOnNodes(ctx, c); err != nil {
					return err
				}
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

// beginsOnNodes is an error where a store of one machine would be spread over the nodes of
// Citus: that takes long, and who owns the tables is not held by row-level security then.
func beginsOnNodes(ctx context.Context, c *sql.Conn) error {
	var there, distributed bool
	if err := c.QueryRowContext(ctx, qHasStore).Scan(&there); err != nil || !there {
		return err
	}
	if err := c.QueryRowContext(ctx, qIsDistributed).Scan(&distributed); err != nil || distributed {
		return err
	}
	return errNotSpread
}

// Pending implements engine.Engine.
func (e *Engine) Pending(ctx context.Context, files fs.FS, inGo ...*goose.Migration) (names []string, err error) {
	err = e.migrations(files, inGo, func(db *sql.DB, p *goose.Provider) error {
		if names, err = engine.Pending(ctx, p); err != nil {
			return err
		}
		c, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		n, err := e.tablesToSpread(ctx, c)
		if n > 0 {
			names = append(names, fmt.Sprintf("of %d tables to the nodes of Citus", n))
		}
		return errors.Join(err, c.Close())
	})
	return names, err
}

// tablesToSpread is how many tables there are that migrate would distribute.
func (e *Engine) tablesToSpread(ctx context.Context, c *sql.Conn) (n int, err error) {
	var citus bool
	if err := c.QueryRowContext(ctx, qHasCitus).Scan(&citus); err != nil {
		return 0, err
	}
	if !citus {
		if e.mustCitus {
			return 0, errNoCitus
		}
		return 0, nil
	}
	d := distribution{ctx: ctx, conn: c}
	tables, err := d.tables()
	for _, t := range tables {
		if !t.distributed {
			n++
		}
	}
	return n, err
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
