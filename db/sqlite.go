package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver of migrations
	"zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/scimbridge/scimbridge/membership"
)

// sqliteEngine has one connection that writes and several that cannot. Writers
// so stand in line here instead of failing at the file, and share commits.
type sqliteEngine struct {
	path        string
	write, read *sqlitePool
	probe       *sqlitePool // answers ready, however busy the others are
	writers     line[sqliteWrite]
}

// What the connections that read keep in memory together, in KiB, and each at
// least. A change of the file empties it.
const (
	sqliteReadCache    = 16 << 10
	sqliteMinReadCache = 1 << 10
	sqliteProbeCache   = 64 // of the connection that answers ready
)

// sqliteWriting are the pragmas of the connection that writes. What was committed
// goes from the log to the file when there are 4,000 pages of it (16 MB), a
// quarter as often as by default: pages that change again and again go there
// once, and a reader finds them in one part of the log's index. Should a long read
// have made the log longer, it is cut afterwards.
var sqliteWriting = []string{"cache_size(-32768)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)"}

// sqliteBusyTimeout is how long a writer waits for another process that writes.
const sqliteBusyTimeout = 5 * time.Second

// sqlitePragmas are those of every connection. synchronous=FULL: what was
// acknowledged survives a loss of power.
var sqlitePragmas = []string{"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)"}

func openSQLite(path string, o Options) (engine, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("the embedded store needs a file: sqlite:PATH")
	}
	if err := prepareSQLiteFile(path, o.MustExist, o.Logger); err != nil {
		return nil, err
	}
	w, err := newSQLitePool(path, 1, "begin immediate", sqliteWriting...)
	if err != nil {
		return nil, err
	}
	readers := max(4, runtime.NumCPU())
	cache := max(sqliteReadCache/readers, sqliteMinReadCache)
	r, err := newSQLitePool(path, readers, "begin", "query_only(1)", fmt.Sprintf("cache_size(-%d)", cache))
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	p, err := newSQLitePool(path, 1, "begin", "query_only(1)", fmt.Sprintf("cache_size(-%d)", sqliteProbeCache))
	if err != nil {
		return nil, errors.Join(err, r.close(), w.close())
	}
	e := &sqliteEngine{path: path, write: w, read: r, probe: p}
	e.writers.run = e.writeTogether
	return e, nil
}

func (e *sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) close() error {
	return errors.Join(e.probe.close(), e.read.close(), e.write.close())
}

func (e *sqliteEngine) view(ctx context.Context, _ membership.ID, fn func(querier) error) error {
	return e.read.transact(ctx, fn)
}

func (e *sqliteEngine) update(ctx context.Context, _ membership.ID, fn func(querier) error) error {
	return e.writers.do(ctx, sqliteWrite{fn: fn, undoes: true})
}

func (e *sqliteEngine) migrate(ctx context.Context, files fs.FS, inGo ...*goose.Migration) error {
	// goose asks for database/sql, and so for the driver that has it.
	wait := fmt.Sprintf("busy_timeout(%d)", sqliteBusyTimeout.Milliseconds())
	v := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{wait}, sqlitePragmas...)}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: e.path}).EscapedPath()+"?"+v.Encode())
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	// Another process may be migrating: whoever comes second fails on what the
	// first has made, and finds nothing left to do on the next try.
	for range 20 {
		var p *goose.Provider
		if p, err = goose.NewProvider(goose.DialectSQLite3, db, files, outOfOrder, goose.WithGoMigrations(inGo...)); err != nil {
			return err
		}
		if _, err = p.Up(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (e *sqliteEngine) hasColumn() string {
	return `select count(*) from pragma_table_info($1) where name = $2`
}

func (e *sqliteEngine) tenants(ctx context.Context, s *session) ([]membership.ID, error) {
	return list(ctx, s, qAllTenants, nil, func(id *membership.ID) []any { return []any{id} })
}

func (e *sqliteEngine) ready(ctx context.Context, version int64) error {
	return e.probe.transact(ctx, func(q querier) error {
		return checkSchema(ctx, q, version)
	})
}

// tryWrite sets a field of the file's header that nobody reads to what it is: the
// page is written all the same.
func (e *sqliteEngine) tryWrite(ctx context.Context) error {
	return e.update(ctx, membership.ID{}, func(q querier) error {
		_, err := q.exec(ctx, "pragma user_version = 0")
		return err
	})
}

// checkIntegrity has a connection of its own: it reads the whole file.
func (e *sqliteEngine) checkIntegrity(ctx context.Context) error {
	c, err := openSQLiteConn(e.path, "query_only(1)", fmt.Sprintf("cache_size(-%d)", sqliteMinReadCache))
	if err != nil {
		return err
	}
	defer func() { _ = c.conn.Close() }()
	c.watch(ctx)
	defer c.unwatch()
	found := "ok"
	err = sqlitex.ExecuteTransient(c.conn, "pragma quick_check(1)", &sqlitex.ExecOptions{ResultFunc: func(s *sqlite.Stmt) error {
		found = s.ColumnText(0)
		return nil
	}})
	if err == nil && found != "ok" {
		err = fmt.Errorf("%w: %s", errCorrupted, found)
	}
	return err
}

var errCorrupted = errors.New("the file is damaged")

func (e *sqliteEngine) fault(err error) string {
	if errors.Is(err, errCorrupted) {
		return reasonCorrupted
	}
	switch sqlite.ErrCode(err).ToPrimary() {
	case sqlite.ResultFull:
		return reasonDiskFull
	case sqlite.ResultReadOnly:
		return reasonReadOnly
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return reasonCorrupted
	case sqlite.ResultIOErr, sqlite.ResultCantOpen:
		return reasonUnreachable
	}
	return ""
}

func (e *sqliteEngine) class(err error) errorClass {
	switch {
	case errors.Is(err, errNeighbour):
		return classRetry
	case errors.Is(err, errBusy):
		return classUnavailable
	}
	code := sqlite.ErrCode(err) // of an error that is not SQLite's: ResultError
	switch code {
	case sqlite.ResultConstraintUnique, sqlite.ResultConstraintPrimaryKey:
		return classUnique
	case sqlite.ResultConstraintCheck: // the one there is
		return classFrozen
	}
	switch code.ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return classRetry
	case sqlite.ResultCantOpen, sqlite.ResultIOErr, sqlite.ResultFull, sqlite.ResultReadOnly, sqlite.ResultCorrupt,
		sqlite.ResultNotADB:
		return classUnavailable
	case sqlite.ResultError: // of everything that is wrong with a statement
		if err != nil && strings.Contains(err.Error(), "no such table") {
			return classNoTable
		}
	}
	return classOther
}
