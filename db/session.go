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
}

// one runs a query that selects at most one row. No row is the error
// KindNotFound of what.
func (s *session) one(ctx context.Context, what, q string, args []any, dest ...any) error {
	rs, err := s.query(ctx, q, args...)
	if err != nil {
		return err
	}
	defer rs.Close()
	if !rs.Next() {
		if err := rs.Err(); err != nil {
			return err
		}
		return membership.NotFound(what)
	}
	if err := rs.Scan(dest...); err != nil {
		return err
	}
	rs.Close()
	return rs.Err()
}

// list scans every row of a query. scan returns where a row goes.
func list[T any](ctx context.Context, s *session, q string, args []any, dest func(*T) []any) ([]T, error) {
	rs, err := s.query(ctx, q, args...)
	if err != nil {
		return nil, err
	}
	defer rs.Close()
	var out []T
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
	if t, ok := s.querier.(interface{ execSoon(q string, args []any) }); ok {
		t.execSoon(q, args)
		return nil
	}
	_, err := s.exec(ctx, q, args...)
	return err
}
