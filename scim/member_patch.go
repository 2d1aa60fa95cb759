package scim

import (
	"bytes"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// plainMemberPatch reads a PATCH of members as nearly every provider writes it,
// in one pass and without a decoder: add, remove and replace with a list of
// objects that have a value, and remove of members[value eq "ID"]. false means
// that the body is anything else, be it wrong: readGroupPatch then says what it
// is. What this one takes it takes in the same sense; a fuzz test holds the two
// together.
func plainMemberPatch(body []byte) (delta membership.MemberDelta, ok bool) {
	p := plainText{rest: body}
	operations := 0
	ok = p.object(func(name string) bool {
		switch name {
		case "schemas":
			return p.list(func() bool { _, ok := p.text(); return ok })
		case "Operations":
			if operations > 0 { // a second list takes the place of the first
				return false
			}
			return p.list(func() bool { operations++; return p.memberOperation(&delta) })
		}
		return false
	}) && p.end() && operations > 0
	if !ok {
		return membership.MemberDelta{}, false
	}
	return delta, true
}

// memberOperation folds one operation into the delta.
func (p *plainText) memberOperation(delta *membership.MemberDelta) bool {
	var op, path string
	var ids []membership.ID
	listed := false
	ok := p.object(func(name string) (ok bool) {
		switch {
		case name == "op" && op == "":
			op, ok = p.text()
		case name == "path" && path == "":
			path, ok = p.text()
		case name == "value" && !listed:
			listed = true
			ids, ok = p.memberIDs()
		}
		return ok
	})
	switch {
	case !ok:
		return false
	case path == "members" && listed && strings.EqualFold(op, opAdd):
		delta.Add(ids...)
	case path == "members" && listed && strings.EqualFold(op, opRemove):
		delta.Remove(ids...)
	case path == "members" && listed && strings.EqualFold(op, opReplace):
		delta.Clear()
		delta.Add(ids...)
	case !listed && strings.EqualFold(op, opRemove):
		const before, after = `members[value eq \"`, `\"]`
		text, begins := strings.CutPrefix(path, before)
		text, ends := strings.CutSuffix(text, after)
		id, valid := exactID(text)
		if !begins || !ends || !valid {
			return false
		}
		delta.Remove(id)
	default:
		return false
	}
	return true
}

// memberIDs reads a list of objects that each have a value, and otherwise what
// is the server's to say.
func (p *plainText) memberIDs() (ids []membership.ID, ok bool) {
	ok = p.list(func() bool {
		given := false
		return p.object(func(name string) bool {
			text, ok := p.text()
			if !ok {
				return false
			}
			switch name {
			case "display", "type", "$ref":
				return true
			case "value":
				id, valid := exactID(text)
				if given || !valid {
					return false
				}
				given = true
				ids = append(ids, id)
				return true
			}
			return false
		}) && given
	})
	return ids, ok
}

// plainText is JSON made of nothing but objects, lists and printable ASCII texts
// whose only escape is the quotation mark's. Its methods read what comes next,
// and return false for everything else.
type plainText struct{ rest []byte }

// next reads a character behind blanks.
func (p *plainText) next(c byte) bool {
	for i, b := range p.rest {
		switch b {
		case ' ', '\t', '\r', '\n':
		case c:
			p.rest = p.rest[i+1:]
			return true
		default:
			return false
		}
	}
	return false
}

func (p *plainText) end() bool { return len(bytes.TrimLeft(p.rest, " \t\r\n")) == 0 }

// text reads a text as it stands, with the backslashes of its escapes.
func (p *plainText) text() (string, bool) {
	if !p.next('"') {
		return "", false
	}
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			s := string(p.rest[:i])
			p.rest = p.rest[i+1:]
			return s, true
		case c == '\\':
			if i++; i == len(p.rest) || p.rest[i] != '"' {
				return "", false
			}
		case c < ' ', c > '~':
			return "", false
		}
	}
	return "", false
}

// object reads an object; field reads the value behind a name.
func (p *plainText) object(field func(name string) bool) bool {
	if !p.next('{') {
		return false
	}
	for first := true; !p.next('}'); first = false {
		if !first && !p.next(',') {
			return false
		}
		name, ok := p.text()
		if !ok || !p.next(':') || !field(name) {
			return false
		}
	}
	return true
}

// list reads a list; element reads each of it.
func (p *plainText) list(element func() bool) bool {
	if !p.next('[') {
		return false
	}
	for first := true; !p.next(']'); first = false {
		if !first && !p.next(',') {
			return false
		}
		if !element() {
			return false
		}
	}
	return true
}
