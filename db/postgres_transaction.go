package db

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scimbridge/scimbridge/membership"
)

// pgTransaction begins with its first statement and in the same round trip,
// which also names the tenant for row-level security. The setting ends with the
// transaction, so connections can be shared by a pooler.
type pgTransaction struct {
	pgTx
	tenant membership.ID
	begin  string
	begun  bool
	writes int // statements
}

func (t *pgTransaction) query(ctx context.Context, q string, args ...any) (rows, error) {
	if t.begun {
		return t.pgTx.query(ctx, q, args...)
	}
	b, err := t.first(ctx, q, args)
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
	if t.begun {
		return t.pgTx.exec(ctx, q, args...)
	}
	b, err := t.first(ctx, q, args)
	if err != nil {
		return 0, err
	}
	tag, err := b.Exec()
	if closed := b.Close(); err == nil {
		err = closed
	}
	return tag.RowsAffected(), err
}

func (t *pgTransaction) execEach(ctx context.Context, q string, rows [][]any) error {
	if !t.begun && len(rows) > 0 {
		if _, err := t.exec(ctx, q, rows[0]...); err != nil {
			return err
		}
		rows = rows[1:]
	}
	return t.pgTx.execEach(ctx, q, rows)
}

// first sends the beginning with the first statement, whose result is the next
// to be read.
func (t *pgTransaction) first(ctx context.Context, q string, args []any) (pgx.BatchResults, error) {
	t.begun = true
	var b pgx.Batch
	b.Queue(t.begin)
	b.Queue(qTenantSetting, t.tenant.String())
	b.Queue(pgText(q), pgArgs(args)...)
	r := t.conn.SendBatch(ctx, &b)
	for range 2 {
		if _, err := r.Exec(); err != nil {
			return nil, errors.Join(err, r.Close())
		}
	}
	return r, nil
}

const qTenantSetting = `select set_config('scimbridge.tenant', $1, true)`

func (t *pgTransaction) commit(ctx context.Context) error {
	if !t.begun {
		return nil
	}
	tag, err := t.conn.Exec(context.WithoutCancel(ctx), "commit")
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
