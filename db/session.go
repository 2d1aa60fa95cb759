package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// session is one tenant's view of one transaction. It implements
// membership.Reader, membership.Tx and auth.Tx; the files of this package add
// its methods by subject.
type session struct {
	querier
	engine engine
	tenant membership.ID

	reads bool  // it is a transaction that only reads
	place *scan // nil: it may not scan
}

// one runs a query that selects at most one row. No row is the error
// KindNotFound of what.
func (s *session) one(ctx context.Context, what, q string, args []any, dest ...any) error {
	rs, err := s.query(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rs.Close()
	switch found, err := readOne(rs, dest); {
	case err != nil:
		return err
	case !found:
		return membership.NotFound(what)
	}
	return nil
}

func readOne(rs rows, dest []any) (found bool, err error) {
	if !rs.Next() {
		return false, rs.Err()
	}
	if err := rs.Scan(dest...); err != nil {
		return false, err
	}
	rs.Close()
	return true, rs.Err()
}

// question is a query that does not depend on the answers to those before it.
type question struct {
	text string
	args []any
	read func(rows) error
}

// maybe asks for at most one row.
func maybe(found *bool, q string, args []any, dest ...any) question {
	return question{q, args, func(rs rows) (err error) {
		*found, err = readOne(rs, dest)
		return err
	}}
}

// ask asks questions in their order; where that costs round trips, in one.
func (s *session) ask(ctx context.Context, qs ...question) error {
	if t, ok := s.querier.(interface {
		ask(ctx context.Context, qs []question) error
	}); ok {
		return t.ask(ctx, qs)
	}
	for _, q := range qs {
		rs, err := s.query(ctx, q.text, q.args...)
		if err != nil {
			return err
		}
		err = q.read(rs)
		rs.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// list scans every row of a query. scan returns where a row goes.
func list[T any](ctx context.Context, s *session, q string, args []any, dest func(*T) []any) ([]T, error) {
	rs, err := s.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	return readAll(rs, dest)
}

func readAll[T any](rs rows, dest func(*T) []any) (out []T, err error) {
	for rs.Next() {
		var t T
		if err := rs.Scan(dest(&t)...); err != nil {
			return nil, err
		}
		out = append(out, t)
	}
	return out, rs.Err()
}

// changed is for statements that must change a row: none is KindNotFound.
func (s *session) changed(ctx context.Context, what, q string, args ...any) error {
	n, err := s.exec(ctx, q, args...)
	if err == nil && n == 0 {
		return membership.NotFound(what)
	}
	return err
}

// execSoon is exec for a statement of whose result nothing is asked but that it
// succeeds. Where statements cost round trips it travels with the next one, or
// with the commit; an error of it is the transaction's.
func (s *session) execSoon(ctx context.Context, q string, args ...any) error {
	if t, ok := s.querier.(interface {
		execSoon(ctx context.Context, q string, args []any) error
	}); ok {
		return t.execSoon(ctx, q, args)
	}
	_, err := s.exec(ctx, q, args...)
	return err
}
