package db

import (
	"strconv"
	"strings"
)

// conditions are the parts of a query that depend on what is asked for, with
// the query's arguments.
type conditions struct {
	strings.Builder
	args []any
}

// arg adds an argument and returns its place.
func (c *conditions) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

// and adds a condition that ends with an argument.
func (c *conditions) and(condition string, v any) {
	c.WriteString(" and " + condition + " " + c.arg(v))
}

// row adds one more row to an insert: n values, from the argument first on, and
// what is last in it.
func (c *conditions) row(first, n int, last string) {
	c.WriteString(", (")
	for i := range n {
		c.WriteString("$" + strconv.Itoa(first+i) + ", ")
	}
	c.WriteString(last)
}
