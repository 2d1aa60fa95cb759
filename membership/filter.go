package membership

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"
)

// Filter is a filter of RFC 7644 section 3.4.2.2 whose attributes a door has
// already resolved against its schemas. A store turns into a query what its
// indexes can answer and leaves the rest to Match; both mean the same.
type Filter interface {
	// Match evaluates the filter on a resource in its JSON form, with canonical
	// attribute names; extensions are objects under their URN.
	Match(resource map[string]any) bool
}

// And is true when both are.
type And struct{ Left, Right Filter }

// Or is true when one is.
type Or struct{ Left, Right Filter }

// Not is true when its filter is not.
type Not struct{ Filter Filter }

// Attribute is a resolved attribute path. Sub is set whenever the attribute is
// complex and compared by value.
type Attribute struct {
	Schema    string // the URN of an extension; empty for the resource's own schema
	Name      string
	Sub       string
	CaseExact bool
	Time      bool // a dateTime, compared by time
	// Unlisted: no schema has it. Its names, and that of the schema, are then
	// looked up in any letter case.
	Unlisted bool
}

// Path returns the canonical path without the schema, such as emails.value.
func (a Attribute) Path() string {
	if a.Sub == "" {
		return a.Name
	}
	return a.Name + "." + a.Sub
}

// Operator is a comparison operator, in small letters.
type Operator string

// The operators of RFC 7644 table 3.
const (
	Equal          Operator = "eq"
	NotEqual       Operator = "ne"
	Contains       Operator = "co"
	StartsWith     Operator = "sw"
	EndsWith       Operator = "ew"
	Present        Operator = "pr"
	Greater        Operator = "gt"
	GreaterOrEqual Operator = "ge"
	Less           Operator = "lt"
	LessOrEqual    Operator = "le"
)

// Compare holds an attribute against a value: string, bool, float64, json.Number
// or nil. On a multi-valued attribute one element that matches is enough; ne is the
// opposite of eq.
type Compare struct {
	Attribute Attribute
	Op        Operator
	Value     any
}

// Element is a complex filter, attribute[filter]: true when one element of the
// attribute matches the filter, whose attributes are sub-attributes.
type Element struct {
	Attribute Attribute
	Filter    Filter
}

// Match implements Filter.
func (f And) Match(r map[string]any) bool { return f.Left.Match(r) && f.Right.Match(r) }

// Match implements Filter.
func (f Or) Match(r map[string]any) bool { return f.Left.Match(r) || f.Right.Match(r) }

// Match implements Filter.
func (f Not) Match(r map[string]any) bool { return !f.Filter.Match(r) }

// Match implements Filter.
func (f Element) Match(r map[string]any) bool {
	for _, v := range f.Attribute.values(r, false) {
		m, ok := v.(map[string]any)
		if !ok { // a simple element is its value
			m = map[string]any{"value": v}
		}
		if f.Filter.Match(m) {
			return true
		}
	}
	return false
}

// Match implements Filter.
func (f Compare) Match(r map[string]any) bool {
	if f.Op == NotEqual {
		return !f.any(r, Equal)
	}
	return f.any(r, f.Op)
}

func (f Compare) any(r map[string]any, op Operator) bool {
	values := f.Attribute.values(r, true)
	if op == Equal && f.Value == nil { // "eq null" asks for what is not there
		return len(values) == 0
	}
	for _, v := range values {
		if op == Present || f.holds(op, v) {
			return true
		}
	}
	return op == Equal && f.Value == false && f.Attribute.notPrimary(r)
}

// notPrimary finds an element that does not say whether it is the primary one:
// it is not (RFC 7643 section 2.4).
func (a Attribute) notPrimary(r map[string]any) bool {
	const primary = "primary"
	if a.Sub == "" && strings.EqualFold(a.Name, primary) {
		return a.named(r, primary) == nil
	}
	if !strings.EqualFold(a.Sub, primary) {
		return false
	}
	for _, e := range (Attribute{Schema: a.Schema, Name: a.Name, Unlisted: a.Unlisted}).values(r, false) {
		if m, ok := e.(map[string]any); ok && a.named(m, primary) == nil {
			return true
		}
	}
	return false
}

// values returns the present values at the path: elements of arrays one by one.
// Without leaf the path ends at the attribute itself.
func (a Attribute) values(r map[string]any, leaf bool) []any {
	if a.Schema != "" {
		ext, ok := a.named(r, a.Schema).(map[string]any)
		if !ok {
			return nil
		}
		r = ext
	}
	vs := elements(a.named(r, a.Name))
	if !leaf || a.Sub == "" {
		return vs
	}
	var out []any
	for _, v := range vs {
		if m, ok := v.(map[string]any); ok {
			out = append(out, elements(a.named(m, a.Sub))...)
		} else if a.Sub == "value" { // a simple element stands for its value
			out = append(out, v)
		}
	}
	return out
}

// named returns the member of an object.
func (a Attribute) named(object map[string]any, name string) any {
	v, ok := object[name]
	if !ok && a.Unlisted {
		return object[KeyFold(object, name)]
	}
	return v
}

// KeyFold returns the key of an object that is name in another letter case, the
// first of them in the order of the keys, or name if there is none.
func KeyFold(object map[string]any, name string) string {
	if _, ok := object[name]; ok {
		return name
	}
	found := ""
	for key := range object {
		if strings.EqualFold(key, name) && (found == "" || key < found) {
			found = key
		}
	}
	if found == "" {
		return name
	}
	return found
}

// elements returns v as a list without what counts as unassigned (RFC 7643
// section 2.5).
func elements(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case string:
		if v == "" {
			return nil
		}
	case []any:
		var out []any
		for _, e := range v {
			if e != nil && e != "" {
				out = append(out, e)
			}
		}
		return out
	case map[string]any:
		if len(v) == 0 {
			return nil
		}
	}
	return []any{v}
}

func (f Compare) holds(op Operator, have any) bool {
	switch want := f.Value.(type) {
	case string:
		s, ok := have.(string)
		return ok && f.holdsText(op, s, want)
	case bool:
		b, ok := have.(bool)
		return ok && op == Equal && b == want
	case float64, json.Number:
		c, ok := CompareNumbers(have, want)
		return ok && ordered(op, c)
	}
	return false
}

func (f Compare) holdsText(op Operator, have, want string) bool {
	if f.Attribute.Time && op != Contains && op != StartsWith && op != EndsWith {
		h, herr := time.Parse(time.RFC3339Nano, have)
		w, werr := time.Parse(time.RFC3339Nano, want)
		if herr == nil && werr == nil {
			return ordered(op, h.Compare(w))
		}
	}
	if f.Attribute.CaseExact {
		return op.holds(have, want)
	}
	key, wanted := Fold(have), Fold(want)
	if !op.ofParts() {
		return op.holds(key, wanted)
	}
	// A part has its blanks: "ann " is in "ann lee", and not in "annabel".
	part := foldPart(want)
	return key == wanted || op.holds(key, part) || op.holds(foldPart(have), part)
}

func (op Operator) ofParts() bool { return op == Contains || op == StartsWith || op == EndsWith }

// holds compares two keys.
func (op Operator) holds(have, want string) bool {
	switch op {
	case Contains:
		return strings.Contains(have, want)
	case StartsWith:
		return strings.HasPrefix(have, want)
	case EndsWith:
		return strings.HasSuffix(have, want)
	}
	return ordered(op, strings.Compare(have, want))
}

// CompareNumbers compares two numbers of decoded JSON, each a float64 or a
// json.Number, as cmp.Compare does. Integers that are given as json.Number are
// compared by their digits: ids are longer than what a float64 holds.
func CompareNumbers(a, b any) (c int, ok bool) {
	x, xok := a.(json.Number)
	y, yok := b.(json.Number)
	if xok && yok && isInteger(x) && isInteger(y) {
		return compareIntegers(string(x), string(y)), true
	}
	f, fok := asFloat(a)
	g, gok := asFloat(b)
	return cmp.Compare(f, g), fok && gok
}

func asFloat(v any) (f float64, ok bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case json.Number:
		f, err := v.Float64()
		return f, err == nil
	}
	return 0, false
}

func isInteger(n json.Number) bool { return !strings.ContainsAny(string(n), ".eE") }

// compareIntegers compares integers as JSON writes them: no leading zeros.
func compareIntegers(a, b string) int {
	digits, negative := strings.CutPrefix(a, "-")
	others, otherNegative := strings.CutPrefix(b, "-")
	switch {
	case digits == "0" && others == "0":
		return 0
	case negative != otherNegative:
		if negative {
			return -1
		}
		return 1
	}
	c := cmp.Or(cmp.Compare(len(digits), len(others)), strings.Compare(digits, others))
	if negative {
		return -c
	}
	return c
}

func ordered(op Operator, cmp int) bool {
	switch op {
	case Equal:
		return cmp == 0
	case Greater:
		return cmp > 0
	case GreaterOrEqual:
		return cmp >= 0
	case Less:
		return cmp < 0
	case LessOrEqual:
		return cmp <= 0
	}
	return false
}

// Mentions reports whether f names the attribute anywhere, so that a store can
// load what is dear to load only when it is asked for.
func Mentions(f Filter, name string) bool {
	switch f := f.(type) {
	case And:
		return Mentions(f.Left, name) || Mentions(f.Right, name)
	case Or:
		return Mentions(f.Left, name) || Mentions(f.Right, name)
	case Not:
		return Mentions(f.Filter, name)
	case Element:
		return f.Attribute.Name == name
	case Compare:
		return f.Attribute.Name == name
	}
	return false
}
