package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// What one transaction takes at most: more would only let those wait who came
// first.
const (
	maxShared     = 256
	maxSharedTime = 10 * time.Millisecond
)

// Write is what a request writes in a transaction that others may share.
type Write struct {
	Run func(engine.Tx, *Versions) error
	// Savepoint: Run may fail after it has written, and what it wrote has to be
	// undone without the others' writes. Its Versions are nil.
	Savepoint bool
}

// errOthersFailed is the answer to a request whose shared transaction ended
// because of another: nothing of it was written, and it can be carried out again.
var errOthersFailed = errors.New("the shared transaction was rolled back because of another request in it")

// Write carries out a write, alone or in a batch with those that wait as well.
func (e *Engine) Write(ctx context.Context, w Write) error { return e.writes.Do(ctx, w) }

// WritesWaiting counts the writes that wait for the next transaction.
func (e *Engine) WritesWaiting() int { return e.writes.Waiting() }

// writeBatch is one transaction of everything that waits. Each write is answered
// for itself: one that fails leaves the others alone.
func (e *Engine) writeBatch(b *engine.Batch[Write]) {
	begun := time.Now()
	n := 0
	next := func() *engine.Request[Write] {
		return b.Next(func(Write) bool {
			n++
			return n <= maxShared && time.Since(begun) < maxSharedTime
		})
	}
	first := next()
	if first == nil { // its caller gave up
		return
	}
	// What others wait for is not given up when one of them does.
	ctx := context.WithoutCancel(first.Ctx)
	var failed *engine.Request[Write] // the one that ended the transaction for all
	err := e.write.transact(ctx, func(c *conn) error {
		versions := newVersions()
		for r := first; r != nil; r = next() {
			if err := e.writeOne(ctx, c, versions, r); err != nil {
				failed = r
				return err
			}
		}
		return versions.flush(ctx, c)
	})
	if err == nil {
		return
	}
	// A refusal may be due to what others wrote, which is lost: only the one that
	// ended the transaction, and those that gave up, have an answer of their own.
	for _, r := range b.Taken {
		if r.Err == nil || r != failed && r.Ctx.Err() == nil {
			r.Err = err
		}
	}
}

// writeOne carries out one write and sets its answer. Its own error means that
// the whole transaction is lost.
func (e *Engine) writeOne(ctx context.Context, c *conn, versions *Versions, r *engine.Request[Write]) error {
	if !r.Work.Savepoint {
		run(r, e.traced(r.Ctx, &sharedTx{c, ctx}), versions) //nolint:contextcheck // each request has its own trace
		var refused *membership.Error
		if r.Panic == nil && (r.Err == nil || errors.As(r.Err, &refused)) {
			return nil
		}
		return errOthersFailed
	}
	if err := versions.flush(ctx, c); err != nil {
		return err
	}
	if err := c.run("savepoint one"); err != nil {
		return err
	}
	run(r, e.traced(r.Ctx, &sharedTx{c, r.Ctx}), nil) //nolint:contextcheck // each request has its own trace
	if r.Err != nil || r.Panic != nil {
		// This fails when SQLite has rolled back everything by itself, as it does for
		// a full disk.
		if err := c.run("rollback to one"); err != nil {
			return errors.Join(errOthersFailed, err)
		}
	}
	return c.run("release one")
}

// run carries out the write in the goroutine that runs the batch. A panic goes to
// the caller whose write it is.
func run(r *engine.Request[Write], t engine.Tx, versions *Versions) {
	defer func() { r.Panic = recover() }()
	r.Err = r.Work.Run(t, versions)
}

// sharedTx is the connection for one of the requests that share its transaction:
// the end of a context stops it between two statements and never interrupts one,
// because SQLite would roll back the others' writes as well.
type sharedTx struct {
	conn *conn
	ctx  context.Context //nolint:containedctx // of the request that writes
}

// Query implements engine.Tx.
func (t *sharedTx) Query(_ context.Context, q string, args ...any) (engine.Rows, error) {
	if err := t.ctx.Err(); err != nil {
		return nil, err
	}
	return t.conn.query(q, args)
}

// Exec implements engine.Tx.
func (t *sharedTx) Exec(_ context.Context, q string, args ...any) (int64, error) {
	if err := t.ctx.Err(); err != nil {
		return 0, err
	}
	if err := t.conn.run(q, args...); err != nil {
		return 0, err
	}
	return int64(t.conn.Changes()), nil
}

// ExecEach implements engine.Tx.
func (t *sharedTx) ExecEach(ctx context.Context, q string, rows [][]any) error {
	return engine.ExecInOrder(ctx, t, q, rows)
}

// ExecLater implements engine.Tx.
func (t *sharedTx) ExecLater(ctx context.Context, q string, args ...any) error {
	_, err := t.Exec(ctx, q, args...)
	return err
}

// Pipeline implements engine.Tx.
func (t *sharedTx) Pipeline(ctx context.Context, qs ...engine.Query) error {
	return engine.QueryInOrder(ctx, t, qs)
}

// Cursor implements engine.Tx.
func (t *sharedTx) Cursor(ctx context.Context, q string, args ...any) (engine.Cursor, error) {
	return newCursor(t.Query(ctx, q, args...))
}

// Part implements engine.Tx.
func (t *sharedTx) Part(_ context.Context, fn func() error) error {
	return t.conn.Part(t.ctx, fn) //nolint:contextcheck // the transaction's, as of every statement
}
