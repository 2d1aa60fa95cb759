package statements

import (
	"fmt"
	"maps"
	"slices"
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
