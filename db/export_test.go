package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// Prepare lets the engine read a query without running it.
func (s *Store) Prepare(ctx context.Context, q string) error {
	return s.engine.view(ctx, membership.ID{}, func(c querier) error {
		switch c := c.(type) {
		case pgTx:
			_, err := c.conn.Prepare(ctx, "", pgText(q))
			return err
		case *sqliteConn:
			st, err := c.PrepareContext(ctx, sqliteText(q))
			if err == nil {
				err = st.Close() //nolint:sqlclosecheck // its error counts
			}
			return err
		}
		panic("an engine that this test does not know")
	})
}

// Query runs any statement in the transaction of one tenant and returns its
// rows as text.
func (s *Store) Query(ctx context.Context, tenant membership.ID, q string, args ...any) (out []string, err error) {
	err = s.engine.view(ctx, tenant, func(c querier) error {
		out, err = list(ctx, &session{querier: c}, q, args, func(t *string) []any { return []any{t} })
		return err
	})
	return out, err
}

// MembersQuery is the text of a query that is put together at run time.
func MembersQuery(q membership.MemberQuery) string {
	text, _ := membersQuery(&session{}, membership.ID{}, q)
	return text
}
