package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"io/fs"
	"net/url"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver of migrations

	"github.com/scimbridge/scimbridge/db/engine"
)

// Migrate implements engine.Engine.
func (e *Engine) Migrate(ctx context.Context, files fs.FS, inGo ...*goose.Migration) error {
	// Another process may be migrating: the second fails on what the first
	// has made, and finds nothing left to do on the next try.
	return e.migrations(files, inGo, func(p *goose.Provider) (err error) {
		for range 20 {
			if _, err = p.Up(ctx); err == nil || ctx.Err() != nil {
				return err
			}
			time.Sleep(100 * time.Millisecond)
		}
		return err
	})
}

// Pending implements engine.Engine.
func (e *Engine) Pending(ctx context.Context, files fs.FS, inGo ...*goose.Migration) (names []string, err error) {
	err = e.migrations(files, inGo, func(p *goose.Provider) (err error) {
		names, err = engine.Pending(ctx, p)
		return err
	})
	return names, err
}

func (e *Engine) migrations(files fs.FS, inGo []*goose.Migration, do func(*goose.Provider) error) error {
	// goose asks for database/sql, and so for the driver that has it.
	wait := fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds())
	v := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{wait}, commonPragmas...)}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: e.file.path}).EscapedPath()+"?"+v.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, engine.OutOfOrder, goose.WithGoMigrations(inGo...))
	if err != nil {
		return err
	}
	return do(p)
}
