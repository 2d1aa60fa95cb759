package db

import (
	"strconv"

	"github.com/scimbridge/scimbridge/membership"
)

// where puts together a query whose conditions are known at run time only.
type where struct {
	text string
	args []any
}

// arg adds an argument and returns its name in the text.
func (w *where) arg(v any) string {
	w.args = append(w.args, v)
	return "$" + strconv.Itoa(len(w.args))
}

// and adds a condition: before and after stand around the argument's name.
func (w *where) and(before string, v any, after string) {
	w.text += " and " + before + w.arg(v) + after
}

// id adds a condition on an id, unless it is zero.
func (w *where) id(column string, id membership.ID) {
	if !id.IsZero() {
		w.and(column+" = ", id, "")
	}
}
