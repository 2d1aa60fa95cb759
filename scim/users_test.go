package scim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

func (b *bench) patch(path, ops string) reply {
	b.t.Helper()
	return b.do("PATCH", path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+ops+`]}`)
}

// total returns how many a filter finds.
func (b *bench) total(endpoint, filter string) int {
	b.t.Helper()
	m := b.do("GET", endpoint+"?filter="+url.QueryEscape(filter), "").want(200).json()
	require.Len(b.t, m["Resources"], int(m["itemsPerPage"].(float64)))
	return int(m["totalResults"].(float64))
}

func TestCreateUser(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		r := b.do("POST", "/Users", `{"userName":"ann","externalId":"E","password":"secret","groups":[{"value":"x"}],`+
			`"id":"mine",
			"emails":{"value":"ann@x.example"},"department":"d","urn:x:custom:User":{"n":12345678901234567890}}`).
			want(201)
		m := r.json()
		id := m["id"].(string)
		require.NotEqual(t, "mine", id)
		require.Equal(t, b.base+"/Users/"+id, r.header.Get("Location"))
		require.Equal(t, `W/"1"`, r.header.Get("ETag"))
		require.Equal(t, true, m["active"])
		require.Equal(t, []any{}, m["groups"])
		require.NotContains(t, m, "password")
		require.Equal(t, []any{"urn:ietf:params:scim:schemas:core:2.0:User", enterprise, "urn:x:custom:User"},
			m["schemas"])
		require.Equal(t, map[string]any{"department": "d"}, m[enterprise])
		meta := m["meta"].(map[string]any)
		require.Equal(t, b.base+"/Users/"+id, meta["location"])
		require.Equal(t, "User", meta["resourceType"])
		require.Equal(t, `W/"1"`, meta["version"])
		got := b.do("GET", "/Users/"+id, "").want(200)
		require.JSONEq(t, string(r.body), string(got.body))
		require.Contains(t, string(got.body), "12345678901234567890")
		require.Equal(t, b.base+"/Users/"+id, got.header.Get("Content-Location"))

		b.do("POST", "/Users", `{"userName":"ANN"}`).wantError(409, "uniqueness")
		for _, none := range []string{`{}`, `{"userName":""}`, `{"userName":null}`, `{"userName":" "}`,
			`{"userName":true}`, `{"userName":["x"]}`, `{"userName":"x","active":"no"}`} {
			b.do("POST", "/Users", none).wantError(400, "invalidValue")
		}
	})
}

func TestReplaceUser(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.do("POST", "/Users", `{"userName":"ann","externalId":"E","title":"T","active":false,`+
			`"emails":[{"value":"a"}],"`+enterprise+`":{"department":"d"}}`).want(201).id()
		m := b.do("PUT", "/Users/"+id, `{"id":"`+id+`","userName":"ann2","name":{"givenName":"G"},"emails":null}`).
			want(200).
			json()
		for _, gone := range []string{"externalId", "title", "emails", enterprise} {
			require.NotContains(t, m, gone)
		}
		require.Equal(t, false, m["active"], "left out of a PUT")
		require.Equal(t, map[string]any{"givenName": "G"}, m["name"])
		again := b.do("PUT", "/Users/"+id, `{"userName":"ann2","name":{"givenName":"G"},"active":null}`).want(200)
		require.Equal(t, `W/"2"`, again.header.Get("ETag"), "nothing was different")
		b.do("PUT", "/Users/"+id, `{"title":"x"}`).wantError(400, "invalidValue")
		b.user("bob")
		b.do("PUT", "/Users/"+id, `{"userName":"Bob"}`).wantError(409, "uniqueness")
		require.Equal(t, "ann2", b.do("GET", "/Users/"+id, "").want(200).json()["userName"])
	})
}

func TestPatchUser(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.user("ann")
		m := b.patch("/Users/"+id, `{"op":"Add","path":"emails[type eq \"work\"].value","value":"a@x.example"},`+
			`{"op":"replace","value":{"name.givenName":"G"}}`).want(200).json()
		require.Equal(t, []any{map[string]any{"type": "work", "value": "a@x.example"}}, m["emails"])
		require.Equal(t, 1, b.total("/Users", `emails eq "A@X.example"`))
		same := b.patch("/Users/"+id, `{"op":"replace","path":"name.givenName","value":"G"}`).want(200)
		require.Equal(t, `W/"2"`, same.header.Get("ETag"))
		b.do("PATCH", "/Users/"+id, `{"Operations":[]}`).want(200)
		b.do("PATCH", "/Users/"+id, `{"operations":[{"OP":"REPLACE","PATH":"title","VALUE":"t"}],"schemas":5}`).
			want(200)
		b.do("PATCH", "/Users/"+id, `{}`).wantError(400, "invalidSyntax")
		b.do("PATCH", "/Users/"+id, `{"Operations":{}}`).wantError(400, "invalidSyntax")
		b.do("PATCH", "/Users/"+id, `{"Operations":[{"op":5}]}`).wantError(400, "invalidSyntax")
		b.patch("/Users/"+id, `{"op":"remove","path":"userName"}`).wantError(400, "invalidValue")
		b.patch("/Users/"+id,
			`{"op":"replace","path":"title","value":"lost"},{"op":"replace","path":"active","value":7}`).
			wantError(400, "invalidValue")
		require.Equal(t, "t", b.do("GET", "/Users/"+id, "").want(200).json()["title"])
	})
}

// TestValidatorPatch is Microsoft's "verbose" pair: a bare user, every
// attribute added, then replaced.
func TestValidatorPatch(t *testing.T) {
	attributes := []string{
		`emails[type eq \"work\"].value`, `phoneNumbers[type eq \"mobile\"].value`,
		`phoneNumbers[type eq \"fax\"].value`,
		`addresses[type eq \"work\"].streetAddress`, `addresses[type eq \"work\"].country`,
		`addresses[type eq \"work\"].postalCode`,
		`roles[primary eq \"True\"].display`, `roles[primary eq \"True\"].value`, `roles[primary eq \"True\"].type`,
		`name.givenName`, `name.honorificPrefix`, `displayName`, `nickName`, `locale`, `profileUrl`, `timezone`,
		`userType`,
		enterprise + `:employeeNumber`, enterprise + `:costCenter`, enterprise + `:manager`,
	}
	each(t, func(t *testing.T, b *bench) {
		id := b.user("validator")
		for _, op := range []string{"add", "replace"} {
			var ops []string
			for i, a := range attributes {
				ops = append(ops, fmt.Sprintf(`{"op":%q,"path":"%s","value":"%s-%d"}`, op, a, op, i))
			}
			ops = append(ops, `{"op":"`+op+`","path":"emails[type eq \"work\"].primary","value":true}`,
				`{"op":"`+op+`","path":"addresses[type eq \"work\"].primary","value":true}`)
			m := b.patch("/Users/"+id, strings.Join(ops, ",")).want(200).json()
			require.Equal(t, []any{map[string]any{"type": "work", "primary": true, "value": op + "-0"}}, m["emails"])
			require.Len(t, m["phoneNumbers"], 2)
			require.Equal(t, []any{map[string]any{"primary": true, "display": op + "-6", "value": op + "-7",
				"type": op + "-8"}}, m["roles"])
			require.Equal(t, []any{map[string]any{"type": "work", "primary": true, "streetAddress": op + "-3",
				"country": op + "-4", "postalCode": op + "-5"}}, m["addresses"])
			require.Equal(t, map[string]any{"employeeNumber": op + "-17", "costCenter": op + "-18",
				"manager": map[string]any{"value": op + "-19"}}, m[enterprise])
		}
		m := b.patch("/Users/"+id, `{"op":"remove","path":"preferredLanguage"},{"op":"add","path":"externalId",`+
			`"value":"E"},{"op":"replace","path":"displayName","value":"D"}`).want(200).json()
		require.Equal(t, "E", m["externalId"])
	})
}

func TestUserFilters(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.do("POST", "/Users",
			`{"userName":"rau+tag@x.example","externalId":"Ext","emails":[{"value":"w@x.example",`+
				`"type":"work"},{"value":"h@x.example","type":"home"}],
			"roles":[{"value":"r","primary":"True"}],"`+enterprise+`":{"manager":"M"}}`).want(201).id()
		b.user("other")
		for filter, want := range map[string]int{
			`userName eq "RAU+tag@x.example"`: 1, `username Eq "rau+tag@x.example"`: 1, `externalId eq Ext`: 1,
			`externalId eq "ext"`:                           0,
			`emails[type eq "work"].value eq "W@x.example"`: 1, `emails[type eq "home"].value eq "w@x.example"`: 0,
			`emails.value eq "h@x.example"`: 1, `email Co "X.EXAMPLE"`: 1, `roles[primary eq "True"].value eq "r"`: 1,
			`id eq "` + id + `" and manager eq "M"`: 1, `manager eq "M" and id eq "` + id + `"`: 1,
			`id eq "` + id + `" and manager eq "N"`: 0,
			`id eq "` + strings.ToUpper(id) + `"`:   0, `active eq "True"`: 2, `not (userName sw "rau")`: 1,
			`meta.lastModified gt "2020-01-01T00:00:00Z"`: 2,
			`unknown eq "x"`: 0, `meta.resourceType eq "User"`: 2, `userName eq "a\u0022b"`: 0,
			// as clients that encode twice make it arrive
			`userName eq "rau%2Btag%40x.example"`: 1, `userName eq "rau tag@x.example"`: 0,
		} {
			require.Equal(t, want, b.total("/Users", filter), "%s", filter)
		}
		require.EqualValues(t, 1, b.do("GET", "/Users?filter=userName%2520eq%2520%2522other%2522&",
			"").want(200).json()["totalResults"])
		require.EqualValues(t, 1, b.do("GET", "/Users?filter=userName%20eq%20%22rau+tag@x.example%22&",
			"").want(200).json()["totalResults"])
		for _, bad := range []string{`userName`, `active gt true`, `userName eq`, strings.Repeat("(", 2000)} {
			b.do("GET", "/Users?filter="+url.QueryEscape(bad), "").wantError(400, "invalidFilter")
		}
		b.do("GET", "/Users?filter=%zz", "").wantError(400, "invalidValue")
		g := b.group("g", id)
		require.Equal(t, 1, b.total("/Users", `groups.value eq "`+g+`"`))
		require.Equal(t, 1, b.total("/Users", `groups eq "`+g+`"`))
	})
}

func TestDeleteUser(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.user("ann")
		g := b.group("g", id)
		b.do("DELETE", "/Users/"+id, "").want(204)
		b.do("DELETE", "/Users/"+id, "").wantError(404, "")
		b.do("GET", "/Users/"+id, "").wantError(404, "")
		b.patch("/Users/"+id, `{"op":"replace","path":"active","value":false}`).wantError(404, "")
		require.Empty(t, b.members(g))
		require.NotEqual(t, id, b.user("ann"))
	})
}

// TestViews: what another connection of the tenant has looks like nothing.
func TestViews(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		id := b.user("ann")
		g := b.group("g", id)
		other := b.connection()
		for _, path := range []string{"/Users/" + id, "/Groups/" + g} {
			other.do("GET", path, "").wantError(404, "")
			other.do("PUT", path, `{"userName":"x","displayName":"x"}`).wantError(404, "")
			other.patch(path, `{"op":"add","path":"title","value":"x"}`).wantError(404, "")
			other.do("DELETE", path, "").wantError(404, "")
		}
		require.Zero(t, other.total("/Users", `userName eq "ann"`))
		h := other.group("g")
		other.patch("/Groups/"+h, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`).
			wantError(400, "invalidValue")
		require.Equal(t, id, other.do("POST", "/Users", `{"userName":"Ann"}`).want(201).id(), "rule 22")
		other.patch("/Groups/"+h, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`).want(204)
		groups := other.do("GET", "/Users/"+id, "").want(200).json()["groups"].([]any)
		require.Equal(t, []any{map[string]any{
			"value": h, "$ref": b.base + "/Groups/" + h, "display": "g", "type": "direct",
		}}, groups)
	})
}
