package sqlite

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	zombiezen "zombiezen.com/go/sqlite"

	"github.com/scimbridge/scimbridge/db/engine"
)

// conn is one connection and the statements that it has prepared. It runs one
// transaction at a time, and is an engine.Tx for it.
type conn struct {
	*zombiezen.Conn
	prepared map[statement]*prepared

	ctx  context.Context //nolint:containedctx // of the transaction under way
	stop func() bool     // ends the watch over ctx; nil: ctx has no end
	done chan struct{}   // closed, it interrupts what runs
}

// prepared is a statement and which argument, from 0, each of its parameters is:
// SQLite numbers them as they come.
type prepared struct {
	*zombiezen.Stmt
	args   []int
	cached bool
	large  bool // an argument takes much memory
}

// maxPrepared bounds the statements that one connection keeps: the texts of
// filters differ without end.
const maxPrepared = 256

// largeArgument is the bytes that an argument may take between two runs of its
// statement.
const largeArgument = 16 << 10

// openConn opens the file.
func openConn(f file, pragmas ...string) (*conn, error) {
	opened, err := f.open()
	if err != nil {
		return nil, err
	}
	opened.SetBusyTimeout(busyTimeout)
	c := &conn{Conn: opened, prepared: make(map[statement]*prepared)}
	if !f.isCopy && !f.isNew {
		pragmas = slices.Concat(commonPragmas, pragmas)
	}
	for _, p := range pragmas {
		if err := c.setPragma(p); err != nil {
			_ = c.Close()
			return nil, err
		}
	}
	if err := c.addFunctions(); err != nil {
		_ = c.Close()
		return nil, err
	}
	c.interruptible()
	return c, nil
}

// openTimeout is how long opening waits for another process that makes the same
// store.
const openTimeout = 20 * time.Second

// setPragma tries again while another process has the file locked: SQLite does
// not always wait before it makes the write-ahead log of a new file, and a slow
// disk takes longer than the busy timeout to make the tables.
func (c *conn) setPragma(p string) error {
	const pause = 10 * time.Millisecond
	for end := time.Now().Add(openTimeout); ; time.Sleep(pause) {
		err := c.runOnce("pragma " + p)
		if zombiezen.ErrCode(err).ToPrimary() != zombiezen.ResultBusy || time.Now().After(end) {
			return err
		}
	}
}

// runOnce runs a statement that is not kept.
func (c *conn) runOnce(q string) error {
	st, _, err := c.PrepareTransient(q)
	if err != nil {
		return err
	}
	defer func() { _ = st.Finalize() }()
	for more := true; more; {
		if more, err = st.Step(); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) interruptible() {
	c.done = make(chan struct{})
	c.SetInterrupt(c.done)
}

// watch lets the end of ctx interrupt what runs.
func (c *conn) watch(ctx context.Context) {
	c.ctx = ctx
	if ctx.Done() != nil {
		done := c.done
		c.stop = context.AfterFunc(ctx, func() { close(done) })
	}
}

func (c *conn) unwatch() {
	if c.stop != nil && !c.stop() {
		<-c.done
		c.interruptible()
	}
	c.ctx, c.stop = nil, nil
}

// failed is the error of a statement: when the caller gave up it is that.
func (c *conn) failed(err error) error {
	if zombiezen.ErrCode(err).ToPrimary() == zombiezen.ResultInterrupt && c.ctx != nil && c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	return err
}

// prepare returns a statement, which is the caller's to finish.
func (c *conn) prepare(q string, single bool) (*prepared, error) {
	key := statement{q, single}
	if p := c.prepared[key]; p != nil {
		return p, nil
	}
	p := &prepared{cached: len(c.prepared) < maxPrepared}
	var err error
	if p.cached {
		p.Stmt, err = c.Prepare(key.expanded())
	} else {
		p.Stmt, _, err = c.PrepareTransient(key.expanded())
	}
	if err != nil {
		return nil, err
	}
	p.args = make([]int, p.BindParamCount())
	for i := range p.args {
		name := p.BindParamName(i + 1) // $1
		n, err := strconv.Atoi(name[min(1, len(name)):])
		if err != nil {
			_ = p.Finalize()
			return nil, err
		}
		p.args[i] = n - 1
	}
	if p.cached {
		c.prepared[key] = p
	}
	return p, nil
}

// finish makes it ready for the next run, or ends it if it is not kept.
func (p *prepared) finish() {
	if !p.cached {
		_ = p.Finalize()
		return
	}
	_ = p.Reset()
	if p.large {
		_ = p.ClearBindings()
		p.large = false
	}
}

// query and run do not look at the context between two statements.
func (c *conn) query(q string, args []any) (engine.Rows, error) {
	single := allSingle(args)
	p, err := c.prepare(q, single)
	if err != nil {
		return nil, c.failed(err)
	}
	if err := p.bind(args, single); err != nil {
		p.finish()
		return nil, err
	}
	return &rows{conn: c, st: p}, nil
}

func (c *conn) run(q string, args ...any) error {
	single := allSingle(args)
	p, err := c.prepare(q, single)
	if err != nil {
		return c.failed(err)
	}
	defer p.finish()
	if err := p.bind(args, single); err != nil {
		return err
	}
	for more := true; more; {
		if more, err = p.Step(); err != nil {
			return c.failed(err)
		}
	}
	return nil
}

// Query implements engine.Tx.
func (c *conn) Query(ctx context.Context, q string, args ...any) (engine.Rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.query(q, args)
}

// Exec implements engine.Tx.
func (c *conn) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := c.run(q, args...); err != nil {
		return 0, err
	}
	return int64(c.Changes()), nil
}

// ExecEach implements engine.Tx.
func (c *conn) ExecEach(ctx context.Context, q string, rows [][]any) error {
	return engine.ExecInOrder(ctx, c, q, rows)
}

// ExecLater implements engine.Tx.
func (c *conn) ExecLater(ctx context.Context, q string, args ...any) error {
	_, err := c.Exec(ctx, q, args...)
	return err
}

// Pipeline implements engine.Tx.
func (c *conn) Pipeline(ctx context.Context, qs ...engine.Query) error {
	return engine.QueryInOrder(ctx, c, qs)
}

// Cursor implements engine.Tx.
func (c *conn) Cursor(ctx context.Context, q string, args ...any) (engine.Cursor, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return newCursor(c.query(q, args))
}

// Part implements engine.Tx.
func (c *conn) Part(ctx context.Context, fn func() error) (err error) {
	if _, err := c.Exec(ctx, "savepoint part"); err != nil {
		return err
	}
	whole := false
	defer func() {
		if whole {
			return
		}
		// Also when fn panics, or the context has ended: others may share the transaction.
		if failed := errors.Join(c.run("rollback to part"), c.run("release part")); failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	if err := fn(); err != nil {
		return err
	}
	whole = true
	return c.run("release part")
}

// rollback ends the transaction, unless the database has done it by itself.
func (c *conn) rollback() {
	if !c.AutocommitEnabled() {
		_ = c.run("rollback")
	}
}
