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

// totalOf is what is counted: the links of a connection in one table, or a part of
// them.
type totalOf struct {
	connection membership.ID
	table      string
}

const (
	userLinkTable  = "user_links"
	groupLinkTable = "group_links"
	inactiveLinks  = "inactive user_links" // those of userLinkTable that are not active
)

// linked counts links that were made, or ended if n is negative.
func (s *session) linked(connection membership.ID, table string, n int64) {
	if s.totals == nil {
		s.totals = totals{}
	}
	s.totals[totalOf{connection, table}] += n
}

// unlinkUsers runs a statement that ends links of users of a connection, returns
// whether each was active, and counts them.
func (s *session) unlinkUsers(ctx context.Context, connection membership.ID, q string, args ...any) (int, error) {
	active, err := list(ctx, s, q, args, func(a *bool) []any { return []any{a} })
	if err != nil {
		return 0, err
	}
	s.linked(connection, userLinkTable, -int64(len(active)))
	for _, a := range active {
		s.turned(connection, a, true)
	}
	return len(active), nil
}

// turned counts a link of a user that was active or not, and is now; one that is
// not there counts as active.
func (s *session) turned(connection membership.ID, was, is bool) {
	switch {
	case was && !is:
		s.linked(connection, inactiveLinks, 1)
	case is && !was:
		s.linked(connection, inactiveLinks, -1)
	}
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

// flagTotal is how many links have the value of a flag that a filter is all about;
// known is false if it is about something else.
func (v linksOf[L]) flagTotal(ctx context.Context, s *session, f membership.Filter) (n int, known bool, err error) {
	compare, is := f.(membership.Compare)
	value, isBool := compare.Value.(bool)
	if !is || !isBool || compare.Op != membership.Equal || compare.Attribute.Schema != "" {
		return 0, false, nil
	}
	of, known := v.columns.bools[compare.Attribute.Path()]
	if !known {
		return 0, false, nil
	}
	if n, err = s.linksTotal(ctx, v.connection, of.total); err != nil || !value {
		return n, true, err
	}
	all, err := s.linksTotal(ctx, v.connection, v.table)
	return all - n, true, err
}
