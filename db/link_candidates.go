package db

import (
	"context"
	"fmt"

	"github.com/scimbridge/scimbridge/membership"
)

// maxCandidates is how many links are read from a part of an index, and sorted,
// before a page is made of them. A filter that selects more is a scan.
const maxCandidates = 5000

// candidates are the links among which a filter selects.
type candidates struct {
	ids   []membership.ID
	known bool // these are all that the filter can select
	all   bool // and it selects them all
}

// candidates reads those of a part of an index, if the filter has one and they are
// few. The query leaves the planner no choice: it goes in the order of that
// index, and no other begins with the tenant and this column. A plan without
// statistics, or one made for other values, would read the whole tenant instead.
func (v linksOf[L]) candidates(
	ctx context.Context, s *session, f membership.Filter,
) (of candidates, err error) {
	part := v.columns.span(f)
	if part == nil || v.columns.narrows(f) {
		return of, nil
	}
	p := &pushdown{columns: v.columns, arguments: arguments{[]any{s.tenant, v.connection}}}
	condition, exact := p.compare(part.in)
	if condition == "" {
		return of, nil
	}
	q := fmt.Sprintf(`select %s from %s l {index %s} where l.tenant_id = $1 and (l.connection_id = $2) is true and %s
		order by %s limit %d`, v.columns.id, v.table, part.index, condition, part.column, maxCandidates+1)
	if of.ids, err = s.ids(ctx, q, p.args...); err != nil || len(of.ids) > maxCandidates {
		return candidates{}, err
	}
	_, whole := f.(membership.Compare)
	of.known, of.all = true, whole && exact
	return of, nil
}

// pageOf makes a page of all that a filter selects, in the order of ids.
func (v linksOf[L]) pageOf(
	ctx context.Context, s *session, q membership.LinkQuery, ids []membership.ID, p *pushdown,
) (page membership.LinkPage[L], err error) {
	chosen := newBest(q)
	for _, id := range ids {
		chosen.offer(membership.Cursor{ID: id})
	}
	page.Total = len(ids)
	err = v.loadPage(ctx, s, q.Offset, chosen, p, &page)
	return page, err
}
