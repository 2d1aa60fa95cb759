package statements

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

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
