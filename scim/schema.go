package scim

import (
	"slices"
	"strings"

	"github.com/elimity-com/scim/schema"
)

// enterpriseURN is the extension of RFC 7643 section 4.3.
const enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// kind is the data type of an attribute (RFC 7643 section 2.3), as far as the
// door tells them apart: references are strings to it.
type kind int

const (
	kindString kind = iota
	kindBoolean
	kindNumber
	kindTime
	kindBinary
	kindComplex
	kindUnlisted // a value that is stored as it was sent
)

// attribute is what the schemas say of one attribute.
type attribute struct {
	name      string // the canonical spelling
	path      string // with the attribute it is part of, for messages
	kind      kind
	multi     bool
	caseExact bool
	readOnly  bool
	writeOnly bool
	// unlisted: no schema has it. It is what its value shows; see edit_unlisted.go.
	unlisted bool
	subs     map[string]*attribute // by lower-case name
}

// value is the sub-attribute that stands for the whole (RFC 7643 section 2.4),
// or nil.
func (a *attribute) value() *attribute { return a.subs["value"] }

// resourceType is a type of resource with everything the schemas say of it.
type resourceType struct {
	name       string
	endpoint   string
	core       schema.Schema
	extensions []schema.Schema
	// attributes are by schema and lower-case name. The resource's own schema,
	// which also has the common attributes, is "".
	attributes map[string]map[string]*attribute
}

var (
	userType = newResourceType("User", "/Users", schema.CoreUserSchema(), schema.ExtensionEnterpriseUser())
	// Members are held against ids, and ids compare exactly.
	groupType = newResourceType("Group", "/Groups", schema.CoreGroupSchema()).caseExact("members", "value")

	resourceTypes = []*resourceType{userType, groupType}
)

func newResourceType(name, endpoint string, core schema.Schema, extensions ...schema.Schema) *resourceType {
	t := &resourceType{name: name, endpoint: endpoint, core: core, extensions: extensions}
	common := append(schema.CommonAttributes(), schema.SchemasAttributes())
	t.attributes = map[string]map[string]*attribute{"": attributesOf(slices.Concat(common, core.Attributes), "")}
	for _, e := range extensions {
		t.attributes[e.ID] = attributesOf(e.Attributes, "")
	}
	return t
}

func (t *resourceType) caseExact(name, sub string) *resourceType {
	t.attributes[""][name].subs[sub].caseExact = true
	return t
}

func attributesOf(definitions []schema.CoreAttribute, of string) map[string]*attribute {
	m := make(map[string]*attribute, len(definitions))
	for _, d := range definitions {
		a := &attribute{
			name: d.Name(), path: of + d.Name(), kind: kindOf(d.AttributeType()),
			multi: d.MultiValued(), caseExact: d.CaseExact(),
			// The schemas attribute is immutable in the library's definition; what
			// a resource has follows from its attributes.
			readOnly:  d.Mutability() == "readOnly" || d.Name() == "schemas",
			writeOnly: d.Mutability() == "writeOnly",
		}
		a.subs = attributesOf(d.SubAttributes(), d.Name()+".")
		m[strings.ToLower(d.Name())] = a
	}
	return m
}

func kindOf(dataType string) kind {
	switch dataType {
	case "boolean":
		return kindBoolean
	case "decimal", "integer":
		return kindNumber
	case "dateTime":
		return kindTime
	case "binary":
		return kindBinary
	case "complex":
		return kindComplex
	}
	return kindString
}

// target is what a path or a key names. attr is nil for what no schema has.
type target struct {
	schema string // "" or the URN of an extension
	attr   *attribute
	sub    *attribute
	// name and subName are canonical where they are known, else as they were
	// sent.
	name, subName string
	// whole: the URN of a schema itself was named.
	whole bool
}

// custom: of an extension that only the provider knows.
func (to target) custom() bool { return to.schema != "" && to.schema != enterpriseURN }

// urn is the whole path of a custom target, which may be that of an extension
// and not of an attribute in it.
func (to target) urn() string {
	if to.subName != "" {
		return to.schema + ":" + to.name + "." + to.subName
	}
	return to.schema + ":" + to.name
}

// leaf is the attribute or sub-attribute that the path ends at, or nil.
func (to target) leaf() *attribute {
	if to.subName != "" {
		return to.sub
	}
	return to.attr
}

// locate finds what a path without a value filter names, with or without the
// URN of its schema, in any letter case (RFC 7644 section 3.10). ok is false
// for what cannot be a path.
func (t *resourceType) locate(path string) (to target, ok bool) {
	if urn, known := t.schemaNamed(path); known {
		return target{schema: urn, whole: true}, true
	}
	prefix, name, sub, ok := splitName(path)
	if !ok {
		return target{}, false
	}
	return t.find(prefix, name, sub), true
}

// unqualified looks in the resource's own schema first and then in the
// extensions: Entra's documentation prints the path "manager".
func (t *resourceType) unqualified(name, sub string) target {
	to := t.in("", name, sub)
	for _, e := range t.extensions {
		if to.attr == nil {
			if ext := t.in(e.ID, name, sub); ext.attr != nil {
				return ext
			}
		}
	}
	return to
}

// in finds an attribute of one schema that is known.
func (t *resourceType) in(urn, name, sub string) target {
	to := target{schema: urn, name: name, subName: sub}
	a := t.attributes[urn][strings.ToLower(name)]
	if a == nil {
		return to
	}
	to.name = a.name
	if sub != "" {
		if to.sub = a.subs[strings.ToLower(sub)]; to.sub == nil {
			return to
		}
		to.subName = to.sub.name
	}
	to.attr = a
	return to
}

// schemaNamed returns the canonical URN of a schema, "" for the resource's own.
func (t *resourceType) schemaNamed(urn string) (canonical string, known bool) {
	if len(urn) < 4 || !isURN(urn) {
		return "", false
	}
	if strings.EqualFold(urn, t.core.ID) {
		return "", true
	}
	for _, e := range t.extensions {
		if strings.EqualFold(urn, e.ID) {
			return e.ID, true
		}
	}
	return t.brokenURN(urn)
}

func isURN[T string | []byte](s T) bool {
	return len(s) > 4 && strings.EqualFold(string(s[:4]), "urn:")
}
