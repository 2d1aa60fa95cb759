package db

import (
	"container/heap"
	"context"
	"fmt"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// linkBatch is how many candidates of a page that Go decides are held at once.
const linkBatch = 500

// decide lets Go choose and order the candidates, batch by batch. It keeps the
// places of one page and of what stands before it, never the resources.
func (v linksOf[L]) decide(
	ctx context.Context, s *session, q membership.LinkQuery, where string, p *pushdown,
) (out membership.LinkPage[L], err error) {
	chosen := newBest(q)
	args := len(p.args)
	query := `select ` + v.from + where + fmt.Sprintf(` and %s > %s order by %[1]s limit %[3]d`,
		v.columns.id, p.arg(membership.ID{}), linkBatch)
	for {
		batch, err := v.load(ctx, query, p.args...)
		if err != nil {
			return out, err
		}
		n, err := v.choose(ctx, q, batch, chosen)
		if err != nil {
			return out, err
		}
		out.Total += n
		if len(batch) < linkBatch {
			break
		}
		p.args[args] = v.id(batch[len(batch)-1])
	}
	err = v.loadPage(ctx, s, q.Offset, chosen, p, &out)
	return out, err
}

// loadPage loads what was chosen, or which they are.
func (v linksOf[L]) loadPage(
	ctx context.Context, s *session, offset int, chosen *best, p *pushdown, out *membership.LinkPage[L],
) (err error) {
	page := chosen.ordered()
	page = page[min(offset, len(page)):]
	if len(page) == 0 {
		return nil
	}
	ids := make([]membership.ID, len(page))
	for i, m := range page {
		ids[i] = m.ID
	}
	if len(ids) <= wholePage {
		out.Links, err = v.named(ctx, ids, p.args[:2]...)
		return err
	}
	out.Keys, err = v.keysOf(ctx, s, ids, p)
	return err
}

// keysOf reads the keys of ids, in their order.
func (v linksOf[L]) keysOf(
	ctx context.Context, s *session, ids []membership.ID, p *pushdown,
) (keys []membership.LinkKey, err error) {
	sizes, err := v.keys(ctx, s, v.with(), append(slices.Clone(p.args[:2]), ids))
	size := make(map[membership.ID]int64, len(sizes))
	for _, k := range sizes {
		size[k.ID] = k.Size
	}
	for _, id := range ids {
		keys = append(keys, membership.LinkKey{ID: id, Size: size[id]})
	}
	return keys, err
}

// choose counts those of a batch that the filter selects, and offers them.
func (v linksOf[L]) choose(ctx context.Context, q membership.LinkQuery, batch []L, chosen *best) (n int, err error) {
	resources := make([]map[string]any, len(batch))
	for i, l := range batch {
		resources[i] = v.resource(q.Resources, l)
	}
	if v.enrich != nil {
		if err := v.enrich(ctx, q.Filter, batch, resources); err != nil {
			return 0, err
		}
	}
	for i, l := range batch {
		f := q.Filter
		if v.filterOf != nil {
			if f, err = v.filterOf(ctx, f, l); err != nil {
				return 0, err
			}
		}
		if f != nil && !f.Match(resources[i]) {
			continue
		}
		n++
		chosen.offer(q.Sort.Cursor(resources[i], v.id(l)))
	}
	return n, nil
}

// with selects the links of ids, which are the argument behind the tenant and the
// connection.
func (v linksOf[L]) with() string {
	return ` from ` + v.table + ` l where l.tenant_id = $1 and l.connection_id = $2 and ` + v.columns.id +
		` in (select i.id from {ids $3} i)`
}

// named loads resources by their ids, in that order. scope is the tenant and the
// connection.
func (v linksOf[L]) named(ctx context.Context, ids []membership.ID, scope ...any) ([]L, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	at := make(map[membership.ID]int, len(ids))
	for i, id := range ids {
		at[id] = i
	}
	links, err := v.load(ctx, `select `+v.from+v.with(), append(slices.Clone(scope), ids)...)
	slices.SortFunc(links, func(a, b L) int { return at[v.id(a)] - at[v.id(b)] })
	return links, err
}

// best keeps the first (or the last) few places of an order that a page can have. It
// is a heap with the worst of them on top.
type best struct {
	query   membership.LinkQuery
	most    int
	last    bool
	cursors []membership.Cursor
}

func newBest(q membership.LinkQuery) *best {
	return &best{query: q, most: q.Offset + q.Limit, last: q.Before != nil}
}

func (b *best) offer(m membership.Cursor) {
	after, before := b.query.After, b.query.Before
	if b.most == 0 || after != nil && b.query.Sort.Compare(m, *after) <= 0 || before != nil &&
		b.query.Sort.Compare(m, *before) >= 0 {
		return
	}
	if len(b.cursors) < b.most {
		heap.Push(b, m)
		return
	}
	if b.compare(m, b.cursors[0]) < 0 {
		b.cursors[0] = m
		heap.Fix(b, 0)
	}
}

func (b *best) compare(x, y membership.Cursor) int {
	c := b.query.Sort.Compare(x, y)
	if b.last {
		return -c
	}
	return c
}

// ordered returns what was kept, in the order asked for.
func (b *best) ordered() []membership.Cursor {
	slices.SortFunc(b.cursors, b.query.Sort.Compare)
	return b.cursors
}

func (b *best) Len() int           { return len(b.cursors) }
func (b *best) Less(i, j int) bool { return b.compare(b.cursors[i], b.cursors[j]) > 0 }
func (b *best) Swap(i, j int)      { b.cursors[i], b.cursors[j] = b.cursors[j], b.cursors[i] }
func (b *best) Push(x any) {
	b.cursors = append(b.cursors, x.(membership.Cursor))
} //nolint:forcetypeassert // container/heap
func (b *best) Pop() any {
	m := b.cursors[len(b.cursors)-1]
	b.cursors = b.cursors[:len(b.cursors)-1]
	return m
}
