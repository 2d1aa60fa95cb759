package scim

import (
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// Attributes of extensions that no schema describes. They are stored as they were
// sent, for the provider to find them again, and a PATCH means the same for them
// as for any other (RFC 7644 section 3.5.2): what a schema would say of one, its
// value shows.

// applyExtension changes such an extension, or an attribute in it.
func applyExtension(r map[string]any, e edit) error {
	urn, whole := e.extension(r)
	key := membership.KeyFold(r, urn)
	extension, _ := r[key].(map[string]any)
	if extension == nil {
		extension = map[string]any{}
	}
	edits := e.parts
	_, isObject := e.value.(map[string]any)
	switch {
	case !whole:
		edits = []edit{e}
	case e.op == opRemove, e.op == opReplace && unassigned(e.value):
		delete(r, key)
		return nil
	case !isObject && !unassigned(e.value):
		return badRequest(typeInvalidValue, "%s must be an object", clip(urn))
	}
	if len(edits) > maxValues {
		return tooManyValues(urn)
	}
	for _, part := range edits {
		part.work = e.work
		if err := applyUnlisted(extension, part); err != nil {
			return err
		}
	}
	switch {
	case r[key] == nil && len(r) > maxValues || len(extension) > maxValues:
		return tooManyValues(urn)
	case len(extension) == 0:
		delete(r, key)
	default:
		r[key] = extension
	}
	return nil
}

// extension tells which extension an edit is about, and whether its path is that
// of the extension itself: urn:a:b:User:desk can be either. What the resource
// has decides. If it has neither, it is how the two URNs end; and where that does
// not tell, a key with an object behind it is an extension (RFC 7643 section 3.3)
// and a path is that of an attribute (RFC 7644 section 3.10).
func (e edit) extension(r map[string]any) (urn string, whole bool) {
	urn = e.to.urn()
	_, isObject := e.value.(map[string]any)
	switch {
	case e.where != nil:
		return e.to.schema, false
	case r[membership.KeyFold(r, urn)] != nil:
		return urn, true
	case r[membership.KeyFold(r, e.to.schema)] != nil:
		return e.to.schema, false
	case endsInVersion(urn):
		return urn, true
	case !isObject, endsInType(e.to.schema):
		return e.to.schema, false
	case endsInType(urn):
		return urn, true
	case endsInVersion(e.to.schema):
		return e.to.schema, false
	case e.ofKey, strings.Count(e.to.schema, ":") < 2: // a URN has two
		return urn, true
	}
	return e.to.schema, false
}

// endsInVersion finds the last part of urn:okta:custom:1.0.
func endsInVersion(urn string) bool {
	last := urn[strings.LastIndexByte(urn, ':')+1:]
	return last != "" && strings.Trim(last, "0123456789.") == ""
}

// endsInType finds the last part of urn:x:y:2.0:User.
func endsInType(urn string) bool {
	last := urn[strings.LastIndexByte(urn, ':')+1:]
	for _, t := range resourceTypes {
		if strings.EqualFold(last, t.name) {
			return true
		}
	}
	return false
}

// partsOf returns the attributes of an object that may be an extension. Their
// names can be dotted or value paths, as those of any other.
func (t *resourceType) partsOf(op string, value any) []edit {
	object, _ := value.(map[string]any)
	parts := make([]edit, 0, len(object))
	for _, key := range sortedKeys(object) {
		part := edit{op: op, to: target{name: key}, value: object[key], given: true}
		if path, err := t.path(unlistedPrefix + key); err == nil && path.to.schema+":" == unlistedPrefix {
			part.to, part.where, part.made = path.to, path.where, path.made
		}
		parts = append(parts, part)
	}
	return parts
}

// unlistedPrefix makes the path of an attribute that no schema has of its name.
const unlistedPrefix = "urn:unlisted:extension:"

// applyUnlisted changes an attribute that no schema has in the object that holds
// it. Its name is found in any letter case, and stays as it was first spelled.
func applyUnlisted(home map[string]any, e edit) error {
	if err := e.work.spend(len(home)); err != nil { // to find the name
		return err
	}
	a := unlisted(home, e)
	if a.kind != kindComplex && e.to.subName != "" {
		if e.op == opRemove {
			return nil
		}
		return badRequest(typeInvalidPath, "%s has no sub-attributes", clip(a.path))
	}
	return a.apply(home, e)
}

// unlisted returns what the value of an attribute shows of it: the one that it
// has, or else the one that is meant for it.
func unlisted(home map[string]any, e edit) *attribute {
	name := membership.KeyFold(home, e.to.name)
	a := &attribute{name: name, path: name, kind: kindUnlisted, unlisted: true}
	have := home[name]
	_, haveList := have.([]any)
	_, haveObject := have.(map[string]any)
	_, sentList := e.value.([]any)
	_, sentObject := e.value.(map[string]any)
	part := e.to.subName != ""
	switch {
	case e.op == opReplace && sentList && e.where == nil && !part: // stored as it was sent
	case haveList, e.where != nil && have == nil, sentList && e.where == nil && !part:
		a.kind, a.multi = kindComplex, true
	case haveObject && (part || sentObject), have == nil && part:
		a.kind = kindComplex
	}
	return a
}

// mergeUnlisted changes the attributes of an object that the value of an edit
// names.
func mergeUnlisted(object map[string]any, e edit) error {
	value := objectInArray(e.value)
	if _, isList := value.([]any); isList {
		return badRequest(typeInvalidValue, "a list cannot be one element")
	}
	sent := elementObject(value)
	for _, name := range sortedKeys(sent) {
		part := edit{op: e.op, to: target{name: name}, value: sent[name], given: true, work: e.work}
		if err := applyUnlisted(object, part); err != nil {
			return err
		}
	}
	return nil
}
