package scim

import (
	"maps"
	"slices"
)

// applyElements changes a multi-valued complex attribute.
func (a *attribute) applyElements(home map[string]any, e edit) error {
	list, _ := home[a.name].([]any)
	var err error
	if e.where == nil && e.to.sub == nil {
		list, err = a.changeAll(list, e)
	} else {
		list, err = a.changeSelected(list, e)
	}
	if err != nil {
		return err
	}
	if len(list) == 0 {
		delete(home, a.name)
	} else {
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
	switch e.op {
	case opRemove:
		return slices.DeleteFunc(list, func(have any) bool {
			return slices.ContainsFunc(values, func(v map[string]any) bool { return contains(have, v) })
		}), nil
	case opReplace:
		list = nil
	}
	for _, v := range values {
		if list = addElement(list, v); len(list) > maxValues {
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
func (a *attribute) elements(v any) ([]map[string]any, error) {
	if unassigned(v) {
		return nil, nil
	}
	all := arrayOfOne(v)
	if len(all) > maxValues {
		return nil, tooManyValues(a.path)
	}
	var out []map[string]any
	for _, sent := range all {
		if unassigned(sent) {
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
func addElement(list []any, element map[string]any) []any {
	for i, have := range list {
		if contains(have, element) {
			return list
		}
		old, ok := have.(map[string]any)
		if ok && element["value"] != nil && old["value"] == element["value"] && old["type"] == element["type"] {
			maps.Copy(old, element)
			return onePrimary(list, i, element["primary"])
		}
	}
	list = append(list, element)
	return onePrimary(list, len(list)-1, element["primary"])
}

// contains reports whether an element has all that part says.
func contains(element any, part map[string]any) bool {
	have, ok := element.(map[string]any)
	if !ok {
		return false
	}
	if v, ok := part["value"]; ok && have["value"] != v { // what most differ in
		return false
	}
	for name, v := range part { // sub-attributes are simple
		if have[name] != v {
			return false
		}
	}
	return true
}

// onePrimary: a new primary element unsets the old one (RFC 7644 section
// 3.5.2), so that there is never more than one.
func onePrimary(list []any, i int, primary any) []any {
	if primary != true {
		return list
	}
	for j, other := range list {
		if m, ok := other.(map[string]any); ok && j != i && m["primary"] == true {
			m["primary"] = false
		}
	}
	return list
}

// changeSelected is an edit of the elements that a filter selects (all of them
// without one), or of one of their sub-attributes.
func (a *attribute) changeSelected(list []any, e edit) ([]any, error) {
	var selected []int
	for i, v := range list {
		if m, ok := v.(map[string]any); ok && (e.where == nil || e.where.Match(m)) {
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
		list = addMade(list, e.made)
	}
	gone := make(map[int]bool)
	for _, i := range selected {
		keep, err := a.changeElement(list[i].(map[string]any), e)
		if err != nil {
			return nil, err
		}
		gone[i] = !keep
		onePrimary(list, i, list[i].(map[string]any)["primary"])
	}
	var out []any
	for i, v := range list {
		if !gone[i] {
			out = append(out, v)
		}
	}
	return out, nil
}

// addMade is the rule of a value path that selects nothing: the element is made
// and carries the equalities of the filter (Entra). Further operations with the
// same filter then select it.
func addMade(list []any, made map[string]any) []any {
	element := maps.Clone(made)
	if element == nil {
		element = map[string]any{}
	}
	return append(list, element)
}

// changeElement carries out an edit on one element and reports whether the
// element stays.
func (a *attribute) changeElement(element map[string]any, e edit) (keep bool, err error) {
	hadValue := element["value"] != nil
	switch {
	case e.to.sub != nil:
		err = e.to.sub.set(element, e)
	case e.op == opRemove, unassigned(e.value):
		return false, nil
	default:
		var values map[string]any
		if values, err = a.object(objectInArray(e.value)); err != nil {
			return false, err
		}
		if e.op == opReplace {
			clear(element)
			maps.Copy(element, e.made)
		}
		maps.Copy(element, values)
		maps.DeleteFunc(element, func(_ string, v any) bool { return v == nil })
	}
	cleared := hadValue && withoutValue(a, element)
	return len(element) > 0 && !cleared, err
}
