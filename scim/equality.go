package scim

import (
	"maps"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// contains reports whether an element has all that part says, compared as the
// schema says: it decides what a removal by value takes away and what an add
// must not repeat (RFC 7644 sections 3.5.2.1 and 3.5.2.2). Where no schema says
// that letter case does not matter, it does. Unassigned parts say nothing, and
// primary is false where it is absent (RFC 7643 sections 2.4 and 2.5).
func (a *attribute) contains(element, part any) bool {
	have, said, ok := asObjects(element, part)
	if !ok {
		return sameValue(nil, element, part)
	}
	return a.containsBut(have, said, "")
}

// containsBut is contains for objects, without one sub-attribute.
func (a *attribute) containsBut(have, said map[string]any, but string) bool {
	if v := said["value"]; v != nil && !sameValue(a.value(), a.named(have, "value"), v) { // what most differ in
		return false
	}
	for name, v := range said {
		switch {
		case unassigned(v), strings.EqualFold(name, but):
		case v == false && strings.EqualFold(name, primary):
			if p := a.named(have, name); p != nil && p != false {
				return false
			}
		case !sameValue(a.subs[strings.ToLower(name)], a.named(have, name), v):
			return false
		}
	}
	return true
}

// primary is the sub-attribute that one element of an attribute has at most (RFC
// 7643 section 2.4).
const primary = "primary"

// take gives an element what is new in another, if both are the same one: they
// have one value and type, where a schema says what those are, or else they
// differ only in which of all is the primary one.
func (a *attribute) take(element, other any) bool {
	have, ok := element.(map[string]any)
	said, saysObject := other.(map[string]any)
	switch {
	case !ok || !saysObject:
		return false
	case !a.unlisted:
		ok = said["value"] != nil && sameValue(a.value(), have["value"], said["value"]) &&
			sameValue(a.subs["type"], have["type"], said["type"])
		if ok {
			maps.Copy(have, said)
		}
		return ok
	}
	p := a.named(said, primary)
	if ok = p == true && len(said) > 1 && a.containsBut(have, said, primary); ok {
		have[membership.KeyFold(have, primary)] = p
	}
	return ok
}

// asObjects returns two elements as objects, unless neither is one: a simple
// element stands for its value.
func asObjects(element, part any) (have, said map[string]any, ok bool) {
	have, isObject := element.(map[string]any)
	said, saysObject := part.(map[string]any)
	switch {
	case !isObject && !saysObject:
		return nil, nil, false
	case !isObject:
		have = map[string]any{"value": element}
	case !saysObject:
		said = map[string]any{"value": part}
	}
	return have, said, true
}

// named returns a part of an element, whose names are canonical if a schema has
// them.
func (a *attribute) named(element map[string]any, name string) any {
	v, ok := element[name]
	if !ok && a.unlisted {
		return element[membership.KeyFold(element, name)]
	}
	return v
}

// sameValue compares two values of an attribute; nil is one that no schema has.
func sameValue(a *attribute, have, want any) bool {
	if unassigned(have) || unassigned(want) {
		return unassigned(have) && unassigned(want)
	}
	switch want := want.(type) {
	case string:
		s, ok := have.(string)
		return ok && (s == want || a != nil && !a.caseExact && sameLetters(s, want))
	case map[string]any:
		have, ok := have.(map[string]any)
		return ok && sameObjects(have, want)
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) != len(want) {
			return false
		}
		for i := range want {
			if !sameValue(nil, have[i], want[i]) {
				return false
			}
		}
		return true
	case bool:
		return have == want
	}
	c, ok := membership.CompareNumbers(have, want)
	return ok && c == 0
}

func sameObjects(have, want map[string]any) bool {
	for name, v := range want {
		if !sameValue(nil, have[membership.KeyFold(have, name)], v) {
			return false
		}
	}
	return assigned(have) == assigned(want)
}

// assigned counts the members of an object that have a value.
func assigned(object map[string]any) (n int) {
	for _, v := range object {
		if !unassigned(v) {
			n++
		}
	}
	return n
}

// sameLetters is membership.Fold of both, which makes no copies of plain ASCII.
func sameLetters(s, t string) bool {
	if printable(s) && printable(t) {
		return strings.EqualFold(s, t)
	}
	return membership.Fold(s) == membership.Fold(t)
}

// printable is ASCII without controls and blanks, which a key may leave out.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
