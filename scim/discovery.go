package scim

import (
	"maps"
	"net/http"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	configSchema       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceTypeSchema = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
)

// documentation is where people read how the door is used.
const documentation = "https://github.com/scimbridge/scimbridge/blob/main/docs/scim.md"

// noFilter is RFC 7644 section 4: discovery is not to be filtered.
func noFilter(x *exchange) error {
	// Pages and orders are ignored here, however they are written.
	if p, _ := readQuery(x.r.URL.RawQuery); p.hasFilter {
		return &scimError{status: http.StatusForbidden, detail: "discovery cannot be filtered"}
	}
	return nil
}

// getServiceProviderConfig is RFC 7643 section 5. authentik takes
// bulk.maxOperations for the number of operations in one PATCH, and 0 for any.
func (d *door) getServiceProviderConfig(x *exchange) error {
	if err := noFilter(x); err != nil {
		return err
	}
	supported := func(yes bool) map[string]any { return map[string]any{"supported": yes} }
	config := map[string]any{
		"schemas":          []string{configSchema},
		"documentationUri": documentation,
		"patch":            supported(true),
		"bulk": map[string]any{"supported": true, "maxOperations": maxBulkOperations,
			"maxPayloadSize": d.maxBulkBody},
		"filter":         map[string]any{"supported": true, "maxResults": maxCount},
		"changePassword": supported(false),
		"sort":           supported(true),
		"etag":           supported(true),
		"pagination": map[string]any{ // RFC 9865 section 4
			"cursor": true, "index": true, "defaultPaginationMethod": "index",
			"defaultPageSize": defaultCount, "maxPageSize": maxCount, "cursorTimeout": int(cursorTimeout.Seconds()),
		},
		"authenticationSchemes": []any{map[string]any{
			"type": "oauthbearertoken", "name": "OAuth Bearer Token", "primary": true,
			"description": "The token of one connection, in the Authorization header",
			"specUri":     "https://www.rfc-editor.org/rfc/rfc6750",
		}},
		"meta": d.discoveryMeta("ServiceProviderConfig", "/ServiceProviderConfig"),
	}
	if len(d.events) > 0 { // RFC 9967 section 4
		config["securityEvents"] = map[string]any{"asyncRequest": "none", "eventUris": d.events}
	}
	return x.send(http.StatusOK, config)
}

func (d *door) discoveryMeta(kind, path string) map[string]any {
	return map[string]any{"resourceType": kind, "location": d.base + path}
}

// sendList is a ListResponse of things that are always all there.
func (x *exchange) sendList(all []any) error {
	return x.send(http.StatusOK, map[string]any{
		"schemas": []string{listSchema}, "totalResults": len(all), "startIndex": 1, "itemsPerPage": len(all),
		"Resources": all,
	})
}

// listResourceTypes is RFC 7643 section 6.
func (d *door) listResourceTypes(x *exchange) error {
	if err := noFilter(x); err != nil {
		return err
	}
	var all []any
	for _, t := range resourceTypes {
		all = append(all, d.resourceType(t))
	}
	return x.sendList(all)
}

func (d *door) getResourceType(x *exchange) error {
	if err := noFilter(x); err != nil {
		return err
	}
	for _, t := range resourceTypes {
		if strings.EqualFold(t.name, x.pathID) {
			return x.send(http.StatusOK, d.resourceType(t))
		}
	}
	return membership.NotFound("resource type")
}

func (d *door) resourceType(t *resourceType) map[string]any {
	m := map[string]any{
		"schemas": []string{resourceTypeSchema}, "id": t.name, "name": t.name, "endpoint": t.endpoint,
		"description": t.core.Description.Value(), "schema": t.core.ID,
		"meta": d.discoveryMeta("ResourceType", "/ResourceTypes/"+t.name),
	}
	extensions := []any{}
	for _, e := range t.extensions {
		extensions = append(extensions, map[string]any{"schema": e.ID, "required": false})
	}
	m["schemaExtensions"] = extensions // required by RFC 7643 section 8.7.2, be it empty
	return m
}

// listSchemas is RFC 7643 section 7. Entra wants no null in it.
func (d *door) listSchemas(x *exchange) error {
	if err := noFilter(x); err != nil {
		return err
	}
	var all []any
	for _, document := range schemaDocuments() {
		all = append(all, d.schema(document))
	}
	return x.sendList(all)
}

func (d *door) getSchema(x *exchange) error {
	if err := noFilter(x); err != nil {
		return err
	}
	for _, document := range schemaDocuments() {
		if id, _ := document["id"].(string); strings.EqualFold(id, x.pathID) {
			return x.send(http.StatusOK, d.schema(document))
		}
	}
	return membership.NotFound("schema")
}

func (d *door) schema(document map[string]any) map[string]any {
	id, _ := document["id"].(string)
	m := maps.Clone(document)
	m["meta"] = d.discoveryMeta("Schema", "/Schemas/"+id)
	return m
}
