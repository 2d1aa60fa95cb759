package scim_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPages(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var all []any
		for i := range 7 {
			b.user(fmt.Sprintf("u%d", i))
			b.group(fmt.Sprintf("g%d", i))
		}
		for _, endpoint := range []string{"/Users", "/Groups"} {
			all = nil
			for start := 1; start <= 7; start += 3 {
				m := b.do("GET", fmt.Sprintf("%s?startIndex=%d&count=3", endpoint, start), "").want(200).json()
				require.Equal(t, []any{"urn:ietf:params:scim:api:messages:2.0:ListResponse"}, m["schemas"])
				require.EqualValues(t, 7, m["totalResults"])
				require.EqualValues(t, start, m["startIndex"])
				require.Len(t, m["Resources"], int(m["itemsPerPage"].(float64)))
				all = append(all, m["Resources"].([]any)...)
			}
			whole := b.do("GET", endpoint, "").want(200).json()["Resources"]
			require.Equal(t, whole, any(all), "pages in the same order as the list")
			for query, length := range map[string]int{
				"count=0": 0, "count=-3": 0, "startIndex=0&count=2": 2, "startIndex=-1&count=2": 2, "startIndex=8": 0,
				"startIndex=99999999999999999999": 0, "count=99999999999999999999": 7, "count=1000": 7,
				"startIndex=&count=": 7,
				"sortBy=userName":    7,
			} {
				m := b.do("GET", endpoint+"?"+query, "").want(200).json()
				require.EqualValues(t, 7, m["totalResults"], "%s", query)
				require.EqualValues(t, length, m["itemsPerPage"], "%s", query)
				require.Len(t, m["Resources"], length, "%s", query)
			}
			b.do("GET", endpoint+"?count=x", "").wantError(400, "invalidValue")
			m := b.do("GET", endpoint+"?attributes=id&count=1", "").want(200).
				json()["Resources"].([]any)[0].(map[string]any)
			require.Len(t, m, 2)
		}
	})
}

func TestSearch(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 3 {
			b.user(fmt.Sprintf("u%d", i))
		}
		g := b.group("g")
		m := b.do("POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],`+
			`"attributes":["userName"],
			"filter":"userName sw \"u\" and not (userName eq \"u1\")","startIndex":2,"count":"5","sortBy":"userName"}`).
			want(200).json()
		require.EqualValues(t, 2, m["totalResults"])
		require.EqualValues(t, 1, m["itemsPerPage"])
		require.Contains(t, m["Resources"].([]any)[0], "userName")
		require.NotContains(t, m["Resources"].([]any)[0], "meta")
		m = b.do("POST", "/Groups/.search", `{"excludedAttributes":["members"]}`).want(200).json()
		require.NotContains(t, m["Resources"].([]any)[0], "members")

		// On the root: users, then groups.
		m = b.do("POST", "/.search", `{"count":2,"startIndex":3}`).want(200).json()
		require.EqualValues(t, 4, m["totalResults"])
		list := m["Resources"].([]any)
		require.Len(t, list, 2)
		require.Equal(t, "u2", list[0].(map[string]any)["userName"])
		require.Equal(t, g, list[1].(map[string]any)["id"])
		m = b.do("GET", "?startIndex=4", "").want(200).json()
		require.EqualValues(t, 1, m["itemsPerPage"])
		m = b.do("GET", "/?filter=displayName+eq+%22g%22", "").want(200).json()
		require.EqualValues(t, 1, m["totalResults"])
		m = b.do("POST", "/.search", `{"filter":"meta.resourceType eq \"Group\""}`).want(200).json()
		require.EqualValues(t, 1, m["totalResults"])
		b.do("POST", "/.search", `{"count":true}`).wantError(400, "invalidValue")
		b.do("POST", "/.search", `{"attributes":[1]}`).wantError(400, "invalidValue")
		b.do("POST", "/.search", `{"filter":"("}`).wantError(400, "invalidFilter")
	})
}

func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for path, body := range map[string]string{"/Users/" + b.user("ann"): `"userName":"ann"`,
			"/Groups/" + b.group("g"): `"displayName":"g"`} {
			tag := b.do("GET", path, "").want(200).header.Get("ETag")
			require.NotEmpty(t, tag)
			r := b.do("GET", path, "", "If-None-Match: "+tag).want(304)
			require.Empty(t, r.body)
			require.Equal(t, tag, r.header.Get("ETag"))
			b.do("GET", path, "", `If-None-Match: W/"999", `+tag).want(304)
			b.do("GET", path, "", "If-None-Match: *").want(304)
			b.do("GET", path, "", `If-None-Match: W/"999"`).want(200)

			put := func(name string) string { return `{` + body + `,"externalId":"` + name + `"}` }
			b.do("PUT", path, put("no"), `If-Match: W/"999"`).wantError(412, "")
			b.do("PUT", path, put("no"), `If-Match: "nonsense"`).wantError(412, "")
			b.do("PUT", path, put("no"), "If-None-Match: *").wantError(412, "")
			b.do("PUT", path, put("no"), "If-None-Match: "+tag).wantError(412, "")
			next := b.do("PUT", path, put("1"), "If-Match: "+tag).want(200).header.Get("ETag")
			require.NotEqual(t, tag, next)
			patch := `{"Operations":[{"op":"add","path":"externalId","value":"2"}]}`
			b.do("PATCH", path, patch, "If-Match: "+tag).wantError(412, "")
			b.do("PATCH", path, patch, "If-Match: "+tag+", "+next)
			b.do("PATCH", path, patch, "If-Match: *")
			b.do("PATCH", path, patch, "If-None-Match: "+tag)
			b.do("DELETE", path, "", "If-Match: "+next).wantError(412, "")
			require.Equal(t, "2", b.do("GET", path, "").want(200).json()["externalId"])
			b.do("DELETE", path, "", `If-Match: W/"3"`).want(204)
			b.do("DELETE", path, "", `If-Match: W/"3"`).wantError(404, "")
		}
	})
}
