package scim

import (
	"strings"
)

// projection is what attributes and excludedAttributes ask for (RFC 7644
// section 3.9). The zero value shows everything.
type projection struct {
	only   namedPaths
	asked  bool // attributes was given, be it without a name that is known
	except namedPaths
	parts  bool // some of them are of an extension or a sub-attribute
}

// namedPath is the path of a schema, an attribute or a sub-attribute, in small
// letters.
type namedPath struct{ schema, name, sub string }

// anySub stands for one of the sub-attributes.
const anySub = "*"

// namedPaths are looked up and not gone through: a caller may name as many as a
// request can hold, and each attribute of each resource is held against them.
type namedPaths map[namedPath]bool

// newProjection resolves names; what no schema has is ignored.
func (t *resourceType) newProjection(attributes, excluded []string) projection {
	p := projection{only: t.namedPaths(attributes), asked: len(attributes) > 0, except: t.namedPaths(excluded)}
	p.parts = p.only.haveParts() || p.except.haveParts()
	return p
}

func (t *resourceType) namedPaths(names []string) namedPaths {
	if len(names) == 0 {
		return nil
	}
	all := namedPaths{}
	for _, name := range names {
		to, ok := t.locate(name)
		if !ok {
			continue
		}
		p := pathOf(to.schema, to.name, to.subName)
		if to.whole {
			p = namedPath{schema: p.schema}
		}
		all[p] = true
		if p.sub != "" {
			all[namedPath{p.schema, p.name, anySub}] = true
		}
		if to.custom() { // the URN of an extension that only the provider knows
			all[namedPath{schema: strings.ToLower(to.urn())}] = true
		}
	}
	return all
}

func (all namedPaths) haveParts() bool {
	for p := range all {
		if p.schema != "" || p.sub != "" {
			return true
		}
	}
	return false
}

func pathOf(schema, name, sub string) namedPath {
	return namedPath{strings.ToLower(schema), strings.ToLower(name), strings.ToLower(sub)}
}

// hold reports whether the attribute or the schema around it is among them.
func (all namedPaths) hold(p namedPath) bool {
	return all[namedPath{schema: p.schema}] || all[namedPath{schema: p.schema, name: p.name}]
}

func (p projection) showsAll() bool { return !p.asked && len(p.except) == 0 }

// keeps reports whether an attribute is shown at all.
func (p projection) keeps(schema, name string) bool { return p.shows(schema, name, "") }

// shows reports whether an attribute, or one of its sub-attributes, is shown.
func (p projection) shows(schema, name, sub string) bool {
	if p.showsAll() {
		return true
	}
	at := pathOf(schema, name, sub)
	switch {
	case p.except.hold(at), sub != "" && p.except[at]:
		return false
	case !p.asked, p.only.hold(at):
		return true
	case sub == "":
		at.sub = anySub
	}
	return p.only[at]
}

// asksFor reports whether attributes names a sub-attribute itself: what is
// returned on request only (RFC 7643 section 7).
func (p projection) asksFor(schema, name, sub string) bool {
	at := pathOf(schema, name, sub)
	return p.only[at] && !p.except.hold(at) && !p.except[at]
}

// of returns what is shown of a resource. id and schemas always are.
func (p projection) of(r map[string]any) map[string]any {
	if p.showsAll() {
		return r
	}
	out := make(map[string]any, len(r))
	for name, v := range r {
		switch {
		case name == "id" || name == "schemas":
			out[name] = v
		case isURN(name):
			if inner, ok := v.(map[string]any); ok {
				if v := p.object(name, inner); len(v) > 0 {
					out[name] = v
				}
			}
		case p.keeps("", name):
			out[name] = p.value("", name, v)
		}
	}
	return out
}

// object returns what is shown of an extension.
func (p projection) object(schema string, r map[string]any) map[string]any {
	out := make(map[string]any, len(r))
	for name, v := range r {
		if p.keeps(schema, name) {
			out[name] = p.value(schema, name, v)
		}
	}
	return out
}

// value returns what is shown of an attribute's value.
func (p projection) value(schema, name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for sub, value := range v {
			if p.shows(schema, name, sub) {
				out[sub] = value
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = e
			if m, ok := e.(map[string]any); ok {
				out[i] = p.value(schema, name, m)
			}
		}
		return out
	}
	return v
}
