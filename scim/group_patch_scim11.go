package scim

import (
	"encoding/json"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// oldPatch folds a PATCH of SCIM 1.1 (section 3.3.2 there), which is a resource
// whose members say what is to become of them: OneLogin's Core 1.1 connector.
// What is wrong with it counts only if it turns out to be one.
type oldPatch struct {
	change groupChange
	given  bool
	err    error
}

func (o *oldPatch) readMembers(t tokens) error {
	o.given, o.change.members = true, membership.MemberDelta{}
	tok, err := t.next()
	if err != nil {
		return err
	}
	switch tok {
	case nil:
		return nil
	case json.Delim('['):
		return t.elements(func(int) error { return o.readMember(t) })
	}
	o.refuse(badRequest(typeInvalidSyntax, "members must be a list of objects with value and operation"))
	if tok == json.Delim('{') {
		return t.fields(func(string) error { return t.skip() })
	}
	return nil
}

func (o *oldPatch) readMember(t tokens) error {
	var m oldMember
	if err := t.read(&m); err != nil {
		return err
	}
	switch operation := strings.ToLower(m.Operation); {
	case !m.ok:
		o.refuse(badRequest(typeInvalidSyntax, "members must be a list of objects with value and operation"))
	case operation == "delete":
		removeMembers(&o.change.members, []string{m.Value})
	case operation == "", operation == "add":
		addMembers(&o.change.members, []string{m.Value})
	default:
		o.refuse(badRequest(typeInvalidSyntax, "operation must be add or delete, not %q", clip(m.Operation)))
	}
	return nil
}

// oldMember is an element of such a list.
type oldMember struct {
	Value, Operation string
	ok               bool
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *oldMember) UnmarshalJSON(b []byte) error {
	type plain oldMember
	m.ok = json.Unmarshal(b, (*plain)(m)) == nil
	return nil
}

func (o *oldPatch) readName(t tokens, budget *attributeBudget) error {
	o.given = true
	name, err := t.attribute("displayName", budget)
	if err != nil {
		return err
	}
	o.change.edits, err = groupType.expand(opReplace, map[string]any{"displayName": name})
	o.refuse(err)
	return nil
}

// refuse keeps the first thing that is wrong.
func (o *oldPatch) refuse(err error) {
	if o.err == nil {
		o.err = err
	}
}
