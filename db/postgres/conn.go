package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// conn runs statements on a connection as they come.
type conn struct{ *pgx.Conn }

// Query implements engine.Tx.
func (c conn) Query(ctx context.Context, q string, args ...any) (engine.Rows, error) {
	rs, err := c.Conn.Query(ctx, words.Expand(q), arguments(args)...) //nolint:sqlclosecheck // the caller closes
	if err != nil {
		return nil, err
	}
	return &rows{pgx: rs}, nil
}

// Exec implements engine.Tx.
func (c conn) Exec(ctx context.Context, q string, args ...any) (int64, error) {
	tag, err := c.Conn.Exec(ctx, words.Expand(q), arguments(args)...)
	return tag.RowsAffected(), err
}

// ExecEach implements engine.Tx.
func (c conn) ExecEach(ctx context.Context, q string, rows [][]any) error {
	if len(rows) < 2 {
		return engine.ExecInOrder(ctx, c, q, rows)
	}
	var b pgx.Batch
	text := words.Expand(q)
	for _, args := range rows {
		b.Queue(text, arguments(args)...)
	}
	return c.SendBatch(ctx, &b).Close()
}

// ExecLater implements engine.Tx.
func (c conn) ExecLater(ctx context.Context, q string, args ...any) error {
	_, err := c.Exec(ctx, q, args...)
	return err
}

// Pipeline implements engine.Tx.
func (c conn) Pipeline(ctx context.Context, qs ...engine.Query) error {
	return engine.QueryInOrder(ctx, c, qs)
}

// Cursor implements engine.Tx.
func (c conn) Cursor(ctx context.Context, q string, args ...any) (engine.Cursor, error) {
	return openCursor(ctx, c, q, args)
}

// Part implements engine.Tx. A single statement has none.
func (c conn) Part(context.Context, func() error) error { return errors.New("there is no transaction") }

// arguments are as pgx takes them.
func arguments(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case membership.ID:
			out[i] = [16]byte(a)
		case []membership.ID:
			out[i] = uuids(a)
		case engine.Stamp:
			out[i] = a.Time()
		case engine.Micros:
			out[i] = engine.Stamp(a).Time()
		default:
			out[i] = a
		}
	}
	return out
}

func uuids(ids []membership.ID) [][16]byte {
	out := make([][16]byte, len(ids))
	for i, id := range ids {
		out[i] = id
	}
	return out
}

// rows end the batch that they came with, if they came with one.
type rows struct {
	pgx   pgx.Rows
	batch pgx.BatchResults
}

// Next implements engine.Rows.
func (r *rows) Next() bool { return r.pgx.Next() }

// Scan implements engine.Rows.
func (r *rows) Scan(dest ...any) error { return r.pgx.Scan(dest...) }

// ScanID implements engine.Rows. The bytes as they came are the id.
func (r *rows) ScanID(id *membership.ID) error {
	if v := r.pgx.RawValues(); len(v) == 1 && len(v[0]) == len(id) {
		copy(id[:], v[0])
		return nil
	}
	return r.pgx.Scan(id)
}

// Err implements engine.Rows.
func (r *rows) Err() error { return r.pgx.Err() }

// Close implements engine.Rows.
func (r *rows) Close() {
	r.pgx.Close()
	if r.batch != nil {
		_ = r.batch.Close() // an error of it is the rows' as well
	}
}
