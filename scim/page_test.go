package scim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// names returns the userNames of a list in its order.
func names(m map[string]any) []string {
	out := []string{}
	list, _ := m["Resources"].([]any)
	for _, r := range list {
		name, _ := r.(map[string]any)["userName"].(string)
		out = append(out, name)
	}
	return out
}

// RFC 7644 section 3.4.2.3.
func TestSorting(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for _, u := range []string{
			`{"userName":"carl","title":"b","name":{"familyName":"Ärmel"},"emails":[{"value":"z@x.test"},` +
				`{"value":"a@x.test",` +
				`"primary":true}],"externalId":"a"}`,
			`{"userName":"Ann","title":"A","name":{"familyName":"zander"},"emails":[{"value":"b@x.test"}],` +
				`"active":false,` +
				`"externalId":"B"}`,
			`{"userName":"bea","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales"}}`,
		} {
			b.do("POST", "/Users", u).want(201)
		}
		for query, want := range map[string]string{
			"sortBy=userName":                          "Ann bea carl",
			"sortBy=USERNAME&sortOrder=Descending":     "carl bea Ann",
			"sortBy=title":                             "Ann carl bea", // absent last
			"sortBy=title&sortOrder=descending":        "bea carl Ann", // absent first
			"sortBy=name.familyName":                   "Ann carl bea",
			"sortBy=emails":                            "carl Ann bea", // the primary value counts
			"sortBy=emails.value":                      "carl Ann bea",
			"sortBy=externalId":                        "Ann carl bea", // caseExact
			"sortBy=active":                            "Ann carl bea",
			"sortBy=active&sortOrder=descending":       "carl bea Ann",
			"sortBy=meta.created&sortOrder=descending": "bea Ann carl",
			"sortBy=meta.lastModified":                 "carl Ann bea",
			"sortBy=id&sortOrder=descending":           "bea Ann carl",
			"sortBy=nothing":                           "carl Ann bea",
			"sortBy=department":                        "bea carl Ann",
			"sortBy=userName&filter=title+pr":          "Ann carl",
			"sortBy=title&startIndex=2&count=1":        "carl",
			"sortOrder=descending":                     "carl Ann bea", // nothing to order by
			"sortBy=urn:ietf:params:scim:schemas:core:2.0:User:userName": "Ann bea carl",
		} {
			require.Equal(t, strings.Fields(want), names(b.do("GET", "/Users?"+query, "").want(200).json()), query)
		}
		for _, query := range []string{"sortBy=userName&sortOrder=upwards", "sortBy=name", "sortBy=groups",
			"sortBy=password"} {
			b.do("GET", "/Users?"+query, "").wantError(400, "invalidValue")
		}
		b.do("GET", "/Groups?sortBy=members", "").wantError(400, "invalidValue")
		m := b.do("POST", "/Users/.search", `{"sortBy":"userName","sortOrder":"descending","count":2}`).want(200).json()
		require.Equal(t, []string{"carl", "bea"}, names(m))
	})
}

// RFC 9865: from page to page, and back.
func TestCursors(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		var all []string
		for i := range 7 {
			n := fmt.Sprintf("u%d", i)
			b.user(n)
			all = append(all, n)
		}
		list := func(query, cursor string) map[string]any {
			return b.do("GET", "/Users?"+query+"&cursor="+url.QueryEscape(cursor), "").want(200).json()
		}
		for query, want := range map[string][]string{
			"count=3": all,
			"count=3&sortBy=userName&sortOrder=descending": reversed(all),
			"count=3&sortBy=nickName":                      all,
			"count=3&filter=userName+sw+%22U%22":           all,
			"count=7":                                      all,
		} {
			var forth, back []string
			cursor, previous, pages := "", "", 0
			for {
				m := list(query, cursor)
				require.NotContains(t, m, "startIndex")
				require.EqualValues(t, 7, m["totalResults"])
				require.Len(t, m["Resources"], int(m["itemsPerPage"].(float64)))
				require.Equal(t, pages > 0, m["previousCursor"] != nil, "the first page has none before it")
				forth = append(forth, names(m)...)
				pages++
				next, more := m["nextCursor"].(string)
				if !more {
					previous, _ = m["previousCursor"].(string)
					back = names(m)
					break
				}
				cursor = next
			}
			require.Equal(t, want, forth, query)
			for previous != "" {
				m := list(query, previous)
				require.Contains(t, m, "nextCursor")
				back = append(names(m), back...)
				previous, _ = m["previousCursor"].(string)
			}
			require.Equal(t, want, back, query)
		}

		// A page begins where the one before ended, whatever came or went meanwhile.
		first := list("count=3", "")
		gone := first["Resources"].([]any)[2].(map[string]any)["id"].(string)
		b.do("DELETE", "/Users/"+gone, "").want(204)
		require.Equal(t, all[3:6], names(list("count=3", first["nextCursor"].(string))))
		require.Equal(t, all[3:5], names(list("count=2", first["nextCursor"].(string))), "pages may change their size")
		require.Equal(t, all[3:6], names(b.do("POST", "/Users/.search",
			`{"count":3,"cursor":"`+first["nextCursor"].(string)+`"}`).want(200).json()))

		b.group("g1")
		b.group("g2")
		m := b.do("GET", "/Groups?count=1&cursor=&excludedAttributes=members", "").want(200).json()
		m = b.do("GET", "/Groups?count=1&excludedAttributes=members&cursor="+m["nextCursor"].(string), "").
			want(200).json()
		require.Len(t, m["Resources"], 1)
		require.NotContains(t, m, "nextCursor")
		require.Empty(t,
			b.do("GET", "/Users?cursor=&filter=userName+eq+%22nobody%22", "").want(200).json()["Resources"])
	})
}

func reversed(s []string) []string {
	out := slices.Clone(s)
	slices.Reverse(out)
	return out
}

// A cursor opens for the caller and the query that it was made for.
func TestCursorsAreBound(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for i := range 3 {
			b.user(fmt.Sprintf("secretname%d", i))
			b.group(fmt.Sprintf("g%d", i))
		}
		cursor, _ := b.do("GET", "/Users?count=1&cursor=&sortBy=userName", "").want(200).json()["nextCursor"].(string)
		require.NotEmpty(t, cursor)
		require.NotContains(t, cursor, "secretname")
		b.do("GET", "/Users?count=1&sortBy=userName&cursor="+cursor, "").want(200)
		other := b.connection()
		other.do("GET", "/Users?count=1&sortBy=userName&cursor="+cursor, "").wantError(400, "invalidCursor")
		for _, path := range []string{
			"/Users?count=1&cursor=" + cursor,
			"/Users?count=1&sortBy=userName&sortOrder=descending&cursor=" + cursor,
			"/Users?count=1&sortBy=userName&filter=active+eq+true&cursor=" + cursor,
			"/Groups?count=1&sortBy=userName&cursor=" + cursor,
			"/Users?sortBy=userName&cursor=" + cursor[:len(cursor)-2],
			"/Users?sortBy=userName&cursor=x" + cursor,
			"/Users?sortBy=userName&cursor=%00",
			"/Users?sortBy=userName&cursor=" + strings.Repeat("A", 3000),
			"?cursor=",
		} {
			b.do("GET", path, "").wantError(400, "invalidCursor")
		}
		for _, query := range []string{"cursor=&count=abc", "count=1.5&cursor="} {
			b.do("GET", "/Users?"+query, "").wantError(400, "invalidCount")
		}
		b.do("POST", "/Users/.search", `{"cursor":"","count":"x"}`).wantError(400, "invalidCount")
		for _, query := range []string{"cursor=&startIndex=1",
			"startIndex=2&count=1&sortBy=userName&cursor=" + cursor} {
			b.do("GET", "/Users?"+query, "").wantError(400, "invalidValue")
			b.do("GET", "/Groups?"+query, "").wantError(400, "invalidValue")
		}
		b.do("POST", "/Users/.search", `{"cursor":"","startIndex":1}`).wantError(400, "invalidValue")
		for _, count := range []string{"0", "-1"} {
			m := b.do("GET", "/Users?cursor=&count="+count, "").want(200).json()
			require.EqualValues(t, 3, m["totalResults"])
			require.Empty(t, m["Resources"])
		}
	})
}
