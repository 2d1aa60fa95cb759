package db

import (
	"context"
	"fmt"

	"github.com/scimbridge/scimbridge/membership"
)

// viewBatch is how many candidates of a filter that Go decides are held at once.
const viewBatch = 500

// viewOf lists one connection's links of one kind by a ViewQuery.
type viewOf[L any] struct {
	columns  columns
	from     string // "<columns> from <table> l"
	table    string
	load     func(ctx context.Context, q string, args ...any) ([]L, error)
	id       func(L) membership.ID
	resource func(L) map[string]any
	// enrich adds what is dear to load to the resources of a batch, if the
	// filter mentions it.
	enrich func(ctx context.Context, f membership.Filter, batch []L, resources []map[string]any) error
}

func (v viewOf[L]) page(ctx context.Context, s *session, connection membership.ID, q membership.ViewQuery) ([]L, int, error) {
	p := pushdown{columns: v.columns, args: []any{s.tenant, connection}}
	condition, exact := p.write(q.Filter)
	where := ` from ` + v.table + ` l where l.tenant_id = $1 and l.connection_id = $2`
	if condition != "" {
		where += ` and ` + condition
	}
	if !exact {
		return v.decide(ctx, q, where, p)
	}
	var total int
	if err := s.one(ctx, "total", `select count(*)`+where, p.args, &total); err != nil || q.Limit == 0 || q.Offset >= total {
		return nil, total, err
	}
	order := fmt.Sprintf(` order by %s limit %s offset %s`, v.columns.id, p.arg(q.Limit), p.arg(q.Offset))
	links, err := v.load(ctx, `select `+v.from+where+order, p.args...)
	return links, total, err
}

// decide lets Go choose among the candidates, batch by batch.
func (v viewOf[L]) decide(ctx context.Context, q membership.ViewQuery, where string, p pushdown) ([]L, int, error) {
	var page []L
	var total int
	var after membership.ID
	query := `select ` + v.from + where + fmt.Sprintf(` and %s > %s order by %[1]s limit %[3]d`,
		v.columns.id, p.arg(after), viewBatch)
	for {
		p.args[len(p.args)-1] = after
		batch, err := v.load(ctx, query, p.args...)
		if err != nil || len(batch) == 0 {
			return page, total, err
		}
		resources := make([]map[string]any, len(batch))
		for i, l := range batch {
			resources[i] = v.resource(l)
		}
		if err := v.enrich(ctx, q.Filter, batch, resources); err != nil {
			return nil, 0, err
		}
		for i, l := range batch {
			if !q.Filter.Match(resources[i]) {
				continue
			}
			if total++; total > q.Offset && len(page) < q.Limit {
				page = append(page, l)
			}
		}
		if len(batch) < viewBatch {
			return page, total, nil
		}
		after = v.id(batch[len(batch)-1])
	}
}

// UserLinks implements membership.Reader.
func (s *session) UserLinks(ctx context.Context, connection membership.ID, q membership.ViewQuery) ([]membership.UserLink, int, error) {
	return viewOf[membership.UserLink]{
		columns: userFilter, table: "user_links", from: userLinkColumns, load: s.userLinks,
		id:       func(l membership.UserLink) membership.ID { return l.User },
		resource: membership.UserLink.Resource,
		enrich: func(ctx context.Context, f membership.Filter, batch []membership.UserLink, rs []map[string]any) error {
			if !membership.Mentions(f, "groups") {
				return nil
			}
			ids := make([]membership.ID, len(batch))
			for i, l := range batch {
				ids[i] = l.User
			}
			groups, err := s.GroupsOf(ctx, connection, ids)
			for i, l := range batch {
				var refs []any
				for _, g := range groups[l.User] {
					refs = append(refs, map[string]any{"value": g.ID.String(), "display": g.DisplayName, "type": "direct"})
				}
				rs[i]["groups"] = refs
			}
			return err
		},
	}.page(ctx, s, connection, q)
}

// GroupLinks implements membership.Reader.
func (s *session) GroupLinks(ctx context.Context, connection membership.ID, q membership.ViewQuery) ([]membership.GroupLink, int, error) {
	return viewOf[membership.GroupLink]{
		columns: groupFilter, table: "group_links", from: groupLinkColumns, load: s.groupLinks,
		id:       func(l membership.GroupLink) membership.ID { return l.Group },
		resource: membership.GroupLink.Resource,
		enrich: func(ctx context.Context, f membership.Filter, batch []membership.GroupLink, rs []map[string]any) error {
			if !membership.Mentions(f, "members") {
				return nil
			}
			for i, l := range batch {
				var members []any
				for id, err := range s.MemberIDs(ctx, connection, l.Group) {
					if err != nil {
						return err
					}
					members = append(members, map[string]any{"value": id.String(), "type": "User"})
				}
				rs[i]["members"] = members
			}
			return nil
		},
	}.page(ctx, s, connection, q)
}
