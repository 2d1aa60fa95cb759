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

// row adds one more row to an insert: n values, from the argument first on, and
// what is last in it.
func (w *where) row(first, n int, last string) {
	w.WriteString(", (")
	for i := range n {
		w.WriteString("$" + strconv.Itoa(first+i) + ", ")
	}
	w.WriteString(last)
}
