package statements

import "slices"

// column is one that a query returns; v is nil where nothing is known of it.
type column struct {
	name string
	v    *value
}

// source is what a FROM names: a table or a derived one.
type source struct {
	alias   string
	columns map[string]*value
}

type scope struct {
	outer   *scope
	sources []*source
	queries map[string][]column // of WITH
}

func (s *scope) with(name string) ([]column, bool) {
	for ; s != nil; s = s.outer {
		if q, ok := s.queries[name]; ok {
			return q, true
		}
	}
	return nil, false
}

// find returns the value of a column, and whether there is such a column.
func (s *scope) find(parts []string) (*value, bool) {
	name := parts[len(parts)-1]
	for ; s != nil; s = s.outer {
		for _, src := range s.sources {
			if len(parts) > 1 && src.alias != parts[len(parts)-2] {
				continue
			}
			if v, ok := src.columns[name]; ok {
				return v, true
			}
			if len(parts) > 1 {
				return nil, true
			}
		}
	}
	return nil, false
}

// relation adds a table.
func (a *analysis) relation(n node, in *scope) *source {
	name := n.text("relname")
	s := &source{alias: orElse(n.child("alias").text("aliasname"), name)}
	if columns, ok := in.with(name); ok && !n.has("schemaname") {
		s.columns = a.derived(renamed(columns, names(n.child("alias").list("colnames"))))
	} else if a.checker.Tables[name] {
		tenant := &value{table: true}
		s.columns = map[string]*value{"tenant_id": tenant}
		a.tables = append(a.tables, table{name, tenant})
	}
	in.sources = append(in.sources, s)
	return s
}

// derived makes columns those of a source.
func (a *analysis) derived(columns []column) map[string]*value {
	out := map[string]*value{}
	for _, c := range columns {
		v := c.v
		if v != nil {
			inner := v
			v = &value{table: inner.table}
			a.rules = append(a.rules, rule{v, []*value{inner}})
			for _, f := range inner.from {
				a.rules = append(a.rules, rule{f, []*value{v}})
			}
		}
		out[c.name] = v
	}
	return out
}

// from adds what a FROM names, and returns it.
func (a *analysis) from(n node, in *scope) []*source {
	switch n.kind {
	case "RangeVar":
		return []*source{a.relation(n, in)}
	case "RangeSubselect":
		alias := n.child("alias")
		columns := a.statement(n.child("subquery"), in)
		columns = renamed(columns, names(alias.list("colnames")))
		s := &source{alias: alias.text("aliasname"), columns: a.derived(columns)}
		in.sources = append(in.sources, s)
		return []*source{s}
	case "JoinExpr":
		return a.join(n, in)
	default: // a function
		a.nested(n, in)
		s := &source{alias: n.child("alias").text("aliasname"), columns: map[string]*value{}}
		for _, name := range names(n.child("alias").list("colnames")) {
			s.columns[name] = nil
		}
		in.sources = append(in.sources, s)
		return []*source{s}
	}
}

func (a *analysis) join(n node, in *scope) []*source {
	left := a.from(n.child("larg"), in)
	right := a.from(n.child("rarg"), in)
	all := slices.Concat(left, right)
	restricted := all // by the condition of the join
	switch n.text("jointype") {
	case "JOIN_LEFT":
		restricted = right
	case "JOIN_RIGHT":
		restricted = left
	case "JOIN_FULL":
		restricted = nil
	}
	a.conditions(n.child("quals"), in, restricted)
	a.nested(n.child("quals"), in)
	for _, name := range names(n.list("usingClause")) {
		l, _ := (&scope{sources: left}).find([]string{name})
		r, _ := (&scope{sources: right}).find([]string{name})
		a.equal(l, r, restricted)
	}
	return all
}
