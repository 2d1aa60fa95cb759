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

// row adds one more row of n values, from the argument first on, to an insert.
func (c *conditions) row(first, n int) {
	for i := range n {
		c.WriteString([]string{", ($", ", $"}[min(i, 1)] + strconv.Itoa(first+i))
	}
	c.WriteByte(')')
}
