package db

import (
	"cmp"
	"fmt"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// pushdown writes as much of a filter as the columns of links can answer. Its
// SQL selects at least what the filter selects; exact says that it selects
// nothing else, so that pages and totals can be left to the database.
type pushdown struct {
	columns columns
	arguments
}

// columns is the allow-list of a resource type.
type columns struct {
	id       string
	texts    map[string]text // attribute path → column
	bools    map[string]string
	times    map[string]string
	related  map[string]string // attribute path → condition with one %s, on a related table
	idValues bool              // the values of related are ids
	// timeIndex is the path of a time that has an index.
	timeIndex string
}

type text struct {
	column   string
	index    string // of the tenant and the column
	fold     bool
	optional bool // empty stands for absent
}

var userFilter = columns{
	id: "l.user_id",
	texts: map[string]text{
		"userName":   {column: "l.user_name_key", index: "user_links_user_name", fold: true},
		"externalId": {column: "l.external_id", index: "user_links_external_id", optional: true},
	},
	bools: map[string]string{"active": "l.active"},
	times: map[string]string{"meta.lastModified": "l.last_modified", "meta.created": "l.created_at"},
	related: map[string]string{"emails.value": `(l.user_id in (select e.user_id from user_link_emails e
		where e.tenant_id = $1 and e.connection_id = $2 and e.email_key = %s))`},
	timeIndex: "meta.lastModified",
}

var groupFilter = columns{
	id: "l.group_id",
	texts: map[string]text{
		"displayName": {column: "l.display_name_key", index: "group_links_display_name", fold: true},
		"externalId":  {column: "l.external_id", index: "group_links_external_id", optional: true},
	},
	times: map[string]string{"meta.lastModified": "l.last_modified", "meta.created": "l.created_at"},
	related: map[string]string{"members.value": `(l.group_id in (select o.id from grants m {index grants_of_user}
		{lookup groups o on o.tenant_id = $1 and o.no = m.group_no}
		where m.tenant_id = $1 and m.connection_no = ` + noOfConnection + `$2) and m.user_id = %s))`},
	idValues: true,
}

// write returns the condition, or "" when nothing can be said.
func (p *pushdown) write(f membership.Filter) (sql string, exact bool) {
	switch f := f.(type) {
	case nil:
		return "", true
	case membership.And:
		l, le := p.write(f.Left)
		r, re := p.write(f.Right)
		return both(l, r), le && re
	case membership.Or:
		cursor := len(p.args)
		l, le := p.write(f.Left)
		r, re := p.write(f.Right)
		if l == "" || r == "" {
			p.args = p.args[:cursor] // what is not used must not be sent
			return "", false
		}
		return "(" + l + " or " + r + ")", le && re
	case membership.Not:
		cursor := len(p.args)
		if c, ok := p.write(f.Filter); ok && c != "" {
			return "not " + c, true
		}
		p.args = p.args[:cursor]
	case membership.Element:
		return p.element(f)
	case membership.Compare:
		return p.compare(f)
	}
	return "", false
}

// index names the index of a text that the whole filter wants to be equal; ""
// if there is none. SQLite would go through all links in their order instead.
func (c columns) index(f membership.Filter) string {
	switch f := f.(type) {
	case membership.And:
		return cmp.Or(c.index(f.Left), c.index(f.Right))
	case membership.Compare:
		value, isText := f.Value.(string)
		if f.Op == membership.Equal && f.Attribute.Schema == "" && !f.Attribute.Time && isText && value != "" && membership.ValidText(value) {
			return c.texts[f.Attribute.Path()].index
		}
	}
	return ""
}

func both(l, r string) string {
	switch {
	case l == "":
		return r
	case r == "":
		return l
	}
	return "(" + l + " and " + r + ")"
}

// element narrows attribute[… and value eq "x" and …] by the value.
func (p *pushdown) element(f membership.Element) (string, bool) {
	switch in := f.Filter.(type) {
	case membership.And:
		l, _ := p.element(membership.Element{Attribute: f.Attribute, Filter: in.Left})
		r, _ := p.element(membership.Element{Attribute: f.Attribute, Filter: in.Right})
		return both(l, r), false
	case membership.Compare:
		// Any other operator on one element says nothing of the others.
		if in.Op == membership.Equal && in.Attribute.Path() == "value" && f.Attribute.Schema == "" {
			a := in.Attribute
			a.Name, a.Sub = f.Attribute.Name, "value"
			c, _ := p.compare(membership.Compare{Attribute: a, Op: in.Op, Value: in.Value})
			return c, false
		}
	}
	return "", false
}

const never = "(1 = 0)"

func (p *pushdown) compare(f membership.Compare) (string, bool) {
	if f.Attribute.Schema != "" {
		return "", false
	}
	path := f.Attribute.Path()
	if column, ok := p.columns.bools[path]; ok {
		if b, isBool := f.Value.(bool); isBool && f.Op == membership.Equal {
			return "(" + column + " = " + p.arg(b) + ")", true
		}
		return "", false
	}
	value, isText := f.Value.(string)
	if !isText || f.Attribute.Time {
		return p.time(f, path, value)
	}
	if f.Op == membership.NotEqual {
		f.Op = membership.Equal
		if c, ok := p.compare(f); ok && c != "" {
			return "not " + c, true
		}
		return "", false
	}
	if f.Op != membership.Equal {
		return "", false
	}
	if value == "" || !membership.ValidText(value) {
		return never, true
	}
	if path == "id" {
		return p.equalsID(value, "("+p.columns.id+" = %s)"), true
	}
	if t, ok := p.columns.texts[path]; ok {
		if t.fold {
			value = membership.Fold(value)
		}
		return "(" + t.column + " = " + p.arg(value) + ")", true
	}
	if condition, ok := p.columns.related[path]; ok {
		if p.columns.idValues {
			return p.equalsID(value, condition), true
		}
		return fmt.Sprintf(condition, p.arg(membership.Fold(value))), true
	}
	return "", false
}

// equalsID compares ids by their canonical text, so no other spelling of one
// is equal (RFC 7643 section 3.1: caseExact).
func (p *pushdown) equalsID(value, condition string) string {
	id, err := membership.ParseID(value)
	if err != nil || id.String() != value {
		return never
	}
	return fmt.Sprintf(condition, p.arg(id))
}

var sqlOperators = map[membership.Operator]string{
	membership.Equal: "=", membership.NotEqual: "<>",
	membership.Greater: ">", membership.GreaterOrEqual: ">=",
	membership.Less: "<", membership.LessOrEqual: "<=",
}

func (p *pushdown) time(f membership.Compare, path, value string) (string, bool) {
	column, known := p.columns.times[path]
	op, ordered := sqlOperators[f.Op]
	t, err := time.Parse(time.RFC3339Nano, value)
	// Columns have microseconds: a finer value would be cut.
	if !known || !ordered || err != nil || t.Nanosecond()%1000 != 0 || t.Year() < 1 || t.Year() > 9999 {
		return "", false
	}
	return "(" + column + " " + op + " " + p.arg(stamp(t)) + ")", true
}
