package postgres

import (
	"context"
	"errors"
	"hash/fnv"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// beginRead begins a transaction that reads, on one snapshot.
const beginRead = "begin isolation level repeatable read read only"

// transaction begins with its first statement and in the same round trip, which
// also names the tenant for row-level security. The setting ends with the
// transaction, so connections can be shared by a pooler.
type transaction struct {
	conn    conn
	tenant  membership.ID
	begin   string
	begun   bool
	citus   bool
	pending []statement // to be sent with the next whose result is waited for
	writes  int         // statements
}

type statement struct {
	text string
	args []any
}

func newStatement(q string, args []any) statement { return statement{words.Expand(q), arguments(args)} }

// Query implements engine.Tx.
func (t *transaction) Query(ctx context.Context, q string, args ...any) (engine.Rows, error) {
	if t.begun && len(t.pending) == 0 {
		return t.conn.Query(ctx, q, args...)
	}
	b, err := t.send(ctx, newStatement(q, args))
	if err != nil {
		return nil, err
	}
	rs, err := b.Query()
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return &rows{rs, b}, nil
}

// Exec implements engine.Tx.
func (t *transaction) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	t.writes++
	if t.begun && len(t.pending) == 0 {
		return t.conn.Exec(ctx, q, args...)
	}
	tag, err := t.sendExec(ctx, newStatement(q, args))
	return tag.RowsAffected(), err
}

// maxPending bounds what waits to be sent.
const maxPending = 256

// ExecLater implements engine.Tx.
func (t *transaction) ExecLater(ctx context.Context, q string, args ...any) error {
	if len(t.pending) >= maxPending {
		_, err := t.Exec(ctx, q, args...)
		return err
	}
	t.writes++
	t.pending = append(t.pending, newStatement(q, args))
	return nil
}

// Pipeline implements engine.Tx.
func (t *transaction) Pipeline(ctx context.Context, qs ...engine.Query) error {
	statements := make([]statement, len(qs))
	for i, q := range qs {
		statements[i] = newStatement(q.Text, q.Args)
	}
	b, err := t.send(ctx, statements...)
	if err != nil {
		return err
	}
	return errors.Join(readEach(b, qs), b.Close())
}

// whole runs queries as a transaction from its beginning to its end, in one round trip.
func (t *transaction) whole(ctx context.Context, qs []engine.Query) (err error) {
	statements := make([]statement, len(qs), len(qs)+1)
	for i, q := range qs {
		statements[i] = newStatement(q.Text, q.Args)
	}
	b, err := t.send(ctx, append(statements, statement{text: "commit"})...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	if err := readEach(b, qs); err != nil {
		return err
	}
	_, err = b.Exec()
	return err
}

// readEach reads the results of queries that are the next of a batch.
func readEach(b pgx.BatchResults, qs []engine.Query) error {
	for _, q := range qs {
		rs, err := b.Query()
		if err == nil {
			err = q.Read(&rows{pgx: rs})
			rs.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Cursor implements engine.Tx.
func (t *transaction) Cursor(ctx context.Context, q string, args ...any) (engine.Cursor, error) {
	return openCursor(ctx, t, q, args)
}

// Part implements engine.Tx.
func (t *transaction) Part(ctx context.Context, fn func() error) (err error) {
	if _, err := t.Exec(ctx, "savepoint part"); err != nil {
		return err
	}
	whole := false
	defer func() {
		if whole {
			return
		}
		t.pending = nil // also when fn panics
		_, failed := t.conn.Conn.Exec(context.WithoutCancel(ctx), "rollback to savepoint part")
		if failed != nil {
			err = errors.Join(err, failed)
		}
	}()
	if err := fn(); err != nil {
		return err
	}
	_, err = t.Exec(ctx, "release savepoint part") // and what waits before it
	whole = err == nil
	return err
}

// ExecEach implements engine.Tx.
func (t *transaction) ExecEach(ctx context.Context, q string, rows [][]any) error {
	if (!t.begun || len(t.pending) > 0) && len(rows) > 0 {
		if _, err := t.Exec(ctx, q, rows[0]...); err != nil {
			return err
		}
		rows = rows[1:]
	}
	return t.conn.ExecEach(ctx, q, rows)
}

// send sends statements in one round trip with what goes before them, and returns
// when their results are the next to be read.
func (t *transaction) send(ctx context.Context, last ...statement) (pgx.BatchResults, error) {
	var b pgx.Batch
	switch {
	case t.begun:
	case t.citus:
		t.begun = true
		if err := t.beginCitus(ctx); err != nil {
			return nil, err
		}
	default:
		b.Queue(t.begin)
		b.Queue(qTenantSetting, t.tenant.String())
	}
	for _, s := range t.pending {
		b.Queue(s.text, s.args...)
	}
	before := b.Len()
	for _, s := range last {
		b.Queue(s.text, s.args...)
	}
	t.begun, t.pending = true, nil
	r := t.conn.SendBatch(ctx, &b)
	for range before {
		if _, err := r.Exec(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

func (t *transaction) sendExec(ctx context.Context, last statement) (pgconn.CommandTag, error) {
	b, err := t.send(ctx, last)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := b.Exec()
	if closed := b.Close(); err == nil {
		err = closed
	}
	return tag, err
}

const qTenantSetting = `select set_config('scimbridge.tenant', $1, true)`

func (t *transaction) commit(ctx context.Context) (err error) {
	var tag pgconn.CommandTag
	switch {
	case len(t.pending) > 0:
		if err := ctx.Err(); err != nil { // as if they had been waited for
			return err
		}
		tag, err = t.sendExec(context.WithoutCancel(ctx), statement{text: "commit"})
	case t.begun:
		tag, err = t.conn.Conn.Exec(context.WithoutCancel(ctx), "commit")
	default:
		return nil
	}
	if err == nil && tag.String() == "ROLLBACK" {
		err = errors.New("the transaction was rolled back by the server")
	}
	return err
}

// end is for a transaction of which nothing is to be kept. If it fails, the pool
// drops the connection.
func (t *transaction) end(ctx context.Context, how string) {
	if !t.begun {
		return
	}
	const limit = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	_, _ = t.conn.Conn.Exec(ctx, how)
}

// cursor is the one of a transaction. Its query is planned for the values that it
// has, and for the first rows soon.
type cursor struct {
	tx   engine.Tx
	name string
}

// openCursor names the cursor after its query: a connection keeps the statements that
// fetch, and one that fetched other columns before fails ("cached plan must not change
// result type").
func openCursor(ctx context.Context, t engine.Tx, q string, args []any) (engine.Cursor, error) {
	hash := fnv.New64a()
	hash.Write([]byte(q)) //nolint:errcheck // a hash takes everything
	name := "rows_" + strconv.FormatUint(hash.Sum64(), 16)
	if _, err := t.Exec(ctx, "declare "+name+" no scroll cursor for "+q, args...); err != nil {
		return nil, err
	}
	return cursor{t, name}, nil
}

// Next implements engine.Cursor.
func (c cursor) Next(ctx context.Context, n int, read func(engine.Rows) error) error {
	rs, err := c.tx.Query(ctx, "fetch "+strconv.Itoa(n)+" from "+c.name)
	if err != nil {
		return err
	}
	defer rs.Close()
	return read(rs)
}

// Close implements engine.Cursor.
func (c cursor) Close(ctx context.Context) error {
	_, err := c.tx.Exec(ctx, "close "+c.name)
	return err
}
