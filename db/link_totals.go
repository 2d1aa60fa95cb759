package db

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// totals are the differences that a transaction makes to the counts of links. They
// are written at its end, so that no row of them is locked for longer than a commit
// takes.
type totals map[totalOf]int64

// totalOf is what is counted: the links of a connection in one table.
type totalOf struct {
	connection membership.ID
	table      string
}

const (
	userLinkTable  = "user_links"
	groupLinkTable = "group_links"
)

// linked counts links that were made, or ended if n is negative.
func (s *session) linked(connection membership.ID, table string, n int64) {
	if s.totals == nil {
		s.totals = totals{}
	}
	s.totals[totalOf{connection, table}] += n
}

// unlink runs a statement that ends links of a connection, and counts them.
func (s *session) unlink(ctx context.Context, connection membership.ID, table, q string, args ...any) (int64, error) {
	n, err := s.exec(ctx, q, args...)
	if err == nil && n > 0 {
		s.linked(connection, table, -n)
	}
	return n, err
}

const qAddLinks = `insert into link_totals (tenant_id, connection_id, kind, stripe, links)
	values ($1, $2, $3, {stripe}, $4)
	on conflict (tenant_id, connection_id, kind, stripe)
	do update set links = link_totals.links + excluded.links`

// writeTotals ends a transaction that succeeded. All write them in one order, so
// that none waits for another that waits for it.
func (s *session) writeTotals(ctx context.Context) error {
	keys := slices.SortedFunc(maps.Keys(s.totals), func(a, b totalOf) int {
		return cmp.Or(a.connection.Compare(b.connection), cmp.Compare(a.table, b.table))
	})
	for _, k := range keys {
		if n := s.totals[k]; n != 0 {
			if err := s.execLater(ctx, qAddLinks, s.tenant, k.connection, k.table, n); err != nil {
				return err
			}
		}
	}
	return nil
}

const qLinksTotal = `select cast(coalesce(sum(t.links), 0) as bigint) from link_totals t
	where t.tenant_id = $1 and t.connection_id = $2 and t.kind = $3`

// linksTotal is how many links of a table a connection has.
func (s *session) linksTotal(ctx context.Context, connection membership.ID, table string) (int, error) {
	var n int
	err := s.one(ctx, "total", qLinksTotal, []any{s.tenant, connection, table}, &n)
	return n + int(s.totals[totalOf{connection, table}]), err
}
