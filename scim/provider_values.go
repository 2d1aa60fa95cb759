package scim

import (
	"encoding/json"
	"io"
	"strings"
)

// complete replaces what providers write instead of a value by that value, before
// anything is changed. Every edit goes through here: of a POST, a PUT, a PATCH
// and each operation of a bulk.
func (t *resourceType) complete(e edit) ([]edit, error) {
	if e.to.custom() {
		e.parts = t.partsOf(e.op, e.value)
	}
	a, sent := e.to.attr, e.value
	if a == nil || e.to.sub != nil {
		return []edit{e}, nil
	}
	if e.where == nil {
		e.value = t.inOwnName(a, e.value)
		if e.op == opRemove && e.value == nil && e.given && sent != nil {
			e.value = []any{} // null in there is not to say that all are meant
		}
	}
	var err error
	if a.kind == kindComplex {
		e.value, err = a.elementOfText(e.value)
	}
	return []edit{e}, err
}

// inOwnName is the rule of a value that repeats the name of its path:
// {"path":"emails","value":{"emails":[…]}}.
func (t *resourceType) inOwnName(a *attribute, value any) any {
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		return value
	}
	for key, inner := range object {
		to, ok := t.locate(key)
		if ok && to.attr == a && to.sub == nil && a.subs[strings.ToLower(key)] == nil {
			return inner
		}
	}
	return value
}

// elementOfText is the rule of an element that is written as a text of JSON, or
// of a list that is one or has them in it. A text that begins like JSON and is no
// element of the attribute is refused: it is no address either.
func (a *attribute) elementOfText(value any) (any, error) {
	switch v := value.(type) {
	case string:
		if !likeJSON(v) {
			return value, nil
		}
		decoded, err := decodeText(v)
		if err != nil || !a.isElement(decoded) {
			return nil, badRequest(typeInvalidValue, "%s: the text %q holds no element of it", a.path, clip(v))
		}
		return decoded, nil
	case []any:
		out := make([]any, 0, len(v))
		for _, element := range v {
			decoded, err := a.elementOfText(element)
			if err != nil {
				return nil, err
			}
			_, nested := element.([]any)
			if list, isList := decoded.([]any); isList && !nested {
				out = append(out, list...)
			} else {
				out = append(out, decoded)
			}
		}
		return out, nil
	}
	return value, nil
}

// likeJSON: no name, address or id of a user begins so.
func likeJSON(s string) bool {
	s = strings.TrimSpace(s)
	return s != "" && (s[0] == '{' || s[0] == '[')
}

// decodeText decodes a text of JSON, which is held to the same as a body.
func decodeText(s string) (v any, err error) {
	text, err := io.ReadAll(newBodyReader(strings.NewReader(s)))
	if err != nil {
		return nil, err
	}
	return v, decode(text, &v)
}

// isElement reports whether a value that was a text says something of the
// attribute: an object that has one of its sub-attributes, or a list of those.
func (a *attribute) isElement(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			if a.subs[oldName(a, strings.ToLower(key))] != nil {
				return true
			}
		}
		return len(v) == 0
	case []any:
		for _, element := range v {
			switch element := element.(type) {
			case map[string]any:
				if !a.isElement(element) {
					return false
				}
			case string:
				if a.value() == nil || likeJSON(element) {
					return false
				}
			case json.Number:
				if a.value() == nil {
					return false
				}
			case nil:
			default:
				return false
			}
		}
		return true
	}
	return false
}
