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
	ok = p.object(func(name []byte) bool {
		switch string(name) {
		case "schemas":
			return p.list(func() bool { _, ok := p.text(); return ok })
		case "Operations":
			if operations > 0 { // a second list replaces the first
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
	var op, path []byte
	var ids []membership.ID
	listed := false
	ok := p.object(func(name []byte) (ok bool) {
		switch {
		case string(name) == "op" && op == nil:
			op, ok = p.text()
		case string(name) == "path" && path == nil:
			path, ok = p.text()
		case string(name) == "value" && !listed:
			listed = true
			ids, ok = p.memberIDs()
		}
		return ok
	})
	if !ok {
		return false
	}
	ofMembers := listed && string(path) == "members"
	switch {
	case ofMembers && strings.EqualFold(string(op), opAdd):
		delta.Add(ids...)
	case ofMembers && strings.EqualFold(string(op), opRemove):
		delta.Remove(ids...)
	case ofMembers && strings.EqualFold(string(op), opReplace):
		delta.Clear()
		delta.Add(ids...)
	case !listed && strings.EqualFold(string(op), opRemove):
		const before, after = `members[value eq \"`, `\"]`
		text, begins := bytes.CutPrefix(path, []byte(before))
		text, ends := bytes.CutSuffix(text, []byte(after))
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

// memberIDs reads a list of members.
func (p *plainText) memberIDs() (ids []membership.ID, ok bool) {
	ok = p.list(func() bool {
		if ids == nil {
			const shortest = len(`{"value":"00000000-0000-0000-0000-000000000000"},`)
			ids = make([]membership.ID, 0, 1+max(0, bytes.IndexByte(p.rest, ']'))/shortest)
		}
		id, ok := p.memberID()
		ids = append(ids, id)
		return ok
	})
	return ids, ok
}

// memberID reads an object that has a value, and otherwise what is the server's
// to say.
func (p *plainText) memberID() (id membership.ID, ok bool) {
	given := false
	ok = p.object(func(name []byte) bool {
		text, ok := p.text()
		if !ok {
			return false
		}
		switch string(name) {
		case "display", "type", "$ref":
			return true
		case "value":
			if !given {
				id, given = exactID(text)
				return given
			}
		}
		return false
	})
	return id, ok && given
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

// text reads a text as it stands, with the backslashes of its escapes. It is a
// part of the body.
func (p *plainText) text() ([]byte, bool) {
	if !p.next('"') {
		return nil, false
	}
	for i := 0; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '"':
			s := p.rest[:i]
			p.rest = p.rest[i+1:]
			return s, true
		case c == '\\':
			if i++; i == len(p.rest) || p.rest[i] != '"' {
				return nil, false
			}
		case c < ' ', c > '~':
			return nil, false
		}
	}
	return nil, false
}

// object reads an object; field reads the value behind a name.
func (p *plainText) object(field func(name []byte) bool) bool {
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
