package scim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// referredTo returns the bulkId that a text refers to (RFC 7644 section 3.7.2).
// Only a whole value is a reference; the same letters within a text are text.
func referredTo(s string) (bulkID string, ok bool) { return strings.CutPrefix(s, "bulkId:") }

// bulkReference stands in data where the id of a resource belongs that another
// operation makes.
type bulkReference struct{ to *bulkOperation }

// MarshalJSON implements json.Marshaler with the id.
func (r bulkReference) MarshalJSON() ([]byte, error) { return json.Marshal(r.to.id) }

// unknownReference is the answer to a reference to nothing.
func unknownReference(bulkID string) error {
	return badRequest(typeInvalidValue, "no POST of this request has the bulkId %q", clip(bulkID))
}

// bulkNames are the operations that make resources, by bulkId.
type bulkNames map[string]*bulkOperation

// link finds the references of an operation, in its path and in its data.
func (names bulkNames) link(o *bulkOperation) error {
	if bulkID, ok := referredTo(o.target); ok {
		if o.targeted = names.inPath(bulkID); o.targeted == nil {
			return unknownReference(bulkID)
		}
	}
	if !o.hasData() {
		return nil
	}
	var data any
	if err := decode(o.Data, &data); err != nil {
		return err
	}
	l := &linker{names: names, seen: map[*bulkOperation]bool{}}
	if resource, ok := data.(map[string]any); ok && o.Method != http.MethodPatch {
		l.linkResource(o.of, resource)
	} else {
		data = l.link(data)
	}
	if o.refersTo = l.found; l.found != nil {
		o.linked = data // without any, the data goes on as it was sent
	}
	return l.err
}

// inPath finds what a path refers to: a bulkId may have any character, so it
// may stand there escaped, and what looks like a trailing slash may be its own.
func (names bulkNames) inPath(bulkID string) *bulkOperation {
	if o := names[bulkID]; o != nil {
		return o
	}
	bulkID = strings.TrimSuffix(bulkID, "/")
	if o := names[bulkID]; o != nil {
		return o
	}
	bulkID, _ = url.PathUnescape(bulkID)
	return names[bulkID]
}

// linker finds the references in the data of one operation.
type linker struct {
	names   bulkNames
	members bool             // in the members of a group
	found   []*bulkOperation // the operations referred to, each once
	seen    map[*bulkOperation]bool
	err     error
}

// linkResource finds the references in a resource. What it says of read-only
// attributes is ignored, and so are references there: a user who names the group
// that names them waits for nothing.
func (l *linker) linkResource(t *resourceType, r map[string]any) {
	for _, key := range sortedKeys(r) {
		if to, ok := t.locate(key); ok && to.attr != nil && to.attr.readOnly {
			continue
		}
		if t == groupType {
			_, l.members, _ = memberPath(key)
		}
		r[key] = l.link(r[key])
	}
}

// link replaces texts that are references by references.
func (l *linker) link(v any) any {
	switch v := v.(type) {
	case string:
		if bulkID, ok := referredTo(v); ok {
			return l.reference(v, bulkID)
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			v[key] = l.link(v[key])
		}
	case []any:
		for i := range v {
			v[i] = l.link(v[i])
		}
	}
	return v
}

// reference returns what replaces a text that refers to a bulkId.
// A group is no member of another, so the text of such a reference stays, and is
// answered as an unknown member: two groups that refer to each other need not be
// made for that.
func (l *linker) reference(text, bulkID string) any {
	o := l.names[bulkID]
	switch {
	case o == nil:
		if l.err == nil {
			l.err = unknownReference(bulkID)
		}
		return text
	case l.members && o.of == groupType:
		return text
	}
	if !l.seen[o] {
		l.seen[o] = true
		l.found = append(l.found, o)
	}
	return bulkReference{o}
}

// divide takes out of a resource what holds open references: whole attributes,
// or single elements of lists. The two parts added up are the resource.
func divide(r map[string]any) (now, later map[string]any) {
	now, later = map[string]any{}, map[string]any{}
	for key, v := range r {
		n, l := divideValue(key, v)
		if n != nil {
			now[key] = n
		}
		if l != nil {
			later[key] = l
		}
	}
	return now, later
}

func divideValue(key string, v any) (now, later any) {
	if !waiting(v) {
		return v, nil
	}
	switch v := v.(type) {
	case []any:
		var n, l []any
		for _, e := range v {
			if waiting(e) {
				l = append(l, e)
			} else {
				n = append(n, e)
			}
		}
		if n == nil {
			return nil, l
		}
		return n, l
	case map[string]any:
		if isURN(key) { // a schema, with attributes of its own
			return divide(v)
		}
	}
	return nil, v
}

// waiting reports whether there are open references in a value.
func waiting(v any) bool {
	switch v := v.(type) {
	case bulkReference:
		return v.to.open()
	case map[string]any:
		for _, e := range v {
			if waiting(e) {
				return true
			}
		}
	case []any:
		for _, e := range v {
			if waiting(e) {
				return true
			}
		}
	}
	return false
}
