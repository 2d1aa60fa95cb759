package scim

import (
	"strings"
)

// projection is what attributes and excludedAttributes ask for (RFC 7644
// section 3.9). The zero value shows everything.
type projection struct {
	only   []target
	asked  bool // attributes was given, be it without a name that is known
	except []target
}

// newProjection resolves names; what no schema has is ignored.
func (t *resourceType) newProjection(attributes, excluded []string) projection {
	return projection{only: t.targets(attributes), asked: len(attributes) > 0, except: t.targets(excluded)}
}

func (t *resourceType) targets(names []string) []target {
	var all []target
	for _, name := range names {
		if to, ok := t.locate(name); ok {
			all = append(all, to)
		}
	}
	return all
}

func (p projection) showsAll() bool { return !p.asked && len(p.except) == 0 }

// keeps reports whether an attribute is shown at all.
func (p projection) keeps(schema, name string) bool { return p.shows(schema, name, "") }

// shows reports whether an attribute, or one of its sub-attributes, is shown.
func (p projection) shows(schema, name, sub string) bool {
	for _, to := range p.except {
		if to.holds(schema, name) || sub != "" && to.names(schema, name) && strings.EqualFold(to.subName, sub) {
			return false
		}
	}
	if !p.asked {
		return true
	}
	for _, to := range p.only {
		switch {
		case to.holds(schema, name):
			return true
		case to.names(schema, name) && (sub == "" || strings.EqualFold(to.subName, sub)):
			return true
		}
	}
	return false
}

// holds reports whether the path is the attribute or the schema around it.
func (to target) holds(schema, name string) bool {
	if to.whole {
		return strings.EqualFold(to.schema, schema)
	}
	if to.custom() && strings.EqualFold(to.urn(), schema) {
		return true // the URN of an extension that only the provider knows
	}
	return to.names(schema, name) && to.subName == ""
}

// names reports whether the path is the attribute or something in it.
func (to target) names(schema, name string) bool {
	return !to.whole && strings.EqualFold(to.schema, schema) && strings.EqualFold(to.name, name)
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
