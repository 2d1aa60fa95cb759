package scim

import (
	"maps"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// selection is which members a path names: all of them, those with the ids, all
// but those, or those that a filter matches which needs more than ids.
type selection struct {
	all   bool
	ids   []string
	but   bool
	match membership.Filter
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

// filteredMembers evaluates any other value filter: without reading a member
// where only ids and types are compared, of which there is one type.
func filteredMembers(path string) (selection, error) {
	if len(path) > maxFilter {
		return selection{}, badRequest(typeInvalidPath, "the path is longer than %d bytes", maxFilter)
	}
	p, err := readPath(path)
	if err != nil {
		return selection{}, badRequest(typeInvalidPath, "the path %q cannot be read: %s", clip(path), err)
	}
	match, err := groupType.elementFilter(membersAttribute, p.ValueExpression)
	if err != nil {
		return selection{}, badRequest(typeInvalidPath, "the path %q cannot be evaluated: %s", clip(path), err)
	}
	s := selection{match: match}
	if set, ok := membersNamed(match); ok {
		s = set.selection()
	}
	s.sub = p.SubAttributeName()
	return s, nil
}

// idSet is a set of ids, or all ids but those.
type idSet struct {
	ids map[string]bool
	but bool
}

func (s idSet) not() idSet { return idSet{s.ids, !s.but} }

func (s idSet) and(o idSet) idSet {
	if s.but && !o.but {
		s, o = o, s
	}
	ids := map[string]bool{}
	for id := range s.ids {
		if s.but || o.ids[id] != o.but {
			ids[id] = true
		}
	}
	if s.but { // so are both
		maps.Copy(ids, o.ids)
	}
	return idSet{ids, s.but}
}

func (s idSet) selection() selection {
	if s.but && len(s.ids) == 0 {
		return selection{all: true}
	}
	return selection{ids: slices.Sorted(maps.Keys(s.ids)), but: s.but}
}

// membersNamed returns the ids that a filter on members selects, if it compares
// ids with eq and ne and types with anything. All members are users.
func membersNamed(f membership.Filter) (idSet, bool) {
	switch f := f.(type) {
	case membership.And:
		l, lok := membersNamed(f.Left)
		r, rok := membersNamed(f.Right)
		return l.and(r), lok && rok
	case membership.Or:
		l, lok := membersNamed(f.Left)
		r, rok := membersNamed(f.Right)
		return l.not().and(r.not()).not(), lok && rok
	case membership.Not:
		s, ok := membersNamed(f.Filter)
		return s.not(), ok
	case membership.Compare:
		id, isText := f.Value.(string)
		switch {
		case f.Attribute.Name == "type", f.Op == membership.Present && f.Attribute.Name == "value":
			return idSet{but: f.Match(map[string]any{"type": userType.name, "value": "x"})}, true
		case f.Attribute.Name == "value" && isText && f.Op == membership.Equal:
			return idSet{ids: map[string]bool{id: true}}, true
		case f.Attribute.Name == "value" && isText && f.Op == membership.NotEqual:
			return idSet{ids: map[string]bool{id: true}, but: true}, true
		}
	}
	return idSet{}, false
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
	case op == opAdd && s.but:
		return errAddByFilter
	case op == opAdd && s.all && !l.given, op == opReplace && !l.given:
		return badRequest(typeInvalidValue, "%s of members needs a value", op)
	case op == opRemove && s.all && (!l.given || l.null):
		delta.Clear()
	case op == opRemove && s.all:
		delta.Remove(l.ids...)
	case op == opRemove:
		s.removeFrom(delta)
	case op == opReplace && s.all:
		delta.Clear()
		l.addTo(delta)
	case op == opReplace:
		s.removeFrom(delta)
		l.addTo(delta)
	default:
		// Bitwarden's clients name the new member in the path.
		addMembers(delta, s.ids)
		l.addTo(delta)
	}
	return nil
}

func (s selection) removeFrom(delta *membership.MemberDelta) {
	if !s.but {
		removeMembers(delta, s.ids)
		return
	}
	var retained []membership.ID
	for _, text := range s.ids {
		if id, ok := exactID(text); ok {
			retained = append(retained, id)
		}
	}
	delta.Retain(retained...)
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
