package db

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// linksOf lists one connection's links of one kind by a LinkQuery.
type linksOf[L any] struct {
	connection membership.ID
	columns    columns
	from       string // the columns to load
	table      string
	load       func(ctx context.Context, q string, args ...any) ([]L, error)
	id         func(L) membership.ID
	resource   func(membership.Resources, L) map[string]any
	// enrich adds what is dear to load to the resources of a batch, if the
	// filter mentions it.
	enrich func(ctx context.Context, f membership.Filter, batch []L, resources []map[string]any) error
	// filterOf decides what a filter says of what is too long to load.
	filterOf func(ctx context.Context, f membership.Filter, l L) (membership.Filter, error)
}

// wholePage is how many resources are loaded without a look at their sizes: a few
// megabytes at most.
var wholePage = 16

func (v linksOf[L]) page(
	ctx context.Context, s *session, q membership.LinkQuery,
) (page membership.LinkPage[L], err error) {
	among, err := v.candidates(ctx, s, q.Filter)
	if err != nil {
		return page, err
	}
	ctx, done, err := s.scanning(ctx, !among.known && v.columns.scans(q))
	if err != nil {
		return page, err
	}
	defer done()
	p := &pushdown{columns: v.columns, arguments: arguments{[]any{s.tenant, v.connection}}}
	if among.all && q.Sort.Attribute.Name == "" {
		return v.pageOf(ctx, s, q, among.ids, p)
	}
	where, exact := v.where(p, q.Filter, among)
	by, sorted := v.columns.order(q.Sort)
	if !exact || !sorted {
		return v.decide(ctx, s, q, where, p)
	}
	args := slices.Clip(p.args)
	load := func(limit int) ([]L, error) {
		part := q
		part.Limit = limit
		p.args = args
		return v.load(ctx, `select `+v.from+where+by.page(p, part), p.args...)
	}
	first := q.Offset == 0 && q.After == nil && q.Before == nil
	few := min(q.Limit, wholePage)
	// Most ask for one name: a page that is not full has all there is.
	if first && few > 0 && (q.Filter != nil || q.Limit == few) {
		if page.Links, err = load(few); err != nil || len(page.Links) < few {
			page.Total = len(page.Links)
			return page, err
		}
	}
	page.Total, err = v.total(ctx, s, q.Filter, among, where, args)
	switch {
	case err != nil, q.Limit == 0, q.Offset >= page.Total, first && q.Limit == few && page.Links != nil:
	case q.Limit == few:
		page.Links, err = load(few)
	case q.Offset > 0: // what is left out is read from the index only
		page.Links, p.args = nil, args
		ids, err := s.ids(ctx, `select `+v.columns.id+where+by.page(p, q), p.args...)
		if err != nil {
			return page, err
		}
		page.Keys, err = v.keysOf(ctx, s, ids, p)
		return page, err
	default:
		page.Links, p.args = nil, args
		page.Keys, err = v.keys(ctx, s, where+by.page(p, q), p.args)
	}
	if q.Before != nil {
		slices.Reverse(page.Links)
		slices.Reverse(page.Keys)
	}
	return page, err
}

// where is the end of a query of what a filter selects, or of more if it is not
// exact.
func (v linksOf[L]) where(p *pushdown, f membership.Filter, among candidates) (where string, exact bool) {
	condition, exact := p.write(f)
	where = ` from ` + v.table + ` l`
	if index := v.columns.index(f); index != "" && !among.known {
		where += ` {index ` + index + `}`
	}
	where += ` where l.tenant_id = $1 and l.connection_id = $2`
	if condition != "" {
		where += ` and ` + condition
	}
	if among.known {
		where += ` and ` + v.columns.id + ` {in ` + p.arg(among.ids) + `}`
	}
	return where, exact
}

// total is how many a filter selects; it does not count all there is.
func (v linksOf[L]) total(
	ctx context.Context, s *session, f membership.Filter, among candidates, where string, args []any,
) (n int, err error) {
	switch {
	case f == nil:
		return s.linksTotal(ctx, v.connection, v.table)
	case among.all:
		return len(among.ids), nil
	}
	n, known, err := v.flagTotal(ctx, s, f)
	if err == nil && !known {
		err = s.one(ctx, "total", `select count(*)`+where, args, &n)
	}
	return n, err
}

// keys reads the keys of what a query selects; rest stands behind its columns.
func (v linksOf[L]) keys(ctx context.Context, s *session, rest string, args []any) ([]membership.LinkKey, error) {
	return list(ctx, s, `select `+v.columns.id+`, octet_length(l.attributes)`+rest, args,
		func(k *membership.LinkKey) []any { return []any{&k.ID, &k.Size} })
}

// maxFilteredMembers bounds into how many members a filter looks that no index
// answers, such as members.value co "x".
var maxFilteredMembers = 1_000_000

// filteredMembers streams the members of a group as a filter sees them. looked
// counts them, over all groups of a query.
func (s *session) filteredMembers(
	ctx context.Context, f membership.Filter, connection, group membership.ID, looked *int,
) iter.Seq2[map[string]any, error] {
	return func(yield func(map[string]any, error) bool) {
		m := map[string]any{"type": "User"}
		for member, err := range s.membersFor(ctx, f, connection, group) {
			if *looked++; err == nil && *looked > maxFilteredMembers {
				err = &membership.Error{
					Kind:    membership.KindTooMany,
					Message: "the filter looks into too many members: ask with members.value eq, or for fewer groups",
				}
			}
			m["value"], m["display"] = member.User.String(), member.Name
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// membersFor streams members, with their names if a filter asks for them.
func (s *session) membersFor(
	ctx context.Context, f membership.Filter, connection, group membership.ID,
) iter.Seq2[membership.NamedMember, error] {
	if membership.MentionsPart(f, "members", "display") {
		return s.NamedMembers(ctx, connection, group)
	}
	return func(yield func(membership.NamedMember, error) bool) {
		for id, err := range s.MemberIDs(ctx, connection, group) {
			if !yield(membership.NamedMember{User: id}, err) {
				return
			}
		}
	}
}

// order is a sort that a column answers: key, then id.
type order struct {
	key, id string
	time    bool
	sort    membership.Sort
}

func (c columns) order(s membership.Sort) (order, bool) {
	o := order{id: c.id, sort: s}
	if s.Attribute.Schema != "" {
		return o, false
	}
	path := s.Attribute.Path()
	if path == "" || path == "id" {
		return o, true
	}
	if t, ok := c.texts[path]; ok && !t.optional && t.fold == !s.Attribute.CaseExact {
		o.key = t.column
		return o, true
	}
	column, ok := c.times[path]
	o.key, o.time = column, true
	return o, ok
}

// page writes the end of a query: the cursor, the order and the limit.
func (o order) page(p *pushdown, q membership.LinkQuery) string {
	key, id := "asc", "asc"
	if q.Sort.Descending && o.key != "" {
		key = "desc"
	}
	if q.Sort.Descending && o.key == "" {
		id = "desc"
	}
	cursor := q.After
	if q.Before != nil {
		cursor = q.Before
		key, id = opposite[key], opposite[id]
	}
	var sql string
	if cursor != nil {
		sql = ` and ` + o.beyond(p, *cursor, key, id)
	}
	sql += ` order by `
	if o.key != "" {
		sql += o.key + ` ` + key + `, `
	}
	return sql + o.id + ` ` + id + ` limit ` + p.arg(q.Limit) + ` offset ` + p.arg(q.Offset)
}

var (
	opposite = map[string]string{"asc": "desc", "desc": "asc"}
	greater  = map[string]string{"asc": ">", "desc": "<"}
)

// beyond is the condition of being past a cursor, in the direction of reading.
func (o order) beyond(p *pushdown, m membership.Cursor, key, id string) string {
	past := fmt.Sprintf(`%s %s %s`, o.id, greater[id], p.arg(m.ID))
	if o.key == "" {
		return past
	}
	var at any = m.Key
	if o.time {
		var t stamp
		if err := t.Scan(m.Key); err != nil {
			return never // a cursor that this order has not made
		}
		at = t
	}
	k := p.arg(at)
	return fmt.Sprintf(`(%[1]s %[2]s %[3]s or %[1]s = %[3]s and %[4]s)`, o.key, greater[key], k, past)
}

func (s *session) userLinkPages(connection membership.ID) linksOf[membership.UserLink] {
	return linksOf[membership.UserLink]{
		connection: connection, columns: userFilter, table: userLinkTable, from: userLinkColumns, load: s.userLinks,
		id:       func(l membership.UserLink) membership.ID { return l.User },
		resource: membership.Resources.User,
		enrich: func(ctx context.Context, f membership.Filter, batch []membership.UserLink, rs []map[string]any) error {
			if !membership.Mentions(f, "groups") {
				return nil
			}
			ids := make([]membership.ID, len(batch))
			for i, l := range batch {
				ids[i] = l.User
			}
			groups, err := s.GroupsOf(ctx, connection, ids, 0)
			for i, l := range batch {
				var refs []any
				for _, g := range groups[l.User] {
					refs = append(refs,
						map[string]any{"value": g.ID.String(), "display": g.DisplayName, "type": "direct"})
				}
				rs[i]["groups"] = refs
			}
			return err
		},
	}
}

// UserLinks implements membership.Reader.
func (s *session) UserLinks(
	ctx context.Context, connection membership.ID, q membership.LinkQuery,
) (membership.LinkPage[membership.UserLink], error) {
	return s.userLinkPages(connection).page(ctx, s, q)
}

// UserLinksByID implements membership.Reader.
func (s *session) UserLinksByID(
	ctx context.Context, connection membership.ID, ids []membership.ID,
) ([]membership.UserLink, error) {
	return s.userLinkPages(connection).named(ctx, ids, s.tenant, connection)
}

func (s *session) groupLinkPages(connection membership.ID) linksOf[membership.GroupLink] {
	looked := 0
	return linksOf[membership.GroupLink]{
		connection: connection, columns: groupFilter, table: groupLinkTable, from: groupLinkColumns, load: s.groupLinks,
		id:       func(l membership.GroupLink) membership.ID { return l.Group },
		resource: membership.Resources.Group,
		filterOf: func(ctx context.Context, f membership.Filter, l membership.GroupLink) (membership.Filter, error) {
			if !membership.Mentions(f, "members") {
				return f, nil
			}
			return membership.OfElements(f, "members", s.filteredMembers(ctx, f, connection, l.Group, &looked))
		},
	}
}

// GroupLinks implements membership.Reader.
func (s *session) GroupLinks(
	ctx context.Context, connection membership.ID, q membership.LinkQuery,
) (membership.LinkPage[membership.GroupLink], error) {
	return s.groupLinkPages(connection).page(ctx, s, q)
}

// GroupLinksByID implements membership.Reader.
func (s *session) GroupLinksByID(
	ctx context.Context, connection membership.ID, ids []membership.ID,
) ([]membership.GroupLink, error) {
	return s.groupLinkPages(connection).named(ctx, ids, s.tenant, connection)
}
