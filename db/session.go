package db

import (
	"context"
	"iter"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// session is one transaction of one tenant. It implements membership.Reader,
// membership.Tx and auth.Tx; the files of this package add its methods by subject.
type session struct {
	tx     engine.Tx
	store  *Store
	tenant membership.ID

	reads       bool   // it is a transaction that only reads
	slot        *scan  // nil: it may not scan
	totals      totals // that are yet to be written
	credentials bool   // were changed
	held        map[userLinkKey]bool
	passed      passedEnds
}

// stamp is a time in a query.
type stamp = engine.Stamp

// micros is a time as an argument of a query on grants.
type micros = engine.Micros

func (s *session) query(ctx context.Context, q string, args ...any) (engine.Rows, error) {
	if err := s.passEnds(ctx, q); err != nil {
		return nil, err
	}
	return s.tx.Query(ctx, q, args...)
}

func (s *session) exec(ctx context.Context, q string, args ...any) (int64, error) {
	return s.tx.Exec(ctx, q, args...)
}

func (s *session) execEach(ctx context.Context, q string, rows [][]any) error {
	return s.tx.ExecEach(ctx, q, rows)
}

// execLater is for a statement whose result is not needed; an error of it is the
// transaction's.
func (s *session) execLater(ctx context.Context, q string, args ...any) error {
	return s.tx.ExecLater(ctx, q, args...)
}

// cursor is query for a long result that is read in parts.
func (s *session) cursor(ctx context.Context, q string, args ...any) (engine.Cursor, error) {
	if err := s.passEnds(ctx, q); err != nil {
		return nil, err
	}
	return s.tx.Cursor(ctx, q, args...)
}

// pipeline runs queries that do not depend on each other, in one round trip.
func (s *session) pipeline(ctx context.Context, qs ...engine.Query) error {
	for i := range qs {
		if s.passed.asked(qs[i].Text) {
			return s.pipelinePassing(ctx, qs)
		}
	}
	return s.tx.Pipeline(ctx, qs...)
}

// maybe is a query of a pipeline for at most one row.
func maybe(found *bool, q string, args []any, dest ...any) engine.Query {
	return engine.Query{Text: q, Args: args, Read: func(rs engine.Rows) (err error) {
		*found, err = engine.ReadOne(rs, dest)
		return err
	}}
}

// all is a query of a pipeline for any number of rows.
func all[T any](out *[]T, q string, args []any, dest func(*T) []any) engine.Query {
	return engine.Query{Text: q, Args: args, Read: func(rs engine.Rows) (err error) {
		*out, err = engine.ReadAll(rs, dest)
		return err
	}}
}

// one runs a query that selects at most one row. No row is the error
// KindNotFound of what.
func (s *session) one(ctx context.Context, what, q string, args []any, dest ...any) error {
	rs, err := s.query(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rs.Close()
	switch found, err := engine.ReadOne(rs, dest); {
	case err != nil:
		return err
	case !found:
		return membership.NotFound(what)
	}
	return nil
}

// list scans every row of a query. dest returns where a row goes.
func list[T any](ctx context.Context, s *session, q string, args []any, dest func(*T) []any) ([]T, error) {
	rs, err := s.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	return engine.ReadAll(rs, dest)
}

// stream is list without keeping the rows.
func stream[T any](ctx context.Context, s *session, q string, args []any, dest func(*T) []any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		rs, err := s.query(ctx, q, args...)
		if err != nil {
			yield(zero, err)
			return
		}
		defer rs.Close()
		engine.Each(rs, dest)(yield)
	}
}

// collect appends rows to out.
func collect[T any](out []T, rows iter.Seq2[T, error]) ([]T, error) {
	for r, err := range rows {
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (s *session) ids(ctx context.Context, q string, args ...any) ([]membership.ID, error) {
	return list(ctx, s, q, args, func(id *membership.ID) []any { return []any{id} })
}

// changed is for statements that must change a row: none is KindNotFound.
func (s *session) changed(ctx context.Context, what, q string, args ...any) error {
	n, err := s.exec(ctx, q, args...)
	if err == nil && n == 0 {
		return membership.NotFound(what)
	}
	return err
}
