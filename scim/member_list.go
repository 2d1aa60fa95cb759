package scim

import (
	"encoding/json"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// memberList is what a value of members says. However long it is, nothing is
// stored of it but the ids.
type memberList struct {
	given     bool // there was a value, be it null
	null      bool
	ids       []membership.ID
	malformed membership.Named // what cannot be an id
}

// members reads a value of members: a list of objects with a value, or, as
// Postman and others send them, one object, bare ids, or one bare id. Their
// display, type and $ref are the server's to say.
func (t tokens) members() (memberList, error) {
	l := memberList{given: true}
	tok, err := t.next()
	if err != nil {
		return l, err
	}
	switch tok {
	case nil:
		l.null = true
		return l, nil
	case "": // no value (RFC 7643 section 2.5)
		return l, nil
	case json.Delim('['):
		err = t.elements(func(i int) error {
			var m memberValue
			if err := t.read(&m); err != nil {
				return err
			}
			return l.add(i, m)
		})
	case json.Delim('{'):
		err = t.oneMember(&l)
	default:
		id, ok := tok.(string)
		err = l.add(0, memberValue{id, ok, true})
	}
	return l, err
}

// membersOf reads the value of a path of members. Of a sub-attribute it does not
// matter what it is.
func (t tokens) membersOf(s selection) (memberList, error) {
	if s.sub != "" {
		return memberList{given: true}, t.skip()
	}
	return t.members()
}

// oneMember reads the rest of an object that stands where a list belongs: it is
// a member, or has the list under its own name (see inOwnName).
func (t tokens) oneMember(l *memberList) error {
	var m memberValue
	empty, list := true, false
	if err := t.fields(func(name string) (err error) {
		empty = false
		if strings.EqualFold(name, "members") {
			list = true
			*l, err = t.members()
			l.null = false // which is not to say that all are meant
			return err
		}
		if !strings.EqualFold(name, "value") {
			return t.skip()
		}
		var v any
		err = t.read(&v)
		m.id, m.ok = v.(string)
		return err
	}); err != nil || empty { // {} is no value
		return err
	}
	if list && !m.ok {
		return nil
	}
	return l.add(0, m)
}

// maxMalformed is how many values of a list may be no ids before the rest of it
// is not even counted.
const maxMalformed = 10_000

func (l *memberList) add(i int, m memberValue) error {
	if !m.ok {
		return badRequest(typeInvalidValue, "members[%d] must have a value, which is a string", i)
	}
	if id, ok := exactID(m.id); ok {
		l.ids = append(l.ids, id)
		return nil
	}
	if m.bare && likeJSON(m.id) {
		return l.addText(m.id)
	}
	if l.malformed.Add(m.id); l.malformed.Len() > maxMalformed {
		return badRequest(typeInvalidValue, "members has more than %d values that are no ids: %s", maxMalformed,
			&l.malformed)
	}
	return nil
}

// addText is elementOfText for members.
func (l *memberList) addText(s string) error {
	t := newTokens(newBodyReader(strings.NewReader(s)))
	inner, err := t.members()
	if err == nil {
		err = t.end()
	}
	if err != nil {
		return badRequest(typeInvalidValue, "members: the text %q holds no member", clip(s))
	}
	l.ids = append(l.ids, inner.ids...)
	l.malformed.AddAll(inner.malformed)
	return nil
}

// memberValue is the id in one element of a list of members.
type memberValue struct {
	id   string
	ok   bool
	bare bool // it stood there without its object
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *memberValue) UnmarshalJSON(b []byte) error {
	p := plainText{rest: b}
	if id, plain := p.memberID(); plain { // as nearly every provider writes it
		m.id, m.ok = id.String(), true
		return nil
	}
	var v any
	if m.bare = b[0] != '{'; m.bare {
		if err := json.Unmarshal(b, &v); err != nil {
			return err
		}
	} else {
		var object struct{ Value any }
		if err := json.Unmarshal(b, &object); err != nil {
			return err
		}
		v = object.Value
	}
	m.id, m.ok = v.(string)
	return nil
}
