package db

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/url"
	"runtime"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/scimbridge/scimbridge/membership"
)

// sqliteEngine has one connection that writes and several that cannot. Writers
// so stand in line here instead of failing at the file, and share commits.
type sqliteEngine struct {
	path        string
	write, read *sqlitePool
	writers     line[sqliteWrite]
}

func openSQLite(ctx context.Context, path string) (engine, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("the embedded store needs a file: sqlite:PATH")
	}
	w, err := newSQLitePool(ctx, path, 1, "begin immediate", "cache_size(-32768)")
	if err != nil {
		return nil, err
	}
	r, err := newSQLitePool(ctx, path, max(4, runtime.NumCPU()), "begin", "query_only(1)")
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	e := &sqliteEngine{path: path, write: w, read: r}
	e.writers.run = e.writeTogether
	return e, nil
}

// sqliteDB opens the file. synchronous=FULL: what was acknowledged survives a
// loss of power.
func sqliteDB(path string, pragmas ...string) (*sql.DB, error) {
	v := url.Values{"_txlock": {"immediate"}, "_pragma": append([]string{
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		"cache_size(-8192)", "temp_store(MEMORY)",
	}, pragmas...)}
	return sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+v.Encode())
}

func (e *sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) close() error { return errors.Join(e.read.close(), e.write.close()) }

func (e *sqliteEngine) view(ctx context.Context, _ membership.ID, fn func(querier) error) error {
	return e.read.transact(ctx, fn)
}

func (e *sqliteEngine) update(ctx context.Context, _ membership.ID, fn func(querier) error) error {
	return e.writers.do(ctx, sqliteWrite{fn: fn, undoes: true})
}

func (e *sqliteEngine) migrate(ctx context.Context, files fs.FS) error {
	db, err := sqliteDB(e.path)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	// Another process may be migrating: whoever comes second fails on what the
	// first has made, and finds nothing left to do on the next try.
	for range 20 {
		var p *goose.Provider
		if p, err = goose.NewProvider(goose.DialectSQLite3, db, files, outOfOrder); err != nil {
			return err
		}
		if _, err = p.Up(ctx); err == nil || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

func (e *sqliteEngine) ready(ctx context.Context, version int64) error {
	return e.read.transact(ctx, func(q querier) error {
		return checkSchema(ctx, q, version)
	})
}

func (e *sqliteEngine) class(err error) errorClass {
	if errors.Is(err, errNeighbour) {
		return classRetry
	}
	var se *sqlite.Error
	if !errors.As(err, &se) {
		return classOther
	}
	switch se.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return classUnique
	case sqlite3.SQLITE_CONSTRAINT_CHECK: // the one there is
		return classFrozen
	}
	switch se.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return classRetry
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY:
		return classUnavailable
	}
	return classOther
}

func sqliteArgs(args []any, one bool) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case membership.ID:
			out[i] = a[:]
		case []membership.ID:
			if one {
				out[i] = a[0][:]
			} else {
				out[i] = hexArray(a)
			}
		case memberRows:
			out[i] = []byte(a)
		case []string:
			out[i] = jsonList(a)
		case stamp:
			out[i] = a.text()
		default:
			out[i] = a
		}
	}
	return out
}

// hexArray is a JSON array of ids in hexadecimal, for json_each and unhex.
func hexArray(ids []membership.ID) string {
	b := make([]byte, 0, 2+35*len(ids))
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = hex.AppendEncode(b, id[:])
		b = append(b, '"')
	}
	return string(append(b, ']'))
}
