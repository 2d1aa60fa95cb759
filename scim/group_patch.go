package scim

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// groupChange is what a request asks of a group: its members apart, so that a
// change of members alone never reads or writes anything else.
type groupChange struct {
	members membership.MemberDelta
	edits   []edit
}

// foldGroup folds the operations of a PATCH, in their order.
func foldGroup(operations []operation) (groupChange, error) {
	var c groupChange
	for _, o := range operations {
		if err := c.fold(o); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (c *groupChange) fold(o operation) error {
	op, err := o.name()
	if err != nil {
		return err
	}
	if strings.TrimSpace(o.Path) == "" && op != opRemove {
		return c.foldAttributes(op, o.Value)
	}
	s, ofMembers, err := memberPath(o.Path)
	if err != nil {
		return err
	}
	if ofMembers {
		return foldMembers(&c.members, op, s, o.Value)
	}
	edits, err := groupType.editsOf(o)
	c.edits = append(c.edits, edits...)
	return err
}

// foldAttributes folds an object of attributes: the value of an operation
// without a path, or the body of a POST or PUT.
func (c *groupChange) foldAttributes(op string, object json.RawMessage) error {
	var parts map[string]json.RawMessage
	if object != nil {
		if err := json.Unmarshal(object, &parts); err != nil || parts == nil {
			return badRequest(typeInvalidValue, "%s without a path needs an object of attributes", op)
		}
	}
	if parts == nil {
		return badRequest(typeInvalidValue, "%s without a path needs a value", op)
	}
	return c.foldParts(op, parts)
}

func (c *groupChange) foldParts(op string, parts map[string]json.RawMessage) error {
	rest := make(map[string]any, len(parts))
	for _, key := range slices.Sorted(maps.Keys(parts)) {
		if s, ofMembers, err := memberPath(key); ofMembers && err == nil {
			if err := foldMembers(&c.members, op, s, parts[key]); err != nil {
				return err
			}
			continue
		}
		var v any
		if err := decode(parts[key], &v); err != nil {
			return err
		}
		rest[key] = v
	}
	edits, err := groupType.expand(op, rest)
	c.edits = append(c.edits, edits...)
	return err
}

// foldOld folds a PATCH of SCIM 1.1 (section 3.3.2 there), which is a resource
// whose members say what is to become of them: OneLogin's Core 1.1 connector.
func foldOld(p patchBody) (groupChange, error) {
	var c groupChange
	var members []struct {
		Value     string
		Operation string
	}
	if p.Members != nil {
		if err := json.Unmarshal(p.Members, &members); err != nil {
			return c, badRequest(typeInvalidSyntax, "members must be a list of objects with value and operation")
		}
	}
	for _, m := range members {
		switch strings.ToLower(m.Operation) {
		case "delete":
			removeMembers(&c.members, []string{m.Value})
		case "", "add":
			addMembers(&c.members, []string{m.Value})
		default:
			return c, badRequest(typeInvalidSyntax, "operation must be add or delete, not %q", clip(m.Operation))
		}
	}
	if p.DisplayName != nil {
		return c, c.foldParts(opReplace, map[string]json.RawMessage{"displayName": p.DisplayName})
	}
	return c, nil
}

// change returns the change of the view, or nil when there is none.
func (c *groupChange) change() func(*membership.GroupLink) error {
	if len(c.edits) == 0 {
		return nil
	}
	return func(l *membership.GroupLink) error {
		r, err := groupAttributes(*l)
		if err != nil {
			return err
		}
		if err := applyAll(r, c.edits); err != nil {
			return err
		}
		return setGroup(l, r)
	}
}
