package scim_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	userURN   = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	workURN   = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	configURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	typeURN   = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaURN = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// published are the definitions of attributes that /Schemas shows, by the URN.
func (b *bench) published() map[string][]map[string]any {
	all := map[string][]map[string]any{}
	for _, s := range objects(b.do("GET", "/Schemas", "").want(200).json()["Resources"]) {
		all[s["id"].(string)] = objects(s["attributes"])
	}
	return all
}

// common are the attributes that every resource has and no schema lists (RFC
// 7643 section 3.1).
var common = func() (all []map[string]any) {
	err := json.Unmarshal([]byte(`[
		{"name":"schemas","type":"reference","multiValued":true,"required":true,"returned":"always"},
		{"name":"id","type":"string","multiValued":false,"required":false,"returned":"always"},
		{"name":"externalId","type":"string","multiValued":false,"required":false,"returned":"default"},
		{"name":"meta","type":"complex","multiValued":false,"required":true,"returned":"default","subAttributes":[
			{"name":"resourceType","type":"string","multiValued":false,"required":true,"returned":"default"},
			{"name":"created","type":"dateTime","multiValued":false,"required":false,"returned":"default"},
			{"name":"lastModified","type":"dateTime","multiValued":false,"required":false,"returned":"default"},
			{"name":"location","type":"reference","multiValued":false,"required":true,"returned":"default"},
			{"name":"version","type":"string","multiValued":false,"required":false,"returned":"default"}]}]`), &all)
	if err != nil {
		panic(err)
	}
	return all
}()

// conforms holds an object to its definitions, both ways. It notes which
// attributes it has seen.
func conforms(t *testing.T, where string, object map[string]any, definitions []map[string]any, seen map[string]bool) {
	t.Helper()
	byName := map[string]map[string]any{}
	for _, d := range definitions {
		name := d["name"].(string)
		byName[name] = d
		if d["required"] == true {
			require.Contains(t, object, name, where)
		}
	}
	for name, v := range object {
		d := byName[name]
		at := where + "." + name
		require.NotNil(t, d, "%s is in no schema", at)
		seen[at] = true
		require.Contains(t, []any{"default", "always"}, d["returned"], at)
		values := []any{v}
		if list, isList := v.([]any); d["multiValued"] == true {
			require.True(t, isList, at)
			values = list
		} else {
			require.False(t, isList, at)
		}
		for _, v := range values {
			isA(t, at, v, d, seen)
		}
	}
}

func isA(t *testing.T, at string, v any, d map[string]any, seen map[string]bool) {
	t.Helper()
	switch d["type"] {
	case "complex":
		require.IsType(t, map[string]any{}, v, at)
		conforms(t, at, v.(map[string]any), objects(d["subAttributes"]), seen)
	case "boolean":
		require.IsType(t, true, v, at)
	case "integer":
		require.IsType(t, 1.0, v, at)
		require.Equal(t, v, math.Trunc(v.(float64)), at)
	case "decimal":
		require.IsType(t, 1.0, v, at)
	case "dateTime":
		_, err := time.Parse(time.RFC3339Nano, fmt.Sprint(v))
		require.NoError(t, err, at)
	case "string", "reference", "binary":
		require.IsType(t, "", v, at)
	default:
		t.Errorf("%s has the type %v", at, d["type"])
	}
}

// wellDefined holds a definition to RFC 7643 section 7.
func wellDefined(t *testing.T, at string, d map[string]any) {
	t.Helper()
	at += "." + d["name"].(string)
	require.Contains(t, []any{"string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"},
		d["type"], at)
	require.Contains(t, []any{"readOnly", "readWrite", "immutable"}, d["mutability"], at)
	require.Contains(t, []any{"always", "default", "request"}, d["returned"], at)
	require.NotEmpty(t, d["description"], at)
	require.IsType(t, true, d["required"], at)
	require.IsType(t, true, d["multiValued"], at)
	require.Equal(t, d["type"] == "reference", d["referenceTypes"] != nil, at)
	require.Equal(t, d["type"] == "complex", d["subAttributes"] != nil, at)
	if d["name"] == "type" {
		require.NotEmpty(t, d["canonicalValues"], at)
	}
	for _, sub := range objects(d["subAttributes"]) {
		wellDefined(t, at, sub)
	}
}

// made is a value for an attribute that a provider can write, with everything in
// it that has a value.
func made(d map[string]any, n string) any {
	var v any
	switch d["type"] {
	case "complex":
		m := map[string]any{}
		for _, sub := range objects(d["subAttributes"]) {
			if sub["mutability"] != "readOnly" {
				m[sub["name"].(string)] = made(sub, n)
			}
		}
		v = m
	case "boolean":
		v = true
	default:
		v = n + d["name"].(string)
	}
	if d["multiValued"] == true {
		return []any{v}
	}
	return v
}

// TestDocumentsAndTheirSchemas: whatever is answered is as /Schemas says, and
// what /Schemas says is answered.
func TestDocumentsAndTheirSchemas(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		schemas := b.published()
		require.ElementsMatch(t, []string{userURN, workURN, groupURN, configURN, typeURN, schemaURN},
			slices.Collect(maps.Keys(schemas)))
		for urn, definitions := range schemas {
			for _, d := range definitions {
				wellDefined(t, urn, d)
			}
		}

		// Resources with everything that can be written.
		body := map[string]any{"externalId": "x"}
		extension := map[string]any{}
		for urn, into := range map[string]map[string]any{userURN: body, workURN: extension} {
			for _, d := range schemas[urn] {
				require.NotEqual(t, "password", d["name"])
				if d["mutability"] != "readOnly" {
					into[d["name"].(string)] = made(d, "a")
				}
			}
		}
		body[workURN] = extension
		text, err := json.Marshal(body)
		require.NoError(t, err)
		full := b.do("POST", "/Users", string(text)).want(201).id()
		bare := b.user("bare")
		group := b.do("POST", "/Groups", `{"displayName":"g","externalId":"x","members":[{"value":"`+full+`"}]}`).
			want(201).
			id()
		empty := b.group("empty")

		userSchema := append(slices.Clone(common), schemas[userURN]...)
		userSchema = append(userSchema, map[string]any{
			"name": workURN, "type": "complex", "multiValued": false, "required": false, "returned": "default",
			"subAttributes": toAny(schemas[workURN]),
		})
		groupSchema := append(slices.Clone(common), schemas[groupURN]...)
		seen := map[string]bool{}
		for _, id := range []string{full, bare} {
			conforms(t, "User", b.do("GET", "/Users/"+id, "").want(200).json(), userSchema, seen)
		}
		for _, id := range []string{group, empty} {
			conforms(t, "Group", b.do("GET", "/Groups/"+id, "").want(200).json(), groupSchema, seen)
		}
		for _, endpoint := range []string{"", "/Users", "/Groups"} {
			for _, r := range objects(b.do("GET", endpoint, "").want(200).json()["Resources"]) {
				if r["meta"].(map[string]any)["resourceType"] == "User" {
					conforms(t, "User", r, userSchema, seen)
				} else {
					conforms(t, "Group", r, groupSchema, seen)
				}
			}
		}
		complete(t, "User", userSchema, seen, "User."+workURN+
			".manager.displayName") // is the server's to say, and it says none
		complete(t, "Group", groupSchema, seen)
		shown := b.do("GET", "/Groups/"+group+"?attributes=members.$ref,members.display", "").want(200).json()
		require.Equal(t, map[string]any{"$ref": b.base + "/Users/" + full, "display": "adisplayName"},
			objects(shown["members"])[0])

		// Discovery. Its documents say of meta what they can: they are not stored.
		own := func(urn string) []map[string]any {
			definitions := slices.Clone(schemas[urn])
			for _, d := range common {
				if !slices.ContainsFunc(definitions, func(o map[string]any) bool { return o["name"] == d["name"] }) {
					definitions = append(definitions, d)
				}
			}
			return definitions
		}
		seen = map[string]bool{}
		conforms(t, "Config", b.do("GET", "/ServiceProviderConfig", "").want(200).json(), own(configURN), seen)
		complete(t, "Config", schemas[configURN], seen, "Config.authenticationSchemes.documentationUri")
		for _, r := range objects(b.do("GET", "/ResourceTypes", "").want(200).json()["Resources"]) {
			conforms(t, "Type", r, own(typeURN), seen)
		}
		complete(t, "Type", schemas[typeURN], seen)
		for _, s := range objects(b.do("GET", "/Schemas", "").want(200).json()["Resources"]) {
			if s["id"] == schemaURN {
				// It describes the attributes of attributes and is deeper than itself.
				for _, a := range objects(s["attributes"]) {
					for _, sub := range objects(a["subAttributes"]) {
						delete(sub, "subAttributes")
					}
				}
			}
			conforms(t, "Schema", s, own(schemaURN), seen)
		}
		complete(t, "Schema", schemas[schemaURN], seen, "Schema.attributes.canonicalValues") // types are sub-attributes
	})
}

// complete holds that everything that is defined was seen, unless it is returned
// on request only.
func complete(t *testing.T, where string, definitions []map[string]any, seen map[string]bool, except ...string) {
	t.Helper()
	for _, d := range definitions {
		at := where + "." + d["name"].(string)
		if d["returned"] != "request" && !slices.Contains(except, at) {
			require.True(t, seen[at], "%s is never answered", at)
		}
		complete(t, at, objects(d["subAttributes"]), seen, except...)
	}
}

func toAny(definitions []map[string]any) (all []any) {
	for _, d := range definitions {
		all = append(all, d)
	}
	return all
}

// TestSchemasAreThoseOfTheRFC: RFC 7643 section 8.7 and RFC 9865 section 4 in
// what the library's tables have otherwise, and what this server does.
func TestSchemasAreThoseOfTheRFC(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		schemas := b.published()
		find := func(urn, path string) map[string]any {
			all := schemas[urn]
			var d map[string]any
			for name := range strings.SplitSeq(path, ".") {
				i := slices.IndexFunc(all, func(d map[string]any) bool { return d["name"] == name })
				if i < 0 {
					return nil
				}
				d = all[i]
				all = objects(d["subAttributes"])
			}
			return d
		}
		for _, path := range []string{"bulk.maxOperations", "bulk.maxPayloadSize", "filter.maxResults",
			"pagination.maxPageSize", "pagination.cursorTimeout"} {
			require.Equal(t, "integer", find(configURN, path)["type"], path)
		}
		for _, path := range []string{"documentationUri", "authenticationSchemes.specUri",
			"authenticationSchemes.documentationUri"} {
			require.Equal(t, []any{"external"}, find(configURN, path)["referenceTypes"], path)
		}
		require.Equal(t, "boolean", find(configURN, "authenticationSchemes.primary")["type"])
		for path, required := range map[string]bool{
			"id": false, "name": true, "description": false, "endpoint": true, "schema": true, "schemaExtensions": true,
			"schemaExtensions.schema": true, "schemaExtensions.required": true,
		} {
			require.Equal(t, required, find(typeURN, path)["required"], path)
		}
		for _, path := range []string{"endpoint", "schema", "schemaExtensions.schema"} {
			require.Equal(t, []any{"uri"}, find(typeURN, path)["referenceTypes"], path)
		}
		require.Equal(t, []any{"User"}, find(groupURN, "members.$ref")["referenceTypes"])
		require.Equal(t, []any{"User"}, find(groupURN, "members.type")["canonicalValues"])
		require.Equal(t, "request", find(groupURN, "members.$ref")["returned"])
		require.Equal(t, true, find(groupURN, "members.value")["caseExact"])
		require.Equal(t, "server", find(groupURN, "displayName")["uniqueness"])
		require.Nil(t, find(userURN, "password"))
		require.Contains(t, b.do("GET", "/ServiceProviderConfig", "").want(200).json()["documentationUri"], "https://")
	})
}
