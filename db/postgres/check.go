package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/scimbridge/scimbridge/db/engine"
)

// CheckSchema implements engine.Engine.
func (e *Engine) CheckSchema(ctx context.Context, version int64) error {
	return e.pool.withSpare(ctx, func(c *pgx.Conn) error { return engine.CheckSchema(ctx, conn{c}, version) })
}

// TryWrite implements engine.Engine. It writes a message into the log of the
// database that nothing reads.
func (e *Engine) TryWrite(ctx context.Context) error {
	return e.pool.withSpare(ctx, func(c *pgx.Conn) error {
		if err := writable(ctx, c.PgConn()); err != nil {
			return err
		}
		_, err := c.Exec(ctx, "select pg_logical_emit_message(true, 'scimbridge', 'ready')")
		return err
	})
}

// CheckIntegrity implements engine.Engine. PostgreSQL has amcheck for that, which
// needs a superuser.
func (e *Engine) CheckIntegrity(context.Context) error { return nil }

// Backup implements engine.Engine. What this role reads is no backup: row-level
// security shows it no tenant.
func (e *Engine) Backup(context.Context, string) error { return engine.ErrNoBackup }
