package scim

import (
	"maps"
	"slices"
	"strings"
)

// expand takes an object of attributes apart into edits: the body of a POST or
// PUT, or the value of a PATCH operation without a path. Keys may be names in
// any letter case, dotted ("name.givenName"), with a URN before them, the URN
// of a schema with an object below it, or a whole value path (Entra with
// aadOptscim062020). Read-only attributes are ignored here: clients send back
// what they were given (Okta, JumpCloud, authentik).
func (t *resourceType) expand(op string, values map[string]any) ([]edit, error) {
	var edits []edit
	for _, key := range sortedKeys(values) {
		more, err := t.expandKey(op, key, values[key])
		if err != nil {
			return nil, err
		}
		edits = append(edits, more...)
	}
	return edits, nil
}

func (t *resourceType) expandKey(op, key string, value any) ([]edit, error) {
	e := edit{op: op, value: value, given: true, ofKey: true}
	if i := strings.IndexByte(key, '['); i >= 0 {
		path, err := t.path(key)
		if err == nil {
			path.op, path.value, path.given = e.op, e.value, e.given
			return t.writable(path)
		}
		if to, ok := t.locate(strings.TrimSpace(key[:i])); ok && !to.unknown() {
			return nil, err
		}
		e.to = target{name: key} // an attribute that no schema has
		return []edit{e}, nil
	}
	to, ok := t.locate(key)
	if !ok {
		to = target{name: key}
	}
	e.to = to
	if !to.whole {
		return t.writable(e)
	}
	inner, isObject := value.(map[string]any)
	switch {
	case unassigned(value):
		if op == opAdd {
			return nil, nil
		}
		e.op = opRemove
		return []edit{e}, nil
	case !isObject:
		return nil, badRequest(typeInvalidValue, "%s must be an object", key)
	}
	var edits []edit
	for _, name := range sortedKeys(inner) {
		more, err := t.expandInner(op, to.schema, name, inner[name])
		if err != nil {
			return nil, err
		}
		edits = append(edits, more...)
	}
	return edits, nil
}

// expandInner is expandKey for a key of an object under the URN of a schema.
func (t *resourceType) expandInner(op, urn, key string, value any) ([]edit, error) {
	switch {
	case isURN(key):
		return t.expandKey(op, key, value)
	case strings.IndexByte(key, '[') >= 0:
		return t.expandKey(op, strings.TrimPrefix(urn+":"+key, ":"), value)
	}
	name, sub, _ := strings.Cut(key, ".")
	return t.writable(edit{op: op, to: t.in(urn, name, sub), value: value, given: true, ofKey: true})
}

// writable completes an edit, unless only the server may make it.
func (t *resourceType) writable(e edit) ([]edit, error) {
	if readOnly(e) {
		return nil, nil
	}
	return t.complete(e)
}

func readOnly(e edit) bool {
	a := e.to.attr
	return a != nil && (a.readOnly || e.to.sub != nil && e.to.sub.readOnly)
}

// sortedKeys makes the order of edits, and with it the outcome, depend on what
// was sent only. The canonical spelling of a name, which begins with a small
// letter, comes after others and so wins over them.
func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
