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
	e := edit{op: op, value: value, given: true}
	if strings.IndexByte(key, '[') >= 0 {
		if path, err := t.path(key); err == nil {
			path.op, path.value, path.given = e.op, e.value, e.given
			return keepWritable(path), nil
		}
		return nil, nil // an attribute nobody knows
	}
	to, ok := t.locate(key)
	if !ok {
		return nil, nil
	}
	e.to = to
	if !to.whole {
		return keepWritable(e), nil
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
		first, sub, _ := strings.Cut(name, ".")
		in := edit{op: op, to: t.in(to.schema, first, sub), value: inner[name], given: true}
		if isURN(name) {
			in.to, _ = t.locate(name)
		}
		edits = append(edits, keepWritable(in)...)
	}
	return edits, nil
}

func keepWritable(e edit) []edit {
	if a := e.to.attr; a != nil && (a.readOnly || e.to.sub != nil && e.to.sub.readOnly) {
		return nil
	}
	return []edit{e}
}

// sortedKeys makes the order of edits, and with it the outcome, depend on what
// was sent only. The canonical spelling of a name, which begins with a small
// letter, comes after others and so wins over them.
func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
