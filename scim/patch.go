package scim

import (
	"encoding/json"
	"strings"
)

// patchBody is the message of RFC 7644 section 3.5.2, its keys in any letter
// case and order. That it names its schema is not asked for.
type patchBody struct {
	Operations []operation
}

// operation is one operation as it was sent. Its value is decoded later, by
// what its path says.
type operation struct {
	Op    string
	Path  string
	Value json.RawMessage
}

func readPatch(body []byte) (patchBody, error) {
	var p patchBody
	err := split(body, &p)
	return p, err
}

// errNoOperations is the answer to a body without the list. An empty list is
// taken for nothing to do: Microsoft's validator sends it and wants no error.
var errNoOperations = badRequest(typeInvalidSyntax, "Operations is required")

// name returns the operation in small letters: Entra capitalises it.
func (o operation) name() (string, error) {
	switch op := strings.ToLower(o.Op); op {
	case opAdd, opReplace, opRemove:
		return op, nil
	case "":
		return "", badRequest(typeInvalidSyntax, "op is required")
	}
	return "", badRequest(typeInvalidSyntax, "op must be add, replace or remove, not %q", clip(o.Op))
}

func (o operation) given() bool { return o.Value != nil }

// edits takes operations apart into edits, in their order.
func (t *resourceType) edits(operations []operation) ([]edit, error) {
	var all []edit
	for _, o := range operations {
		edits, err := t.editsOf(o)
		if err != nil {
			return nil, err
		}
		all = append(all, edits...)
	}
	return all, nil
}

func (t *resourceType) editsOf(o operation) ([]edit, error) {
	op, err := o.name()
	if err != nil {
		return nil, err
	}
	var value any
	if o.given() {
		if err := decode(o.Value, &value); err != nil {
			return nil, err
		}
	}
	if strings.TrimSpace(o.Path) == "" {
		return t.withoutPath(op, value)
	}
	e, err := t.path(o.Path)
	if err != nil {
		return nil, err
	}
	e.op, e.value, e.given = op, value, o.given()
	if a := e.to.attr; readOnly(e) {
		// Clients repeat the id that is in the address; anything else read-only is
		// an error (RFC 7644 section 3.5.2).
		if a.name == "id" || a.name == "schemas" {
			return nil, nil
		}
		return nil, badRequest(typeMutability, "%s is read-only", a.path)
	}
	if op != opRemove && !o.given() {
		return nil, badRequest(typeInvalidValue, "%s of %q needs a value", op, clip(o.Path))
	}
	if e.to.whole {
		return t.wholeSchema(e, o.Path)
	}
	return t.complete(e)
}

// withoutPath is an operation on the resource itself.
func (t *resourceType) withoutPath(op string, value any) ([]edit, error) {
	if op == opRemove {
		return nil, badRequest(typeNoTarget, "remove needs a path")
	}
	values, ok := value.(map[string]any)
	if !ok {
		return nil, badRequest(typeInvalidValue, "%s without a path needs an object of attributes", op)
	}
	return t.expand(op, values)
}

// wholeSchema is an operation whose path is the URN of a schema.
func (t *resourceType) wholeSchema(e edit, path string) ([]edit, error) {
	if e.op == opRemove {
		if e.to.schema == "" {
			return nil, badRequest(typeNoTarget, "%q cannot be removed", clip(path))
		}
		return []edit{e}, nil
	}
	return t.expandKey(e.op, path, e.value)
}

// applyAll carries out edits in their order.
func applyAll(r map[string]any, edits []edit) error { return applyWithin(r, edits, &work{maxWork}) }

func applyWithin(r map[string]any, edits []edit, w *work) error {
	for _, e := range edits {
		e.work = w
		if err := apply(r, e); err != nil {
			return err
		}
	}
	return nil
}
