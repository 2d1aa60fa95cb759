package engine

import (
	"context"
	"iter"

	"github.com/scimbridge/scimbridge/membership"
)

// Tx runs statements in one transaction, one at a time. Queries are written once
// for all engines; Words has what may stand in braces. An argument is an
// ID, a list of IDs, texts or numbers, a Stamp, a text, bytes, a bool, an integer or nil.
type Tx interface {
	// Query's rows must be closed before the next statement.
	Query(ctx context.Context, q string, args ...any) (Rows, error)
	// Exec returns how many rows were changed.
	Exec(ctx context.Context, q string, args ...any) (int64, error)
	// ExecEach runs one statement for each row of arguments, in one round trip.
	ExecEach(ctx context.Context, q string, rows [][]any) error
	// ExecLater is Exec without a result. Where statements cost round trips it
	// travels with the next one, or with the commit, which then have its error.
	ExecLater(ctx context.Context, q string, args ...any) error
	// Pipeline runs queries in their order; where that costs round trips, in one.
	Pipeline(ctx context.Context, qs ...Query) error
	// Cursor is Query for a long result that is read in parts: between two of them
	// other statements may run. There is one cursor at a time.
	Cursor(ctx context.Context, q string, args ...any) (Cursor, error)
	// Part runs fn: if it fails what it wrote is undone, and the transaction goes on.
	Part(ctx context.Context, fn func() error) error
}

// Cursor is a position in the result of a query.
type Cursor interface {
	// Next calls read with the next rows, at most n of them.
	Next(ctx context.Context, n int, read func(Rows) error) error
	Close(ctx context.Context) error
}

// Query is one of a pipeline: it does not depend on the results of those before.
type Query struct {
	Text string
	Args []any
	Read func(Rows) error
}

// Rows are the result of a query.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	// ScanID is Scan for rows of one column of ids, which are not worth decoding
	// one by one.
	ScanID(id *membership.ID) error
	Err() error
	Close()
}

// ReadOne scans the only row, if there is one.
func ReadOne(rs Rows, dest []any) (found bool, err error) {
	if !rs.Next() {
		return false, rs.Err()
	}
	if err := rs.Scan(dest...); err != nil {
		return false, err
	}
	rs.Close()
	return true, rs.Err()
}

// ReadAll scans every row; dest returns where one goes.
func ReadAll[T any](rs Rows, dest func(*T) []any) (out []T, err error) {
	for rs.Next() {
		var t T
		if err := rs.Scan(dest(&t)...); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rs.Err()
}

// Each is ReadAll without keeping the rows. It does not close them.
func Each[T any](rs Rows, dest func(*T) []any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var row, zero T
		to := dest(&row)
		for rs.Next() {
			if err := rs.Scan(to...); err != nil {
				yield(zero, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
		if err := rs.Err(); err != nil {
			yield(zero, err)
		}
	}
}

// ExecInOrder is ExecEach for a transaction that has nothing better.
func ExecInOrder(ctx context.Context, t Tx, q string, rows [][]any) error {
	for _, args := range rows {
		if _, err := t.Exec(ctx, q, args...); err != nil {
			return err
		}
	}
	return nil
}

// QueryInOrder is Pipeline for a transaction that has nothing better.
func QueryInOrder(ctx context.Context, t Tx, qs []Query) error {
	for _, q := range qs {
		rs, err := t.Query(ctx, q.Text, q.Args...)
		if err != nil {
			return err
		}
		err = q.Read(rs)
		rs.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
