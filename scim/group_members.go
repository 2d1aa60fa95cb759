package scim

import (
	"fmt"
	"strings"

	filter "github.com/scim2/filter-parser/v2"

	"github.com/scimbridge/scimbridge/membership"
)

// selection is which members a path names: all of them, or those with the ids.
type selection struct {
	all bool
	ids []string
	// sub is the sub-attribute behind the filter, of which none can be written.
	sub string
}

// memberPath reads a path if it is one of members. The forms that providers
// send a thousand times in a row are recognised as they stand: "members" and
// members[value eq "ID"], in any letter case.
func memberPath(path string) (s selection, ok bool, err error) {
	path = strings.TrimSpace(path)
	const name = "members"
	rest := path
	if len(rest) >= len(name) && strings.EqualFold(rest[:len(name)], name) {
		rest = rest[len(name):]
	} else if rest, ok = qualifiedMembers(path); !ok {
		return selection{}, false, nil
	}
	switch {
	case rest == "":
		return selection{all: true}, true, nil
	case rest[0] == '[':
		if id, ok := valueEquals(rest); ok {
			return selection{ids: []string{id}}, true, nil
		}
		s, err := filteredMembers(path)
		return s, true, err
	case rest[0] == '.':
		return selection{all: true, sub: rest[1:]}, true, nil
	}
	return selection{}, false, nil
}

// qualifiedMembers returns what stands behind members in a path with a URN,
// whichever of its spellings that is.
func qualifiedMembers(path string) (rest string, ok bool) {
	if !isURN(path) {
		return "", false
	}
	name, value := path, ""
	if i := strings.IndexByte(path, '['); i >= 0 {
		name, value = path[:i], path[i:]
	}
	to, ok := groupType.locate(name)
	if !ok || to.schema != "" || to.whole || !strings.EqualFold(to.name, "members") {
		return "", false
	}
	if to.subName != "" {
		return "." + to.subName + value, true
	}
	return value, true
}

// valueEquals reads [value eq "ID"] where ID has nothing to unescape.
func valueEquals(s string) (id string, ok bool) {
	words := strings.SplitN(strings.TrimLeft(s[1:], " "), " ", 3)
	if len(words) < 3 || !strings.EqualFold(words[0], "value") || !strings.EqualFold(words[1], "eq") {
		return "", false
	}
	text, ok := strings.CutSuffix(strings.TrimSpace(words[2]), "]")
	text = strings.TrimSpace(text)
	if !ok || len(text) < 2 || text[0] != '"' || text[len(text)-1] != '"' {
		return "", false
	}
	id = text[1 : len(text)-1]
	return id, !strings.ContainsAny(id, `"\`)
}

// filteredMembers evaluates any other value filter without reading a member:
// all that the door knows of one is its id and that it is a user.
func filteredMembers(path string) (selection, error) {
	if len(path) > maxFilter {
		return selection{}, badRequest(typeInvalidPath, "the path is longer than %d bytes", maxFilter)
	}
	p, err := readPath(path)
	if err != nil {
		return selection{}, badRequest(typeInvalidPath, "the path %q cannot be read: %s", clip(path), err)
	}
	s, err := selectMembers(p.ValueExpression)
	if err != nil {
		return selection{}, badRequest(typeInvalidFilter, "the path %q cannot be evaluated: %s", clip(path), err)
	}
	s.sub = p.SubAttributeName()
	return s, nil
}

func selectMembers(e filter.Expression) (selection, error) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		left, err := selectMembers(e.Left)
		if err != nil {
			return left, err
		}
		right, err := selectMembers(e.Right)
		if err != nil {
			return right, err
		}
		if e.Operator == filter.OR {
			return selection{all: left.all || right.all, ids: append(left.ids, right.ids...)}, nil
		}
		return left.and(right), nil
	case *filter.AttributeExpression:
		return selectMember(e)
	}
	return selection{}, fmt.Errorf("members can be chosen by value and type only, with eq, and, or")
}

func selectMember(e *filter.AttributeExpression) (selection, error) {
	text, _ := bareNumber(e.CompareValue).(string)
	name := strings.ToLower(e.AttributePath.String())
	switch {
	case (name == "value" || name == "type") && e.Operator == filter.PR:
		return selection{all: true}, nil
	case name == "value" && e.Operator == filter.EQ:
		return selection{ids: []string{text}}, nil
	case name == "type" && e.Operator == filter.EQ:
		return selection{all: strings.EqualFold(text, userType.name)}, nil
	}
	return selection{}, fmt.Errorf("members can be chosen by value and type only, with eq, and, or")
}

func (s selection) and(o selection) selection {
	switch {
	case s.all:
		return o
	case o.all:
		return s
	}
	wanted := make(map[string]bool, len(o.ids))
	for _, id := range o.ids {
		wanted[id] = true
	}
	var both selection
	for _, id := range s.ids {
		if wanted[id] {
			both.ids = append(both.ids, id)
		}
	}
	return both
}

// foldMembers folds one operation on members into the delta.
func foldMembers(delta *membership.MemberDelta, op string, s selection, l memberList) error {
	if s.sub != "" {
		if op == opRemove || strings.EqualFold(s.sub, "value") {
			return badRequest(typeMutability, "members.%s cannot be changed", clip(s.sub))
		}
		return nil // display, type and $ref of a member are the server's
	}
	switch {
	case op == opAdd && s.all && !l.given, op == opReplace && !l.given:
		return badRequest(typeInvalidValue, "%s of members needs a value", op)
	case op == opRemove && s.all && (!l.given || l.null):
		delta.Clear()
	case op == opRemove && s.all:
		delta.Remove(l.ids...)
	case op == opRemove:
		removeMembers(delta, s.ids)
	case op == opReplace && s.all:
		delta.Clear()
		l.addTo(delta)
	case op == opReplace:
		removeMembers(delta, s.ids)
		l.addTo(delta)
	default:
		// Bitwarden's clients name the new member in the path.
		addMembers(delta, s.ids)
		l.addTo(delta)
	}
	return nil
}

func (l memberList) addTo(delta *membership.MemberDelta) {
	delta.Add(l.ids...)
	delta.AddAllMalformed(l.malformed)
}

func addMembers(delta *membership.MemberDelta, ids []string) {
	for _, s := range ids {
		if id, ok := exactID(s); ok {
			delta.Add(id)
		} else {
			delta.AddMalformed(s)
		}
	}
}

// removeMembers passes over what cannot be a user: removing a stranger is
// nothing.
func removeMembers(delta *membership.MemberDelta, ids []string) {
	for _, s := range ids {
		if id, ok := exactID(s); ok {
			delta.Remove(id)
		}
	}
}
