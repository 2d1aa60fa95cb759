package scim_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAuthentication(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, path := range []string{"/Users", "/Groups/x", "/ServiceProviderConfig", "/Schemas", "/nowhere", ""} {
			for _, header := range []string{"", "non-token", "Bearer bad", "Bearer " + b.tenant.APIToken,
				"Basic " + b.token} {
				r := b.do("GET", path, "", "Authorization: "+header).wantError(401, "")
				require.True(t, strings.HasPrefix(r.header.Get("WWW-Authenticate"), "Bearer"))
				require.Equal(t, "401", r.json()["status"])
			}
		}
		b.do("GET", "/Users", "", "Authorization: bearer "+b.token).want(200)
	})
}

func TestEndpoints(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, path := range []string{"/nowhere", "/Users/x/y", "/usersx", "/Users/{ID}", "/{id}", "/Schemas/urn:none",
			"/ResourceTypes/Nothing", "/Users/00919288221112222", "/Users/%00",
			"/Groups/" + strings.Repeat("x", 5000)} {
			b.do("GET", path, "").wantError(404, "")
		}
		id := b.user("ann")
		b.do("GET", "/Users/"+strings.ToUpper(id), "").wantError(404, "")
		for path, allow := range map[string]string{
			"/Users": "GET, HEAD, POST", "/Users/" + id: "DELETE, GET, HEAD, PATCH, PUT", "/.search": "POST",
			"/Schemas": "GET, HEAD", "/Bulk": "POST", "": "GET, HEAD",
		} {
			require.Equal(t, allow, b.do("PROPFIND", path, "").wantError(405, "").header.Get("Allow"), "%s", path)
		}
		b.do("GET", "/Me", "").wantError(501, "")
		b.do("POST", "/Bulk", "{}").wantError(400, "invalidSyntax")
		for _, path := range []string{"/Users/", "/Users?", "/Users?&", "//Users", "/Users//" + id,
			"/Users/" + id + "/?",
			"?aadOptscim062020/Users/" + id, "/?AzureAdScimPatch2017/Users?count=1", "/Users?aadOptscim062020"} {
			b.do("GET", path, "").want(200)
		}
		b.do("POST", "?aadOptscim062020/Users", `{"userName":"glued"}`).want(201)
		require.Empty(t, b.do("HEAD", "/Users/"+id, "").want(200).body)
		// Endpoints in any letter case, ids in theirs.
		g := b.group("g", id)
		for _, path := range []string{
			"/users", "/USERS?count=1", "/users/" + id, "/GROUPS/" + g, "/serviceproviderconfig", "/resourcetypes/user",
			"/schemas",
		} {
			b.do("GET", path, "").want(200)
		}
		b.do("POST", "/USERS/.Search", `{"count":1}`).want(200)
		b.do("POST", "/groups", `{"displayName":"small"}`).want(201)
		b.do("GET", "/users/"+strings.ToUpper(id), "").wantError(404, "")
		b.do("GET", "/me", "").wantError(501, "")
		b.do("PATCH", "/groups", "").wantError(405, "")
		r := b.do("POST", "/bulk",
			`{"Operations":[{"method":"POST","path":"/USERS","bulkId":"1","data":{"userName":"bulk"}},
			{"method":"PATCH","path":"/gRoups/`+g+`","data":{"Operations":[{"op":"add","path":"members",`+
				`"value":[{"value":"bulkId:1"}]}]}}]}`)
		for _, o := range objects(r.want(200).json()["Operations"]) {
			require.Contains(t, []any{"201", "204"}, o["status"])
		}
		require.Len(t, b.members(g), 2)
	})
}

func TestDiscovery(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, path := range []string{"/ServiceProviderConfig", "/ResourceTypes", "/Schemas"} {
			r := b.do("GET", path, "").want(200)
			requireNoNull(t, r.json())
			b.do("GET", path+"?filter=id+pr", "").wantError(403, "")
			list, _ := r.json()["Resources"].([]any)
			for _, e := range list {
				location := e.(map[string]any)["meta"].(map[string]any)["location"].(string)
				one := b.do("GET", strings.TrimPrefix(location, b.base), "").want(200).json()
				require.Equal(t, e, one)
			}
		}
		b.do("GET", "/Schemas/URN:ietf:params:scim:schemas:core:2.0:user", "").want(200)
		config := b.do("GET", "/ServiceProviderConfig", "").want(200).json()
		require.Equal(t, map[string]any{"supported": true, "maxResults": 1000.0}, config["filter"])
	})
}

func requireNoNull(t *testing.T, v any) {
	t.Helper()
	switch v := v.(type) {
	case nil:
		t.Error("a null")
	case map[string]any:
		for _, e := range v {
			requireNoNull(t, e)
		}
	case []any:
		for _, e := range v {
			requireNoNull(t, e)
		}
	}
}

// TestBadBodies: what cannot be taken has a clear answer and changes nothing.
func TestBadBodies(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		user, group := "/Users/"+b.user("ann"), "/Groups/"+b.group("g")
		for body, scimType := range map[string]string{
			``: "invalidSyntax", `{`: "invalidSyntax", `null`: "invalidSyntax", `[]`: "invalidSyntax",
			`"x"`: "invalidSyntax", `5`: "invalidSyntax",
			`{"userName":"x","displayName":"x"} x`:                        "invalidSyntax",
			`{"userName":"x","displayName":"x"}{}`:                        "invalidSyntax",
			"{\"userName\":\"\xff\",\"displayName\":\"x\"}":               "invalidSyntax",
			"{\"userName\":\"a\x00\",\"displayName\":\"x\"}":              "invalidSyntax",
			`{"userName":"a\u0000","displayName":"a\u0000"}`:              "invalidValue",
			`{"userName":"x","displayName":"x","urn:x:y":{"a":"\u0000"}}`: "invalidValue",
			`{"userName":"x","displayName":"x","a":` + strings.Repeat("[", 100) + strings.Repeat("]",
				100) + `}`: "invalidSyntax",
			`{"userName":"x","displayName":"x","a":` + strings.Repeat("[", 90_000) + strings.Repeat("]",
				90_000) + `}`: "invalidSyntax",
			`{"userName":{"a":1},"displayName":{"a":1}}`: "invalidValue",
			`{"userName":"` + strings.Repeat("x", 900) + `","displayName":"` + strings.Repeat("x", 900) +
				`"}`: "invalidValue",
			`{"userName":"x","displayName":"x","externalId":[7]}`: "invalidValue",
		} {
			for _, path := range []string{user, group} {
				b.do("PUT", path, body).wantError(400, scimType)
			}
			b.do("POST", "/Users", body).wantError(400, scimType)
			b.do("POST", "/Groups", body).wantError(400, scimType)
		}
		for body, scimType := range map[string]string{
			``: "invalidSyntax", `[]`: "invalidSyntax", `{"Operations":5}`: "invalidSyntax",
			`{"Operations":["x"]}`:                   "invalidSyntax",
			`{"Operations":[{"op":"add","path":5}]}`: "invalidSyntax", `{"Operations":null}`: "invalidSyntax",
			`{"Operations":[{"op":"add","path":"a[` + strings.Repeat("(", 90_000) +
				`","value":1}]}`: "invalidPath",
			`{"Operations":[{"op":"add","path":"members[` + strings.Repeat("(", 2000) +
				`"}]}`: "invalidPath",
			`{"Operations":[{"op":"add","path":"` + strings.Repeat("a", 5000) +
				`","value":1}]}`: "invalidPath",
			`{"Operations":[{"op":"add","path":"externalId","value":"\u0000"}]}`: "invalidValue",
			`{"Operations":[{"op":"add","path":"externalId","value":"` + strings.Repeat("x", 900) +
				`"}]}`: "invalidValue",
		} {
			b.do("PATCH", user, body).wantError(400, scimType)
			b.do("PATCH", group, body).wantError(400, scimType)
		}
		for _, path := range []string{user, group} {
			require.Equal(t, `W/"1"`, b.do("GET", path, "").want(200).header.Get("ETag"))
		}
		require.EqualValues(t, 1, b.do("GET", "/Users", "").want(200).json()["totalResults"])
		// A backslash before u0000 is a text like any other; a BOM is no harm.
		b.do("POST", "/Users", "\ufeff"+`{"userName":"a\\u0000"}`).want(201)
	})
}

func TestLimits(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		long := strings.Repeat("x", 1<<20)
		b.do("POST", "/Users", `{"userName":"x","title":"`+long+`"}`).wantError(413, "")
		b.do("POST", "/.search", `{"filter":"`+long+`"}`).wantError(413, "")
		b.do("POST", "/Users", `{"userName":"x","title":"`+long[:500_000]+`"}`).wantError(413, "")
		b.do("POST", "/Groups", `{"displayName":"`+long+`"}`).wantError(413, "")
		b.do("POST", "/Groups", `{"displayName":"`+long[:500_000]+`"}`).wantError(400, "invalidValue")
		for header, status := range map[string]int{
			"application/json": 201, "application/scim+json; charset=utf-8": 201, "text/json": 201,
			"application/json;": 201,
			"":                  201,
			"text/xml":          415, "application/x-www-form-urlencoded": 415, ";;": 415,
		} {
			b.do("POST", "/Users", `{"userName":"`+header+`."}`, "Content-Type: "+header, "Accept: text/html").
				want(status)
		}
	})
}

// TestHeadersOfAnswers: every answer says what it is, and that it is not to be
// kept.
func TestHeadersOfAnswers(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, r := range []reply{b.do("GET", "/Users", ""), b.do("GET", "/Schemas", ""), b.do("GET", "/nowhere", "")} {
			require.Equal(t, "application/scim+json", r.header.Get("Content-Type"))
			require.Equal(t, "no-store", r.header.Get("Cache-Control"))
		}
		require.Equal(t, http.StatusOK, b.do("GET", "/Users", "", "Accept: application/json").status)
	})
}
