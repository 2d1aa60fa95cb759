package scim

import (
	"encoding/json"
	"maps"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// The operations of RFC 7644 section 3.5.2.
const (
	opAdd     = "add"
	opReplace = "replace"
	opRemove  = "remove"
)

// edit is one change of one attribute. A PATCH operation without a path makes
// one for each attribute it holds, and so does the body of a POST or PUT.
type edit struct {
	op string
	to target
	// where selects elements of a multi-valued attribute; nil selects all.
	where membership.Filter
	// made is what an element carries that has to be made because where selects
	// none: the equalities of the filter. It is nil where they do not tell.
	made  map[string]any
	value any
	given bool // there was a value, be it null
	// ofKey: a key of an object was the path. parts are the attributes in value,
	// if the target can be an extension that no schema describes.
	ofKey bool
	parts []edit
	work  *work // what may be compared for it
}

// apply carries out an edit on a resource in its JSON form with canonical
// names. It never keeps a part of the edit, so that edits can be applied again.
func apply(r map[string]any, e edit) error {
	switch {
	case e.to.custom():
		return applyExtension(r, e)
	case e.to.whole:
		if e.to.schema != "" { // only to clear it: expand takes anything else apart
			delete(r, e.to.schema)
		}
		return nil
	case e.to.attr == nil, e.to.attr.writeOnly:
		return nil // unknown attributes are ignored; passwords are never stored
	case e.to.schema == "":
		return e.to.attr.apply(r, e)
	}
	extension, _ := r[e.to.schema].(map[string]any)
	if extension == nil {
		extension = map[string]any{}
	}
	if err := e.to.attr.apply(extension, e); err != nil {
		return err
	}
	if len(extension) == 0 {
		delete(r, e.to.schema)
	} else {
		r[e.to.schema] = extension
	}
	return nil
}

// apply changes the attribute in the object that holds it.
func (a *attribute) apply(home map[string]any, e edit) error {
	switch {
	case a.kind == kindComplex && a.multi:
		return a.applyElements(home, e)
	case e.where != nil:
		return badRequest(typeInvalidPath, "%s has one value: it cannot be filtered", a.path)
	case a.kind == kindComplex:
		return a.applyObject(home, e)
	}
	if keepsActive(a, e) {
		return nil
	}
	return a.set(home, e)
}

// set changes a simple attribute of the object that holds it.
func (a *attribute) set(home map[string]any, e edit) error {
	if e.op == opRemove {
		delete(home, a.name)
		return nil
	}
	v, err := a.simple(e.value)
	if err != nil {
		return err
	}
	if v == nil {
		delete(home, a.name)
	} else {
		home[a.name] = v
	}
	return nil
}

// simple returns a simple value in its canonical form, or nil for none.
func (a *attribute) simple(v any) (any, error) {
	if unassigned(v) {
		return nil, nil
	}
	switch a.kind {
	case kindBoolean:
		if b, ok := stringBoolean(v); ok {
			return b, nil
		}
		return nil, badRequest(typeInvalidValue, "%s must be true or false", a.path)
	case kindNumber:
		if _, ok := v.(json.Number); ok {
			return v, nil
		}
		return nil, badRequest(typeInvalidValue, "%s must be a number", a.path)
	case kindString:
		v = numberAsText(v)
	case kindUnlisted:
		if list, ok := v.([]any); ok && len(list) > maxValues {
			return nil, tooManyValues(a.path)
		}
		return clone(v), nil
	}
	if s, ok := v.(string); ok {
		return s, nil
	}
	return nil, badRequest(typeInvalidValue, "%s must be a string", a.path)
}

// applyObject changes a complex attribute with one value. Sub-attributes that
// the edit does not name stay (RFC 7644 section 3.5.2.3).
func (a *attribute) applyObject(home map[string]any, e edit) error {
	object, _ := home[a.name].(map[string]any)
	if object == nil {
		object = map[string]any{}
	}
	switch {
	case e.to.subName != "":
		if err := applySub(object, e); err != nil {
			return err
		}
	case e.op == opRemove, unassigned(e.value):
		delete(home, a.name)
		return nil
	default:
		if err := a.merge(object, e); err != nil {
			return err
		}
	}
	if len(object) == 0 || withoutValue(a, object) {
		delete(home, a.name)
	} else {
		home[a.name] = object
	}
	return nil
}

// applySub changes one sub-attribute of an object.
func applySub(object map[string]any, e edit) error {
	if e.to.sub == nil { // of an attribute that no schema has
		name, sub, _ := strings.Cut(e.to.subName, ".") // a dot is never part of a name
		e.to, e.where, e.made = target{name: name, subName: sub}, nil, nil
		return applyUnlisted(object, e)
	}
	return e.to.sub.set(object, e)
}

// merge changes the sub-attributes of an object that the value of an edit names.
func (a *attribute) merge(object map[string]any, e edit) error {
	if a.unlisted {
		return mergeUnlisted(object, e)
	}
	values, err := a.object(objectInArray(e.value))
	if err != nil {
		return err
	}
	for name, v := range values {
		if v == nil {
			delete(object, name)
		} else {
			object[name] = v
		}
	}
	return nil
}

// object returns a complex value with canonical names and values; nil stands
// for a sub-attribute that was sent as unassigned. What no schema knows, or
// only the server may write, is left out.
func (a *attribute) object(v any) (map[string]any, error) {
	sent, ok := bareValue(a, v).(map[string]any)
	if !ok {
		return nil, badRequest(typeInvalidValue, "%s must be an object", a.path)
	}
	object := make(map[string]any, len(sent))
	for _, key := range sortedKeys(sent) {
		sub := a.subs[oldName(a, strings.ToLower(key))]
		if sub == nil || sub.readOnly {
			continue
		}
		value, err := sub.simple(sent[key])
		if err != nil {
			return nil, err
		}
		object[sub.name] = value
	}
	return object, nil
}

// clone copies a decoded JSON value.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := maps.Clone(v)
		for key, value := range m {
			m[key] = clone(value)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i, value := range v {
			list[i] = clone(value)
		}
		return list
	}
	return v
}
