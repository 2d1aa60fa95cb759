package scim

import (
	"strings"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// maxShape is in bytes.
const maxShape = 200

// filterShape is a filter for the log: its attributes and operators, without the
// values, which are names and addresses. An attribute that no schema has could
// be made of one, and is not named.
func filterShape(f membership.Filter) string {
	var b strings.Builder
	writeShape(&b, f)
	if b.Len() > maxShape {
		return b.String()[:maxShape] + "…"
	}
	return b.String()
}

func writeShape(b *strings.Builder, f membership.Filter) {
	if b.Len() > maxShape {
		return
	}
	two := func(left membership.Filter, word string, right membership.Filter) {
		b.WriteByte('(')
		writeShape(b, left)
		b.WriteString(word)
		writeShape(b, right)
		b.WriteByte(')')
	}
	switch f := f.(type) {
	case membership.And:
		two(f.Left, " and ", f.Right)
	case membership.Or:
		two(f.Left, " or ", f.Right)
	case membership.Not:
		b.WriteString("not ")
		writeShape(b, f.Filter)
	case membership.Element:
		writeName(b, f.Attribute)
		b.WriteByte('[')
		writeShape(b, f.Filter)
		b.WriteByte(']')
	case membership.Compare:
		writeName(b, f.Attribute)
		b.WriteString(" " + string(f.Op))
		if f.Op != membership.Present {
			b.WriteString(" ?")
		}
	default:
		b.WriteByte('?')
	}
}

func writeName(b *strings.Builder, a membership.Attribute) {
	if a.Unlisted {
		b.WriteString("(unlisted)")
		return
	}
	b.WriteString(a.Path())
}

// readFilter notes what a filter asks for, for the log: at debug its shape, and
// the names that no schema has.
func (d *door) readFilter(x *exchange, f membership.Filter) {
	x.ignored.addFilter(f)
	if d.debug && f != nil {
		auth.NoteOf(x.ctx()).Filter = filterShape(f)
	}
}
