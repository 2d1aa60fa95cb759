package db

import (
	"strconv"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// arguments are those of a query that is put together at run time.
type arguments struct{ args []any }

// arg adds an argument and returns its name in the text, $n.
func (a *arguments) arg(v any) string {
	a.args = append(a.args, v)
	return "$" + strconv.Itoa(len(a.args))
}

// where is the text of such a query, or the end of it.
type where struct {
	strings.Builder
	arguments
}

// newWhere begins with the arguments that the query has in any case.
func newWhere(args ...any) *where { return &where{arguments: arguments{args}} }

// and adds a condition that ends with an argument.
func (w *where) and(condition string, v any) {
	w.WriteString(" and " + condition + " " + w.arg(v))
}

// id adds a condition on an id, unless it is zero.
func (w *where) id(column string, id membership.ID) {
	if !id.IsZero() {
		w.and(column+" =", id)
	}
}

// prefixed adds a condition on what begins with a prefix, unless that is empty: set
// begins a select of ids, whose column is ordered as its keys are. It is a set of its own,
// so that the index is used although the order of the list is another.
func (w *where) prefixed(set, column, prefix string) {
	if prefix == "" {
		return
	}
	key, _ := membership.PartKey(prefix)
	if key == "" { // it has blanks only, and no name begins so
		w.WriteString(" and 1 = 0")
		return
	}
	w.WriteString(" and " + set)
	w.and(column+" >=", key)
	if end := behind(key); end != "" {
		w.and(column+" <", end)
	}
	w.WriteString(" order by " + column + " limit " + w.arg(membership.MaxPrefixed) + ")")
}

// row adds one more row of the tenant $1 to an insert: n values, from the argument first
// on, and what is last in it.
func (w *where) row(first, n int, last string) {
	w.WriteString(", ($1, ")
	for i := range n {
		w.WriteString("$" + strconv.Itoa(first+i) + ", ")
	}
	w.WriteString(last)
}
