package scim

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"github.com/elimity-com/scim/schema"
)

// What /Schemas shows: the tables of the library, set right where they differ
// from RFC 7643 section 8.7, from RFC 9865, or from what this server does.

// definition is the JSON of an attribute's definition, or a part of it.
type definition = map[string]any

// amendment changes the definition of one attribute or sub-attribute. Without
// values the attribute goes.
type amendment struct {
	path   string
	values definition
}

// labels are what RFC 7643 section 2.4 gives for the type of any attribute that
// has no values of its own. Others are taken as well.
var labels = definition{"canonicalValues": []any{"work", "home", "other"}}

func referenceTo(types ...any) definition {
	return definition{"type": "reference", "referenceTypes": types, "caseExact": true}
}

var integer = definition{"type": "integer"}

var amendments = map[string][]amendment{
	userType.core.ID: {
		{"password", nil}, // is taken and never kept: there is nothing to discover
		{"entitlements.type", labels}, {"roles.type", labels}, {"x509Certificates.type", labels},
		{"groups.$ref", referenceTo("Group")},
		{"groups.type", definition{"canonicalValues": []any{"direct"}}},
	},
	groupType.core.ID: {
		{"displayName", definition{"uniqueness": "server"}},
		{"members.value", definition{"caseExact": true}},
		{"members.type",
			definition{"canonicalValues": []any{"User"}, "description": "The type of the member, which is " +
				"User."}},
		{"members.$ref", referenceTo("User")},
		{"members.$ref", definition{"returned": "request"}},
		{"members.display", definition{"returned": "request"}},
	},
	configSchema: {
		{"documentationUri", referenceTo("external")},
		{"bulk.maxOperations", integer}, {"bulk.maxPayloadSize", integer}, {"filter.maxResults", integer},
		{"authenticationSchemes.type", definition{
			"canonicalValues": []any{"oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"},
		}},
		{"authenticationSchemes.specUri", referenceTo("external")},
		{"authenticationSchemes.documentationUri", referenceTo("external")},
		{"authenticationSchemes.primary", serverSays("boolean", false, "Whether this is the preferred scheme.")},
		{"pagination", serverSays("complex", false, "How lists are paged (RFC 9865).")},
		{"pagination.cursor", serverSays("boolean", true, "Whether pages by cursor are supported.")},
		{"pagination.index", serverSays("boolean", true, "Whether pages by index are supported.")},
		{"pagination.defaultPaginationMethod", serverSays("string", false, "The method if a request does not say.")},
		{"pagination.defaultPaginationMethod", definition{"canonicalValues": []any{"cursor", "index"}}},
		{"pagination.defaultPageSize",
			serverSays("integer", false, "The results on a page if a request does not say.")},
		{"pagination.maxPageSize", serverSays("integer", false, "The most results on a page.")},
		{"pagination.cursorTimeout", serverSays("integer", false, "For how many seconds a cursor can be used.")},
		{"securityEvents",
			serverSays("complex", false, "What security event tokens tell of, where there are some (RFC 9967).")},
		{"securityEvents.asyncRequest",
			serverSays("string", false, "Whether requests can be carried out asynchronously.")},
		{"securityEvents.asyncRequest", definition{"canonicalValues": []any{"none", "long", "request"}}},
		{"securityEvents.eventUris", serverSays("string", false, "The URIs of their events.")},
		{"securityEvents.eventUris", definition{"multiValued": true, "caseExact": true}},
	},
	resourceTypeSchema: {
		{"id", definition{"required": false}}, {"name", definition{"required": true}},
		{"endpoint", referenceTo("uri")}, {"schema", referenceTo("uri")},
		{"schemaExtensions", definition{"required": true}}, {"schemaExtensions.schema", referenceTo("uri")},
	},
	schema.Definition().ID: {{"name", definition{"required": true}}},
}

// serverSays defines an attribute with one value that only the server writes.
func serverSays(kind string, required bool, description string) definition {
	d := definition{
		"type": kind, "multiValued": false, "description": description, "required": required,
		"mutability": "readOnly", "returned": "default",
	}
	if kind == "string" {
		d["caseExact"], d["uniqueness"] = false, "none"
	}
	return d
}

// schemaDocuments are the schemas as they are shown, without meta. No caller may
// change them.
var schemaDocuments = sync.OnceValue(func() []map[string]any {
	var all []schema.Schema
	for _, t := range resourceTypes {
		all = append(append(all, t.core), t.extensions...)
	}
	all = append(all, schema.ServiceProviderConfigSchema(), schema.ResourceTypeSchema(), schema.Definition())
	documents := make([]map[string]any, len(all))
	for i, s := range all {
		documents[i] = schemaDocument(s)
	}
	return documents
})

func schemaDocument(s schema.Schema) map[string]any {
	var document map[string]any
	text, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		panic("a schema of the library is no JSON: " + err.Error()) // while the program is tested
	}
	if document["description"] == "" {
		document["description"] = document["name"]
	}
	for _, a := range amendments[s.ID] {
		amend(document, "attributes", a)
	}
	return document
}

// amend carries out an amendment among the definitions in a list of an object.
func amend(of map[string]any, list string, a amendment) {
	name, sub, isSub := strings.Cut(a.path, ".")
	all, _ := of[list].([]any)
	i := slices.IndexFunc(all, func(d any) bool { return d.(definition)["name"] == name })
	if i < 0 {
		i, all = len(all), append(all, definition{"name": name})
	}
	d, _ := all[i].(definition)
	switch {
	case isSub:
		amend(d, "subAttributes", amendment{sub, a.values})
	case a.values == nil:
		all = slices.Delete(all, i, i+1)
	default:
		for key, v := range a.values {
			d[key] = v
		}
	}
	of[list] = all
}
