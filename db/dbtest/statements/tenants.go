package statements

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// tenants finds the tables of tenants in a statement that are not restricted to one tenant, the
// same for all of them: by an equality of their own tenant_id with a parameter, a variable or a
// constant, or with the tenant_id of another table that is so restricted.
func (c *Checker) tenants(statement node, variables map[string]bool) (wrong []string) {
	a := &analysis{checker: c, variables: variables}
	a.statement(statement, nil)
	for again := true; again; {
		again = false
		for _, r := range a.rules {
			if of := common(r.when); r.then.of == "" && of != "" {
				r.then.of, again = of, true
			}
		}
	}
	of := ""
	for _, t := range a.tables {
		switch {
		case t.tenant.of == "":
			a.wrong = append(a.wrong, fmt.Sprintf("%s is not restricted to one tenant", t.name))
		case of == "":
			of = t.tenant.of
		case of != t.tenant.of:
			a.wrong = append(a.wrong,
				fmt.Sprintf("%s is restricted to %s, and another table to %s", t.name, t.tenant.of, of))
		}
	}
	return a.wrong
}

// common is what all of some values are; "": they differ, or one is not known.
func common(values []*value) (of string) {
	for i, v := range values {
		if v == nil || v.of == "" || i > 0 && v.of != of {
			return ""
		}
		of = v.of
	}
	return of
}

// value is one of a statement, such as a tenant_id of a table.
type value struct {
	// The parameter, variable or constant that it is in all rows; "": it is none.
	of    string
	table bool // a column of a table
	// The tenant_ids of tables that a derived table has it from, so that what restricts
	// the one restricts the others.
	from []*value
}

type rule struct {
	then *value
	when []*value // all of them, and they are the same
}

type table struct {
	name   string
	tenant *value
}

type analysis struct {
	checker   *Checker
	variables map[string]bool
	rules     []rule
	tables    []table
	wrong     []string
}

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

func (a *analysis) statement(n node, outer *scope) []column {
	in := &scope{outer: outer, queries: map[string][]column{}}
	a.queries(n.child("withClause"), in)
	switch n.kind {
	case "SelectStmt":
		return a.selects(n, in)
	case "InsertStmt":
		a.insert(n, in)
	case "UpdateStmt", "DeleteStmt":
		a.relation(n.child("relation"), in)
		for _, f := range append(n.list("fromClause"), n.list("usingClause")...) {
			a.from(f, in)
		}
		a.conditions(n.child("whereClause"), in, in.sources)
		a.subqueries(in, n, "targetList", "whereClause", "returningList")
		return a.columns(n.list("returningList"), in, false)
	case "MergeStmt": // refused: shapes
	case "PrepareStmt", "ExplainStmt", "DeclareCursorStmt":
		return a.statement(n.child("query"), in)
	default: // such as create table … as
		a.nested(n, in)
	}
	return nil
}

func (a *analysis) queries(with node, in *scope) {
	for _, q := range with.list("ctes") {
		name, query := q.text("ctename"), q.child("ctequery")
		aliases := names(q.list("aliascolnames"))
		if with.is("recursive") && query.has("op") && query.text("op") != "SETOP_NONE" && query.kind == "SelectStmt" {
			body := &scope{outer: in, queries: map[string][]column{}}
			a.queries(query.child("withClause"), body)
			first := renamed(a.statement(node{"SelectStmt", query.child("larg").fields}, body), aliases)
			body.queries[name] = first
			more := a.statement(node{"SelectStmt", query.child("rarg").fields}, body)
			in.queries[name] = closed(a.either(first, more))
			continue
		}
		in.queries[name] = closed(renamed(a.statement(query, in), aliases))
	}
}

// closed columns are not restricted from outside.
func closed(columns []column) (out []column) {
	for _, c := range columns {
		if c.v != nil {
			c.v.from = nil
		}
		out = append(out, c)
	}
	return out
}

func renamed(columns []column, aliases []string) []column {
	columns = slices.Clone(columns)
	for i, name := range aliases {
		if i == len(columns) {
			columns = append(columns, column{})
		}
		columns[i].name = name
	}
	return columns
}

// either are the columns of a union.
func (a *analysis) either(left, right []column) (out []column) {
	for i, l := range left {
		c := column{l.name, &value{}}
		if i < len(right) && l.v != nil && right[i].v != nil {
			r := right[i].v
			c.v.table = l.v.table && r.table
			c.v.from = slices.Concat(l.v.from, r.from)
			a.rules = append(a.rules, rule{c.v, []*value{l.v, r}})
		}
		out = append(out, c)
	}
	return out
}

func (a *analysis) selects(n node, in *scope) []column {
	if op := n.text("op"); op != "" && op != "SETOP_NONE" {
		left := a.statement(node{"SelectStmt", n.child("larg").fields}, in)
		right := a.statement(node{"SelectStmt", n.child("rarg").fields}, in)
		out := a.either(left, right)
		if n.has("limitCount") || n.has("limitOffset") {
			out = closed(out)
		}
		return out
	}
	if n.has("valuesLists") {
		return a.values(n, in)
	}
	for _, f := range n.list("fromClause") {
		a.from(f, in)
	}
	a.conditions(n.child("whereClause"), in, in.sources)
	a.subqueries(in, n, "targetList", "whereClause", "havingClause", "groupClause", "sortClause", "distinctClause",
		"windowClause", "limitCount", "limitOffset")
	// What restricts the result restricts the tables, unless it is computed of several rows.
	through := !n.has("limitCount") && !n.has("limitOffset") && !n.has("distinctClause") && !n.has("groupClause") &&
		!slices.ContainsFunc(n.list("targetList"), func(t node) bool {
			return t.any(func(n node) bool { return n.has("over") })
		})
	return a.columns(n.list("targetList"), in, through)
}

func (a *analysis) values(n node, in *scope) (out []column) {
	a.subqueries(in, n, "valuesLists")
	for i, row := range n.list("valuesLists") {
		for j, e := range row.list("items") {
			v := a.value(e, in)
			if i == 0 {
				out = append(out, column{fmt.Sprint("column", j+1), v})
			} else if j < len(out) && !a.same(n, i, j) {
				out[j].v = nil
			}
		}
	}
	return out
}

// same reports whether a value of a row is that of the first row.
func (a *analysis) same(n node, row, place int) bool {
	rows := n.list("valuesLists")
	x, y := rows[0].list("items")[place], rows[row].list("items")[place]
	return reflect.DeepEqual(withoutPlaces(x.fields), withoutPlaces(y.fields))
}

func withoutPlaces(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := maps.Clone(v)
		delete(m, "location")
		for k, e := range m {
			m[k] = withoutPlaces(e)
		}
		return m
	case []any:
		l := slices.Clone(v)
		for i, e := range l {
			l[i] = withoutPlaces(e)
		}
		return l
	}
	return v
}

// columns are those that a query returns. Through: what restricts them restricts the tables.
func (a *analysis) columns(targets []node, in *scope, through bool) (out []column) {
	add := func(name string, v *value, own bool) {
		c := column{name, v}
		if v != nil && v.table {
			c.v = &value{table: true}
			a.rules = append(a.rules, rule{c.v, []*value{v}})
			if through && own {
				c.v.from = []*value{v}
			}
		}
		out = append(out, c)
	}
	for _, t := range targets {
		e := t.child("val")
		parts := names(e.list("fields"))
		switch {
		case e.kind == "ColumnRef" && parts[len(parts)-1] == "*":
			for _, s := range in.sources {
				if len(parts) > 1 && s.alias != parts[0] {
					continue
				}
				for _, name := range slices.Sorted(maps.Keys(s.columns)) {
					add(name, s.columns[name], true)
				}
			}
		case e.kind == "ColumnRef":
			_, own := (&scope{sources: in.sources}).find(parts)
			add(orElse(t.text("name"), parts[len(parts)-1]), a.value(e, in), own)
		default:
			add(t.text("name"), a.value(e, in), false)
		}
	}
	return out
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
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

// conditions reads those that all hold: they restrict these sources.
func (a *analysis) conditions(n node, in *scope, restricted []*source) {
	switch {
	case n.kind == "BoolExpr" && n.text("boolop") == "AND_EXPR":
		for _, c := range n.list("args") {
			a.conditions(c, in, restricted)
		}
	case n.kind == "A_Expr" && n.text("kind") == "AEXPR_OP" && slices.Equal(names(n.list("name")), []string{"="}):
		l, r := n.child("lexpr"), n.child("rexpr")
		if l.kind == "RowExpr" && r.kind == "RowExpr" {
			ls, rs := l.list("args"), r.list("args")
			for i := range min(len(ls), len(rs)) {
				a.equal(a.value(ls[i], in), a.value(rs[i], in), restricted)
			}
			return
		}
		a.equal(a.value(l, in), a.value(r, in), restricted)
	}
}

func (a *analysis) equal(x, y *value, restricted []*source) {
	if x == nil || y == nil {
		return
	}
	for _, s := range restricted {
		for _, v := range s.columns {
			if v == x {
				a.rules = append(a.rules, rule{x, []*value{y}})
			}
			if v == y {
				a.rules = append(a.rules, rule{y, []*value{x}})
			}
		}
	}
}

// value is what an expression is, nil if that is not known.
func (a *analysis) value(e node, in *scope) *value {
	switch e.kind {
	case "ParamRef":
		return &value{of: fmt.Sprint("$", e.number("number"))}
	case "A_Const":
		if e.is("isnull") {
			return &value{}
		}
		return &value{of: fmt.Sprint("the constant ", withoutPlaces(e.fields))}
	case "TypeCast":
		if v := a.value(e.child("arg"), in); v != nil && !v.table { // no index has a column that is cast
			return v
		}
	case "ColumnRef":
		parts := names(e.list("fields"))
		if v, ok := in.find(parts); ok {
			return v
		}
		if a.variables[parts[0]] {
			return &value{of: strings.Join(parts, ".")}
		}
	}
	return nil
}

// subqueries reads those in fields of a statement.
func (a *analysis) subqueries(in *scope, n node, fields ...string) {
	for _, f := range fields {
		walkValue(n.fields[f], a.visit(in))
	}
}

func (a *analysis) nested(n node, in *scope) { n.walk(a.visit(in)) }

func (a *analysis) visit(in *scope) func(node) bool {
	return func(n node) bool {
		if n.kind == "SelectStmt" || slices.Contains(changes, n.kind) {
			a.statement(n, in)
			return false
		}
		return true
	}
}

func (a *analysis) insert(n node, in *scope) {
	query := n.child("selectStmt")
	columns := a.statement(query, in)
	target := a.relation(n.child("relation"), in)
	name := n.child("relation").text("relname")
	in.sources = append(in.sources, &source{"excluded", target.columns})
	conflict := n.child("onConflictClause")
	a.subqueries(in, n, "returningList", "onConflictClause")
	tenant := target.columns["tenant_id"]
	if tenant == nil {
		return
	}
	place := slices.IndexFunc(n.list("cols"), func(c node) bool { return c.text("name") == "tenant_id" })
	var given *value
	if place >= 0 && place < len(columns) {
		given = columns[place].v
	}
	a.rules = append(a.rules, rule{tenant, []*value{given}})
	if query.has("valuesLists") {
		return
	}
	if given == nil || !given.table {
		a.wrong = append(a.wrong, "what is inserted into "+name+
			" is selected with a tenant_id that is no column of a table of the tenant")
	}
	if conflict.none() {
		a.wrong = append(a.wrong, "what is inserted into "+name+" is selected, without on conflict")
	}
}
