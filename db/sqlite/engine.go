// Package sqlite is the embedded engine: one file, one connection that writes and
// several that read. Writers share transactions through a group-commit queue.
package sqlite

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// Engine implements engine.Engine. Writers wait in its queue instead of failing
// at the file.
type Engine struct {
	file        file
	write, read *pool
	probe       *pool // answers CheckSchema, however busy the others are
	back        *pool // of WriteBack
	writes      engine.Queue[Write]
	isLog       bool // Options.Log
	tracer      engine.Tracer
}

var _ engine.Engine = (*Engine)(nil)

// What the connections that read keep in memory together, in KiB, and each at
// least. A change of the file empties it.
const (
	readCache    = 16 << 10
	minReadCache = 1 << 10
	probeCache   = 64 // of those that answer CheckSchema and copy the log into the file
)

// writePragmas are those of the connection that writes. What was committed goes
// from the log to the file when there are 4,000 pages of it (16 MB), a quarter as
// often as by default: pages that change again and again go there once, and a
// reader finds them in one part of the log's index. Should a long read have made
// the log longer, it is cut afterwards.
var writePragmas = []string{"cache_size(-32768)", "wal_autocheckpoint(4000)", "journal_size_limit(67108864)"}

// busyTimeout is how long a writer waits for another process that writes.
const busyTimeout = 5 * time.Second

// commonPragmas are those of every connection. synchronous=FULL: what was
// acknowledged survives a loss of power.
// What is deleted or changed is overwritten in its page, and free pages are: erased
// means that the file does not have it (scrub.go).
var commonPragmas = []string{
	"journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)", "secure_delete(1)",
}

// Options of an engine.
type Options struct {
	Logger *zap.Logger
	// MustExist makes the error engine.ErrNoStore where the file is missing, instead
	// of making it.
	MustExist bool
	// Log: what was written last may be lost with the power, and few read.
	Log bool
	// Tracer makes spans of statements; nil: there are none.
	Tracer engine.Tracer
	// Copy opens a copy that no program uses, such as a backup, for reading: neither it
	// nor anything beside it is changed.
	Copy bool
}

// logPragmas are those of the connection that writes a log: nothing waits for the
// disk but the copy into the file.
var logPragmas = []string{
	"cache_size(-8192)", "synchronous(NORMAL)", "wal_autocheckpoint(8000)", "journal_size_limit(67108864)",
}

const logReaders = 2

// Open opens the file of a path.
func Open(path string, o Options) (*Engine, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("the embedded store needs a file: sqlite:PATH")
	}
	f := file{path: path, isCopy: o.Copy}
	if o.Copy {
		if err := f.checkCopy(o.Logger); err != nil {
			return nil, err
		}
	} else if err := prepareFile(path, o.MustExist, o.Logger); err != nil {
		return nil, err
	}
	pragmas := writePragmas
	readers := max(4, 2*runtime.NumCPU()) // half of them keep the processors busy: one tenant has no more
	if o.Log {
		pragmas, readers = logPragmas, logReaders
	}
	w, err := newPool(f, 1, "begin immediate", pragmas...)
	if err != nil {
		return nil, err
	}
	cache := max(readCache/readers, minReadCache)
	r, err := newPool(f, readers, "begin", "query_only(1)", fmt.Sprintf("cache_size(-%d)", cache))
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	p, err := newPool(f, 1, "begin", "query_only(1)", fmt.Sprintf("cache_size(-%d)", probeCache))
	if err != nil {
		return nil, errors.Join(err, r.close(), w.close())
	}
	b, err := newPool(f, 1, "begin", fmt.Sprintf("cache_size(-%d)", probeCache))
	if err != nil {
		return nil, errors.Join(err, p.close(), r.close(), w.close())
	}
	w.tracer = o.Tracer
	e := &Engine{file: f, write: w, read: r, probe: p, back: b, isLog: o.Log, tracer: o.Tracer}
	e.writes.Run = e.writeBatch
	return e, nil
}

// Name implements engine.Engine.
func (e *Engine) Name() string { return "sqlite" }

// ReadConnections implements engine.Engine.
func (e *Engine) ReadConnections() int { return cap(e.read.slots) }

// Dialect implements engine.Engine.
func (e *Engine) Dialect() engine.Dialect {
	return engine.Dialect{
		HasColumn: `select count(*) from pragma_table_info($1) where name = $2`,
		OneWriter: true,
	}
}

// Close implements engine.Engine.
func (e *Engine) Close() error {
	return errors.Join(e.probe.close(), e.back.close(), e.read.close(), e.write.close())
}

// Read implements engine.Engine.
func (e *Engine) Read(ctx context.Context, _ membership.ID, fn func(engine.Tx) error) error {
	return e.read.transact(ctx, func(c *conn) error { return fn(e.traced(ctx, c)) })
}

// ReadAtOnce implements engine.Engine.
func (e *Engine) ReadAtOnce(ctx context.Context, _ membership.ID, qs ...engine.Query) error {
	qs, end := engine.TracedQueries(ctx, e.tracer, qs, expand)
	err := e.read.readAtOnce(ctx, qs)
	end(err)
	return err
}

// expand is made once: a method as a value costs memory.
var expand = listWords.Expand

// traced is a transaction with a span for each statement, where these are recorded.
func (e *Engine) traced(ctx context.Context, t engine.Tx) engine.Tx {
	return engine.Traced(ctx, e.tracer, t, expand)
}

// Update implements engine.Engine.
func (e *Engine) Update(ctx context.Context, _ membership.ID, fn func(engine.Tx) error) error {
	// A savepoint keeps a copy of every page. A log has few writers, and carries
	// out once more what fails there with another.
	return e.Write(ctx, Write{Run: func(t engine.Tx, _ *Versions) error { return fn(t) }, Savepoint: !e.isLog})
}
