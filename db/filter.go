package db

import (
	"cmp"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

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
	bools    map[string]flag
	times    map[string]string
	related  map[string]string // attribute path → condition with one %s, on a related table
	idValues bool              // the values of related are ids
	// changed is the path of the time that has an index, of the tenant and the time.
	changed, changedIndex string
	// gathered are the attributes that are neither a column nor in the document.
	gathered string
}

// flag is a column that is true or false; index is of those where it is false, of
// the connection, in the order of ids, and total is the number of these.
type flag struct{ column, index, total string }

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
	bools: map[string]flag{"active": {column: "l.active", index: "user_links_inactive", total: inactiveLinks}},
	times: map[string]string{"meta.lastModified": "l.last_modified", "meta.created": "l.created_at"},
	related: map[string]string{"emails.value": `(l.user_id in (select e.user_id from user_link_emails e
		where e.tenant_id = $1 and e.connection_id = $2 and e.email_key = %s))`},
	changed: "meta.lastModified", changedIndex: "user_links_last_modified",
	gathered: "groups",
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
	gathered: "members",
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
	return cmp.Or(c.indexOfText(f), c.indexOfFalse(f))
}

func (c columns) indexOfText(f membership.Filter) string {
	switch f := f.(type) {
	case membership.And:
		return cmp.Or(c.indexOfText(f.Left), c.indexOfText(f.Right))
	case membership.Compare:
		value, isText := f.Value.(string)
		if f.Op == membership.Equal && f.Attribute.Schema == "" && !f.Attribute.Time && isText && value != "" &&
			membership.ValidText(value) {
			return c.texts[f.Attribute.Path()].index
		}
	}
	return ""
}

// indexOfFalse is index for what the whole filter wants to be false.
func (c columns) indexOfFalse(f membership.Filter) string {
	switch f := f.(type) {
	case membership.And:
		return cmp.Or(c.indexOfFalse(f.Left), c.indexOfFalse(f.Right))
	case membership.Compare:
		if f.Op == membership.Equal && f.Attribute.Schema == "" && f.Value == false {
			return c.bools[f.Attribute.Path()].index
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
		in.Attribute.Schema, in.Attribute.Name = f.Attribute.Schema, f.Attribute.Name
		return p.mentioned(in)
	}
	return "", false
}

const never = "(1 = 0)"

func (p *pushdown) compare(f membership.Compare) (string, bool) {
	if f.Attribute.Schema != "" {
		return p.mentioned(f)
	}
	path := f.Attribute.Path()
	if of, ok := p.columns.bools[path]; ok {
		switch {
		case f.Op != membership.Equal:
		case f.Value == true:
			return "(" + of.column + ")", true
		case f.Value == false: // as the condition of its index says it
			return "(not " + of.column + ")", true
		}
		return "", false
	}
	value, isText := f.Value.(string)
	if !isText || f.Attribute.Time {
		return p.time(f, path, value)
	}
	if f.Op == membership.NotEqual {
		f.Op = membership.Equal
		return p.write(membership.Not{Filter: f})
	}
	if f.Op != membership.Equal {
		return p.part(f, path, value)
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
	return p.mentioned(f)
}

// part is for a column that begins with a text, or has it inside.
func (p *pushdown) part(f membership.Compare, path, value string) (string, bool) {
	t, ok := p.columns.texts[path]
	if !ok {
		return p.mentioned(f)
	}
	key, exact := value, true
	if t.fold {
		key, exact = membership.PartKey(value)
	}
	if key == "" || t.fold == f.Attribute.CaseExact || !membership.ValidText(key) {
		return "", false
	}
	switch f.Op {
	case membership.StartsWith:
		c := "(" + t.column + " >= " + p.arg(key)
		if end := behind(key); end != "" {
			c += " and " + t.column + " < " + p.arg(end)
		}
		return c + ")", exact
	case membership.Contains:
		return "({contains " + t.column + " " + p.arg(key) + "})", exact
	}
	return "", false
}

// behind is the first text, in the order of bytes, behind all that begin with a
// prefix; "" if there is none.
func behind(prefix string) string {
	rs := []rune(prefix)
	for i := len(rs) - 1; i >= 0; i-- {
		switch r := rs[i] + 1; {
		case utf8.ValidRune(r):
			return string(rs[:i]) + string(r)
		case r <= utf8.MaxRune: // those that UTF-16 reserves
			return string(rs[:i]) + "\uE000"
		}
	}
	return ""
}

// mentioned is for an attribute of the document, which no column has: the text has
// to be in the document, whatever it is the value of. That saves the reading of
// most of them.
func (p *pushdown) mentioned(f membership.Compare) (string, bool) {
	value, isText := f.Value.(string)
	switch f.Op {
	case membership.Equal, membership.Contains, membership.StartsWith, membership.EndsWith:
	default:
		return "", false
	}
	if !isText || f.Attribute.Time || f.Attribute.Schema == "" && p.columns.outside(f.Attribute.Name) {
		return "", false
	}
	key := strings.ToLower(value)
	if !f.Attribute.CaseExact {
		key, _ = membership.PartKey(value)
	}
	if key == "" || !membership.ValidText(key) {
		return "", false
	}
	return "{mentions l.attributes " + p.arg(key) + "}", false
}

// outside reports whether an attribute is not in the document.
func (c columns) outside(name string) bool {
	for path := range c.texts {
		if strings.EqualFold(name, path) {
			return true
		}
	}
	for path := range c.bools {
		if strings.EqualFold(name, path) {
			return true
		}
	}
	for _, other := range []string{"schemas", "id", "meta", c.gathered} {
		if strings.EqualFold(name, other) {
			return true
		}
	}
	return false
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
