package sqlite

import (
	"context"
	"fmt"

	zombiezen "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// CheckSchema implements engine.Engine.
func (e *Engine) CheckSchema(ctx context.Context, version int64) error {
	return e.probe.transact(ctx, func(c *conn) error { return engine.CheckSchema(ctx, c, version) })
}

// TryWrite implements engine.Engine. It sets a field of the file's header that
// nothing reads to what it is: the page is written all the same.
func (e *Engine) TryWrite(ctx context.Context) error {
	return e.Update(ctx, membership.ID{}, func(t engine.Tx) error {
		_, err := t.Exec(ctx, "pragma user_version = 0")
		return err
	})
}

// CheckIntegrity implements engine.Engine. It has a connection of its own: it
// reads the whole file.
func (e *Engine) CheckIntegrity(ctx context.Context) error { return e.file.checkIntegrity(ctx) }

// checkIntegrity reads all pages; of a copy, which makes none wait, it also holds
// the indexes against the tables.
func (f file) checkIntegrity(ctx context.Context) error {
	c, err := openConn(f, "query_only(1)", fmt.Sprintf("cache_size(-%d)", minReadCache))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	c.watch(ctx)
	defer c.unwatch()
	check, found := "pragma quick_check(1)", "ok"
	if f.isCopy {
		check = "pragma integrity_check(1)"
	}
	err = sqlitex.ExecuteTransient(c.Conn, check, &sqlitex.ExecOptions{ResultFunc: func(s *zombiezen.Stmt) error {
		found = s.ColumnText(0)
		return nil
	}})
	if err == nil && found != "ok" {
		err = fmt.Errorf("%w: %s", errCorrupted, found)
	}
	return c.failed(err)
}
