package db

import (
	"context"
	"slices"
	"strconv"

	"zombiezen.com/go/sqlite"
)

// sqliteConn is one connection and the statements that it has prepared.
type sqliteConn struct {
	conn     *sqlite.Conn
	prepared map[sqliteStatement]*sqlitePrepared

	ctx  context.Context //nolint:containedctx // of the transaction under way
	stop func() bool     // ends the watch over ctx; nil: nobody watches
	done chan struct{}   // closed, it interrupts what runs
}

// sqlitePrepared is a statement and which argument, from 0, each of its
// parameters is: SQLite numbers them as they come.
type sqlitePrepared struct {
	*sqlite.Stmt
	args  []int
	kept  bool
	large bool // an argument takes much memory
}

// maxPrepared bounds the statements kept by one connection: the texts of
// filters differ without end.
const maxPrepared = 256

// largeArgument is the bytes that an argument may take between two runs of its
// statement.
const largeArgument = 16 << 10

// openSQLiteConn opens the file.
func openSQLiteConn(path string, pragmas ...string) (*sqliteConn, error) {
	conn, err := sqlite.OpenConn(path, sqlite.OpenReadWrite, sqlite.OpenCreate)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(sqliteBusyTimeout)
	c := &sqliteConn{conn: conn, prepared: make(map[sqliteStatement]*sqlitePrepared)}
	for _, p := range slices.Concat(sqlitePragmas, pragmas) {
		if err := c.once("pragma " + p); err != nil {
			_ = conn.Close()
			return nil, err
		}
	}
	c.interruptible()
	return c, nil
}

// once runs a statement that is not kept.
func (c *sqliteConn) once(q string) error {
	st, _, err := c.conn.PrepareTransient(q)
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

func (c *sqliteConn) interruptible() {
	c.done = make(chan struct{})
	c.conn.SetInterrupt(c.done)
}

// watch lets the end of ctx interrupt what runs.
func (c *sqliteConn) watch(ctx context.Context) {
	c.ctx = ctx
	if ctx.Done() != nil {
		done := c.done
		c.stop = context.AfterFunc(ctx, func() { close(done) })
	}
}

func (c *sqliteConn) unwatch() {
	if c.stop != nil && !c.stop() {
		<-c.done
		c.interruptible()
	}
	c.ctx, c.stop = nil, nil
}

// failed is the error of a statement: when the caller gave up it is that.
func (c *sqliteConn) failed(err error) error {
	if sqlite.ErrCode(err).ToPrimary() == sqlite.ResultInterrupt && c.ctx != nil && c.ctx.Err() != nil {
		return c.ctx.Err()
	}
	return err
}

// prepare returns a statement, which is the caller's to finish.
func (c *sqliteConn) prepare(q string, one bool) (*sqlitePrepared, error) {
	key := sqliteStatement{q, one}
	if p := c.prepared[key]; p != nil {
		return p, nil
	}
	p := &sqlitePrepared{kept: len(c.prepared) < maxPrepared}
	var err error
	if p.kept {
		p.Stmt, err = c.conn.Prepare(key.expanded())
	} else {
		p.Stmt, _, err = c.conn.PrepareTransient(key.expanded())
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
	if p.kept {
		c.prepared[key] = p
	}
	return p, nil
}

// finish makes it ready for the next run, or ends it when nobody keeps it.
func (p *sqlitePrepared) finish() {
	if !p.kept {
		_ = p.Finalize()
		return
	}
	_ = p.Reset()
	if p.large {
		_ = p.ClearBindings()
		p.large = false
	}
}

func (c *sqliteConn) query(ctx context.Context, q string, args ...any) (rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	one := oneEach(args)
	p, err := c.prepare(q, one)
	if err != nil {
		return nil, c.failed(err)
	}
	if err := p.bind(args, one); err != nil {
		p.finish()
		return nil, err
	}
	return &sqliteRows{conn: c, st: p}, nil
}

func (c *sqliteConn) exec(ctx context.Context, q string, args ...any) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := c.run(q, args...); err != nil {
		return 0, err
	}
	return int64(c.conn.Changes()), nil
}

func (c *sqliteConn) run(q string, args ...any) error {
	one := oneEach(args)
	p, err := c.prepare(q, one)
	if err != nil {
		return c.failed(err)
	}
	defer p.finish()
	if err := p.bind(args, one); err != nil {
		return err
	}
	for more := true; more; {
		if more, err = p.Step(); err != nil {
			return c.failed(err)
		}
	}
	return nil
}

func (c *sqliteConn) execEach(ctx context.Context, q string, rows [][]any) error {
	return execInTurn(ctx, c, q, rows)
}

// rollback ends the transaction, unless the engine has done it by itself.
func (c *sqliteConn) rollback() {
	if !c.conn.AutocommitEnabled() {
		_ = c.run("rollback")
	}
}
