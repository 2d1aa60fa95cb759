package api

import (
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// columns takes the columns of a report's row in their order. A report tells
// them once, and every format writes them.
type columns interface {
	id(name string, v membership.ID) // zero: nothing
	time(name string, v time.Time)   // zero: nothing
	text(name, v string)             // may be empty
	optional(name, v string)         // empty: nothing
	yes(name string, v bool)         // true or false
}

// jsonRow writes the fields of an object and leaves out those with nothing.
type jsonRow struct {
	b []byte
	n int
}

func (r *jsonRow) name(name string) {
	if r.n++; r.n > 1 {
		r.b = append(r.b, ',')
	}
	r.b = appendName(r.b, name)
}

func (r *jsonRow) id(name string, v membership.ID) {
	if !v.IsZero() {
		r.name(name)
		r.b = append(v.AppendText(append(r.b, '"')), '"')
	}
}

func (r *jsonRow) time(name string, v time.Time) {
	if !v.IsZero() {
		r.name(name)
		r.b = append(appendTime(append(r.b, '"'), v), '"')
	}
}

func (r *jsonRow) text(name, v string) {
	r.name(name)
	r.b = appendString(r.b, v)
}

func (r *jsonRow) optional(name, v string) {
	if v != "" {
		r.text(name, v)
	}
}

func (r *jsonRow) yes(name string, v bool) {
	r.name(name)
	r.b = appendBool(r.b, v)
}

// csvRow writes the cells of a record (RFC 4180); nothing is an empty cell.
type csvRow struct {
	b []byte
	n int
}

func (r *csvRow) next() {
	if r.n++; r.n > 1 {
		r.b = append(r.b, ',')
	}
}

func (r *csvRow) id(_ string, v membership.ID) {
	if r.next(); !v.IsZero() {
		r.b = v.AppendText(r.b)
	}
}

func (r *csvRow) time(_ string, v time.Time) {
	if r.next(); !v.IsZero() {
		r.b = appendTime(r.b, v)
	}
}

func (r *csvRow) text(_, v string) {
	r.next()
	r.b = appendCell(r.b, v)
}

func (r *csvRow) optional(name, v string) { r.text(name, v) }

func (r *csvRow) yes(_ string, v bool) {
	r.next()
	r.b = appendBool(r.b, v)
}

// csvHeader writes the names of the columns.
type csvHeader struct{ csvRow }

func (h *csvHeader) name(name string) {
	h.next()
	h.b = append(h.b, name...)
}

func (h *csvHeader) id(name string, _ membership.ID) { h.name(name) }
func (h *csvHeader) time(name string, _ time.Time)   { h.name(name) }
func (h *csvHeader) text(name, _ string)             { h.name(name) }
func (h *csvHeader) optional(name, _ string)         { h.name(name) }
func (h *csvHeader) yes(name string, _ bool)         { h.name(name) }
