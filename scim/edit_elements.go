package scim

import (
	"maps"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// applyElements changes a multi-valued complex attribute.
func (a *attribute) applyElements(home map[string]any, e edit) error {
	list, isList := home[a.name].([]any)
	if have := home[a.name]; !isList && !unassigned(have) { // see unlisted
		list = []any{have}
	}
	before := len(list)
	var err error
	if e.where == nil && e.to.subName == "" {
		list, err = a.changeAll(list, e)
	} else {
		list, err = a.changeSelected(list, e)
	}
	switch {
	case err != nil:
		return err
	case len(list) == 0:
		delete(home, a.name)
	case isList, e.op != opRemove, len(list) < before:
		home[a.name] = list
	}
	return nil
}

// changeAll is an edit of the attribute as a whole.
func (a *attribute) changeAll(list []any, e edit) ([]any, error) {
	if e.op == opRemove && !valueDecides(e.value, e.given) {
		return nil, nil
	}
	values, err := a.elements(e.value)
	if err != nil {
		return nil, err
	}
	if e.op == opReplace {
		list = nil
	}
	if err := e.work.spend((weight(list) + weight(values)/2) * weight(values)); err != nil {
		return nil, err
	}
	if e.op == opRemove {
		return slices.DeleteFunc(list, func(have any) bool {
			return slices.ContainsFunc(values, func(v any) bool { return a.contains(have, v) })
		}), nil
	}
	for _, v := range values {
		if list = a.addElement(list, v); len(list) > maxValues {
			return nil, tooManyValues(a.path)
		}
	}
	return list, nil
}

// maxValues bounds the elements of a multi-valued attribute, the attributes of
// an extension that only the provider knows, and how many of those a resource
// has: each new one is held against all that are there.
const maxValues = 1000

func tooManyValues(name string) error {
	return badRequest(typeInvalidValue, "%s has more than %d values", clip(name), maxValues)
}

// elements returns the elements of a value in canonical form, without those
// that say nothing.
func (a *attribute) elements(v any) ([]any, error) {
	if unassigned(v) {
		return nil, nil
	}
	all := arrayOfOne(v)
	if len(all) > maxValues {
		return nil, tooManyValues(a.path)
	}
	var out []any
	for _, sent := range all {
		if unassigned(sent) {
			continue
		}
		if a.unlisted {
			out = append(out, clone(sent))
			continue
		}
		element, err := a.object(sent)
		if err != nil {
			return nil, err
		}
		if dropUnassigned(a, element) {
			out = append(out, element)
		}
	}
	return out, nil
}

// dropUnassigned takes the unassigned sub-attributes out of an element and
// reports whether it still says anything.
func dropUnassigned(a *attribute, element map[string]any) bool {
	_, cleared := element["value"]
	cleared = cleared && withoutValue(a, element)
	maps.DeleteFunc(element, func(_ string, v any) bool { return v == nil })
	return len(element) > 0 && !cleared
}

// addElement adds an element unless it is there already (RFC 7644 section
// 3.5.2.1); one with the same value and type gets what is new.
func (a *attribute) addElement(list []any, element any) []any {
	for i, have := range list {
		if a.contains(have, element) {
			return list
		}
		if a.take(have, element) {
			return a.onePrimary(list, i)
		}
	}
	list = append(list, element)
	return a.onePrimary(list, len(list)-1)
}

// onePrimary: a new primary element unsets the old one (RFC 7644 section
// 3.5.2), so that there is never more than one.
func (a *attribute) onePrimary(list []any, i int) []any {
	if m, ok := list[i].(map[string]any); !ok || a.named(m, primary) != true {
		return list
	}
	for j, other := range list {
		if m, ok := other.(map[string]any); ok && j != i && a.named(m, primary) == true {
			m[membership.KeyFold(m, primary)] = false
		}
	}
	return list
}

// changeSelected is an edit of the elements that a filter selects (all of them
// without one), or of one of their sub-attributes.
func (a *attribute) changeSelected(list []any, e edit) ([]any, error) {
	if len(list) > maxValues { // as one sent it
		return nil, tooManyValues(a.path)
	}
	if err := e.work.spend(terms(e.where) * weight(list)); err != nil {
		return nil, err
	}
	var selected []int
	for i, v := range list {
		if e.where == nil || e.where.Match(elementObject(v)) {
			selected = append(selected, i)
		}
	}
	if len(selected) == 0 {
		if e.op == opRemove || unassigned(e.value) {
			return list, nil
		}
		if e.where != nil && e.made == nil {
			return nil, badRequest(typeNoTarget, "no element of %s matches the filter of the path", a.path)
		}
		if len(list) == maxValues {
			return nil, tooManyValues(a.path)
		}
		selected = []int{len(list)}
		list = a.addMade(list, e)
	}
	gone := make(map[int]bool)
	for _, i := range selected {
		element := elementObject(list[i])
		keep, err := a.changeElement(element, e)
		if err != nil {
			return nil, err
		}
		gone[i] = !keep
		list[i] = elementAgain(list[i], element)
		a.onePrimary(list, i)
	}
	var out []any
	for i, v := range list {
		if !gone[i] {
			out = append(out, v)
		}
	}
	return out, nil
}

// elementObject returns an element as an object; a simple one stands for its
// value.
func elementObject(element any) map[string]any {
	if object, ok := element.(map[string]any); ok {
		return object
	}
	return map[string]any{"value": element}
}

// elementAgain returns what became of an element: a simple one stays simple as
// long as a value is all there is.
func elementAgain(before any, object map[string]any) any {
	_, wasObject := before.(map[string]any)
	if v := object[membership.KeyFold(object, "value")]; v != nil && !wasObject && len(object) == 1 {
		return v
	}
	return object
}

// addMade is the rule of a value path that selects nothing: the element is made
// and carries the equalities of the filter (Entra). Further operations with the
// same filter then select it.
func (a *attribute) addMade(list []any, e edit) []any {
	if v, ok := e.made[membership.KeyFold(e.made, "value")]; ok && len(e.made) == 1 && a.hasSimple(list, e) {
		return append(list, v)
	}
	element := maps.Clone(e.made)
	if element == nil {
		element = map[string]any{}
	}
	return append(list, element)
}

// hasSimple reports whether elements have nothing but a value, as the others of
// the list show, or what is sent.
func (a *attribute) hasSimple(list []any, e edit) bool {
	one := e.value
	if len(list) > 0 {
		one = list[0]
	}
	_, isObject := one.(map[string]any)
	return a.unlisted && !isObject && (len(list) > 0 || e.to.subName == "")
}

// changeElement carries out an edit on one element and reports whether the
// element stays.
func (a *attribute) changeElement(element map[string]any, e edit) (keep bool, err error) {
	hadValue := element["value"] != nil
	switch {
	case e.to.subName != "":
		err = applySub(element, e)
	case e.op == opRemove, unassigned(e.value):
		return false, nil
	default:
		if e.op == opReplace {
			clear(element)
			maps.Copy(element, e.made)
		}
		err = a.merge(element, e)
	}
	cleared := hadValue && withoutValue(a, element)
	return len(element) > 0 && !cleared, err
}
