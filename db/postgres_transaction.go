package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scimbridge/scimbridge/membership"
)

// pgTransaction begins with its first statement and in the same round trip,
// which also names the tenant for row-level security. The setting ends with the
// transaction, so connections can be shared by a pooler.
type pgTransaction struct {
	pgTx
	tenant  membership.ID
	begin   string
	begun   bool
	pending []pgStatement // to be sent with the next that is waited for
	writes  int           // statements
}

type pgStatement struct {
	text string
	args []any
}

func (t *pgTransaction) query(ctx context.Context, q string, args ...any) (rows, error) {
	if t.begun && len(t.pending) == 0 {
		return t.pgTx.query(ctx, q, args...)
	}
	b, err := t.send(ctx, pgStatement{pgText(q), pgArgs(args)})
	if err != nil {
		return nil, err
	}
	rs, err := b.Query()
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return firstRows{rs, b}, nil
}

func (t *pgTransaction) exec(ctx context.Context, q string, args ...any) (int64, error) {
	t.writes++
	if t.begun && len(t.pending) == 0 {
		return t.pgTx.exec(ctx, q, args...)
	}
	tag, err := t.sendExec(ctx, pgStatement{pgText(q), pgArgs(args)})
	return tag.RowsAffected(), err
}

// maxPending bounds what waits to be sent.
const maxPending = 256

// execSoon is exec with the next statement, or with the commit: what went wrong
// is their error.
func (t *pgTransaction) execSoon(ctx context.Context, q string, args []any) error {
	if len(t.pending) >= maxPending {
		_, err := t.exec(ctx, q, args...)
		return err
	}
	t.writes++
	t.pending = append(t.pending, pgStatement{pgText(q), pgArgs(args)})
	return nil
}

func (t *pgTransaction) ask(ctx context.Context, qs []question) error {
	statements := make([]pgStatement, len(qs))
	for i, q := range qs {
		statements[i] = pgStatement{pgText(q.text), pgArgs(q.args)}
	}
	b, err := t.send(ctx, statements...)
	if err != nil {
		return err
	}
	for _, q := range qs {
		rs, err := b.Query()
		if err == nil {
			err = q.read(rs)
			rs.Close()
		}
		if err != nil {
			return errors.Join(err, b.Close())
		}
	}
	return b.Close()
}

func (t *pgTransaction) execEach(ctx context.Context, q string, rows [][]any) error {
	if (!t.begun || len(t.pending) > 0) && len(rows) > 0 {
		if _, err := t.exec(ctx, q, rows[0]...); err != nil {
			return err
		}
		rows = rows[1:]
	}
	return t.pgTx.execEach(ctx, q, rows)
}

// send sends statements in one round trip with what goes before them, and returns
// when their results are the next to be read.
func (t *pgTransaction) send(ctx context.Context, last ...pgStatement) (pgx.BatchResults, error) {
	var b pgx.Batch
	if !t.begun {
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

func (t *pgTransaction) sendExec(ctx context.Context, last pgStatement) (pgconn.CommandTag, error) {
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

func (t *pgTransaction) commit(ctx context.Context) (err error) {
	var tag pgconn.CommandTag
	switch {
	case len(t.pending) > 0:
		if err := ctx.Err(); err != nil { // as if they had been waited for
			return err
		}
		tag, err = t.sendExec(context.WithoutCancel(ctx), pgStatement{text: "commit"})
	case t.begun:
		tag, err = t.conn.Exec(context.WithoutCancel(ctx), "commit")
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
func (t *pgTransaction) end(ctx context.Context, how string) {
	if !t.begun {
		return
	}
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	_, _ = t.conn.Exec(ctx, how)
}

// firstRows end the batch that they came with.
type firstRows struct {
	pgx.Rows
	batch pgx.BatchResults
}

func (r firstRows) Close() {
	r.Rows.Close()
	_ = r.batch.Close() // what went wrong, the rows have told
}
