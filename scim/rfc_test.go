package scim_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Demands of the RFCs that no provider's habits bring up. docs/scim.md says
// which test holds which.

func objects(list any) []map[string]any {
	var out []map[string]any
	all, _ := list.([]any)
	for _, e := range all {
		m, _ := e.(map[string]any)
		out = append(out, m)
	}
	return out
}

// RFC 7643 sections 2.3.5 and 3.1.
func TestTimesOfAResource(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u := b.user("ann")
		for _, path := range []string{"/Users/" + u, "/Groups/" + b.group("g", u), "/Groups/" + b.group("empty")} {
			m := b.do("GET", path, "").want(200).json()["meta"].(map[string]any)
			created, err := time.Parse(time.RFC3339Nano, m["created"].(string))
			require.NoError(t, err)
			require.True(t, strings.HasSuffix(m["created"].(string), "Z"))
			require.WithinDuration(t, time.Now(), created, time.Minute)
			require.Equal(t, m["created"], m["lastModified"], "until the first change")
			require.Equal(t, `W/"1"`, m["version"])
		}
	})
}

// RFC 7643 section 2.4.
func TestPrimaryElements(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u := b.do("POST", "/Users", `{"userName":"ann","emails":[
			{"value":"a@x.test","primary":true},{"value":"b@x.test","primary":true},{"value":"c@x.test"}]}`).want(201)
		primary := 0
		for _, e := range objects(u.json()["emails"]) {
			if e["primary"] == true {
				primary++
			}
		}
		require.Equal(t, 1, primary)
		for filter, total := range map[string]int{
			`emails[primary eq false and value eq "c@x.test"]`: 1,
			`emails[primary eq true and value eq "c@x.test"]`:  0,
			`emails[primary pr and value eq "c@x.test"]`:       0,
		} {
			m := b.do("POST", "/Users/.search", `{"filter":"`+strings.ReplaceAll(filter, `"`, `\"`)+`"}`).
				want(200).json()
			require.EqualValues(t, total, m["totalResults"], filter)
		}
	})
}

// RFC 7643 section 3.1.
func TestExternalIDsAreAConnectionsOwn(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		other := b.connection()
		mine := b.do("POST", "/Users", `{"userName":"ann","externalId":"1"}`).want(201).id()
		theirs := other.do("POST", "/Users", `{"userName":"bea","externalId":"1"}`).want(201).id()
		for who, id := range map[*bench]string{b: mine, other: theirs} {
			m := who.do("GET", "/Users?filter=externalId+eq+%221%22", "").want(200).json()
			require.EqualValues(t, 1, m["totalResults"])
			require.Equal(t, id, objects(m["Resources"])[0]["id"])
		}
	})
}

// RFC 7643 section 5 and RFC 9865 section 4.
func TestServiceProviderConfigTellsTheTruth(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		m := b.do("GET", "/ServiceProviderConfig", "").want(200).json()
		for feature, supported := range map[string]bool{
			"patch": true, "bulk": true, "filter": true, "changePassword": false, "sort": true, "etag": true,
		} {
			require.Equal(t, supported, m[feature].(map[string]any)["supported"], feature)
		}
		for _, s := range objects(m["authenticationSchemes"]) {
			for _, part := range []string{"type", "name", "description"} {
				require.NotEmpty(t, s[part], part)
			}
		}
		require.NotEmpty(t, m["authenticationSchemes"])
		p := m["pagination"].(map[string]any)
		require.Equal(t, true, p["cursor"])
		require.Equal(t, true, p["index"])
		require.Equal(t, "index", p["defaultPaginationMethod"])
		require.EqualValues(t, 1000, p["maxPageSize"])
		require.EqualValues(t, 100, p["defaultPageSize"])
		require.NotZero(t, p["cursorTimeout"])
		require.EqualValues(t, p["maxPageSize"], m["filter"].(map[string]any)["maxResults"])
	})
}

// RFC 7643 sections 2.3.8, 6 and 7, RFC 7644 sections 3.1 and 4.
func TestDiscoveryIsConsistent(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		known := map[string]bool{}
		for _, s := range objects(b.do("GET", "/Schemas", "").want(200).json()["Resources"]) {
			urn := s["id"].(string)
			known[urn] = true
			require.NotContains(t, urn, "urn:ietf:params:scim:api:messages")
			require.NotEmpty(t, s["name"], urn)
			require.NotEmpty(t, s["description"], urn)
			for _, a := range objects(s["attributes"]) {
				for _, part := range []string{"name", "type", "description", "mutability", "returned"} {
					require.NotEmpty(t, a[part], "%s %s", urn, a["name"])
				}
				for _, sub := range objects(a["subAttributes"]) {
					// which describes attributes by attributes
					if urn != "urn:ietf:params:scim:schemas:core:2.0:Schema" {
						require.NotEqual(t, "complex", sub["type"], "%s %s.%s", urn, a["name"], sub["name"])
					}
				}
			}
			one := b.do("GET", "/Schemas/"+urn, "").want(200).json()
			require.Equal(t, s, one)
		}
		for _, r := range objects(b.do("GET", "/ResourceTypes", "").want(200).json()["Resources"]) {
			require.True(t, known[r["schema"].(string)])
			require.NotEmpty(t, r["description"])
			for _, e := range objects(r["schemaExtensions"]) {
				require.True(t, known[e["schema"].(string)])
				require.Equal(t, false, e["required"])
			}
			b.do("GET", r["endpoint"].(string), "").want(200)
		}
		for _, path := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
			whole := b.do("GET", path, "").want(200).json()
			require.Equal(t, whole, b.do("GET", path+"?count=abc&startIndex=5&sortBy=x&sortOrder=y&cursor=z",
				"").want(200).json())
		}
	})
}

// RFC 7644 section 3.4.2.2.
func TestBinariesHaveNoOrder(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.user("ann")
		b.do("GET", "/Users?filter=x509Certificates.value+gt+%22a%22", "").wantError(400, "invalidFilter")
		b.do("GET", "/Users?filter=x509Certificates.value+eq+%22a%22", "").want(200)
	})
}

// RFC 7644 sections 3.5.2, 3.5.2.2 and 3.5.2.3.
func TestPatchDemands(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
		u := b.do("POST", "/Users", `{"userName":"ann","emails":[
			{"value":"a@x.test","type":"work"},{"value":"b@x.test","type":"work"},
			{"value":"c@x.test","type":"home"}]}`).want(201).id()
		patch := func(operation string) reply {
			return b.do("PATCH", "/Users/"+u,
				`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+
					operation+`]}`)
		}
		m := patch(`{"op":"add","path":"` + enterprise + `:department","value":"Sales"}`).want(200).json()
		require.Contains(t, m["schemas"], enterprise)
		m = patch(`{"op":"remove","path":"` + enterprise + `:department"}`).want(200).json()
		require.NotContains(t, m["schemas"], enterprise)

		patch(`{"op":"remove","path":"meta.created"}`).wantError(400, "mutability")
		patch(`{"op":"remove","path":"groups"}`).wantError(400, "mutability")

		m = patch(`{"op":"replace","path":"emails[type eq \"work\"].display","value":"both"}`).want(200).json()
		shown := 0
		for _, e := range objects(m["emails"]) {
			if e["display"] == "both" {
				require.Equal(t, "work", e["type"])
				shown++
			}
		}
		require.Equal(t, 2, shown)
	})
}

// RFC 7644 section 3.6.
func TestADeletedGroupIsGone(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u := b.user("ann")
		g := b.group("g", u)
		b.do("DELETE", "/Groups/"+g, "").want(204)
		b.do("GET", "/Groups/"+g, "").wantError(404, "")
		for _, path := range []string{"/Groups", "/Groups?filter=displayName+eq+%22g%22",
			"/Groups?filter=members+eq+%22" + u + "%22", ""} {
			for _, r := range objects(b.do("GET", path, "").want(200).json()["Resources"]) {
				require.NotEqual(t, g, r["id"], path)
			}
		}
		require.Empty(t, b.do("GET", "/Users/"+u, "").want(200).json()["groups"])
		require.NotEqual(t, g, b.group("g", u), "the name is free at once")
	})
}

// RFC 7644 section 3.14, also for HEAD.
func TestHeadIsGetWithoutABody(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u := b.user("ann")
		for _, path := range []string{"/Users/" + u, "/Groups/" + b.group("g", u)} {
			get := b.do("GET", path, "").want(200)
			head := b.do("HEAD", path, "").want(200)
			require.Empty(t, head.body)
			require.Equal(t, get.header.Get("ETag"), head.header.Get("ETag"))
			b.do("HEAD", path, "", "If-None-Match: "+get.header.Get("ETag")).want(304)
		}
	})
}

func TestValuesOfAnAttributeAreBounded(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		values := func(n int) string {
			parts := make([]string, n)
			for i := range parts {
				parts[i] = `{"value":"` + strconv.Itoa(1000*n+i) + `"}`
			}
			return strings.Join(parts, ",")
		}
		b.do("POST", "/Users", `{"userName":"many","ims":[`+values(8000)+`]}`).wantError(400, "invalidValue")
		u := b.do("POST", "/Users", `{"userName":"some","ims":[`+values(900)+`]}`).want(201).id()
		b.do("PATCH", "/Users/"+u, `{"Operations":[{"op":"add","path":"ims","value":[`+values(200)+`]}]}`).
			wantError(400,
				"invalidValue")
	})
}
