package scim_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A count above the maximum is cut, by cursor as by index.
func TestTooLargeACountIsCut(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const users = 1003
		b.importUsers(users)
		for _, count := range []string{"1001", "5000", "99999999999999999999"} {
			m := b.do("GET", "/Users?attributes=id&startIndex=1&count="+count, "").want(200).json()
			require.EqualValues(t, 1000, m["itemsPerPage"])
			m = b.do("GET", "/Users?attributes=id&cursor=&count="+count, "").want(200).json()
			require.EqualValues(t, 1000, m["itemsPerPage"])
			require.Len(t, m["Resources"], 1000)
			m = b.do("GET", "/Users?attributes=id&count="+count+"&cursor="+m["nextCursor"].(string), "").
				want(200).json()
			require.Len(t, m["Resources"], users-1000)
			require.NotContains(t, m, "nextCursor")
		}
	})
}

// importUsers makes n users by Bulk.
func (b *bench) importUsers(n int) {
	b.t.Helper()
	for from := 0; from < n; from += 500 {
		var ops []any
		for i := from; i < min(from+500, n); i++ {
			ops = append(ops, map[string]any{
				"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(i),
				"data": map[string]any{"userName": fmt.Sprintf("import%d", i)},
			})
		}
		body, err := json.Marshal(
			map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
				"Operations": ops})
		require.NoError(b.t, err)
		b.do("POST", "/Bulk", string(body)).want(200)
	}
}

// Whatever is created and deleted between two pages: what was there all the
// while is seen once, in its order, forth and back (RFC 9865 section 2).
func TestPagesAreSteady(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		n := 0
		rapid.Check(t, func(rt *rapid.T) {
			kind := rapid.SampledFrom([]string{"/Users", "/Groups"}).Draw(rt, "kind")
			name := map[string]string{"/Users": "userName", "/Groups": "displayName"}[kind]
			n++
			prefix := fmt.Sprintf("r%d-", n)
			made := 0
			create := func() string {
				made++
				// Names of other capitals, in no order, some with the same title.
				letter := rapid.SampledFrom([]string{"a", "B", "ß", "É", "z"}).Draw(rt, "letter")
				return b.do("POST", kind, fmt.Sprintf(`{"%s":"%s%s%d","title":"%s"}`, name, prefix, letter, made,
					letter)).want(201).id()
			}
			var steady, passing []string
			for range rapid.IntRange(1, 5).Draw(rt, "steady") {
				steady = append(steady, create())
				if rapid.Bool().Draw(rt, "another") {
					passing = append(passing, create())
				}
			}
			sorts := []string{"", "&sortBy=" + name, "&sortBy=" + name + "&sortOrder=descending",
				"&sortBy=id&sortOrder=descending", "&sortBy=meta.created"}
			if kind == "/Users" {
				sorts = append(sorts, "&sortBy=title", "&sortBy=title&sortOrder=descending", "&sortBy=nothing")
			}
			filter := fmt.Sprintf("%s sw %q", name, prefix)
			query := kind + "?excludedAttributes=members&filter=" + url.QueryEscape(filter) + rapid.SampledFrom(sorts).
				Draw(rt, "sort")

			disturb := func() {
				for range rapid.IntRange(0, 2).Draw(rt, "disturbances") {
					if len(passing) > 0 && rapid.Bool().Draw(rt, "deletes") {
						i := rapid.IntRange(0, len(passing)-1).Draw(rt, "which")
						b.do("DELETE", kind+"/"+passing[i], "").want(204)
						passing = slices.Delete(passing, i, i+1)
					} else {
						passing = append(passing, create())
					}
				}
			}
			kept := func(ids []string) (out []string) {
				for _, id := range ids {
					if slices.Contains(steady, id) {
						out = append(out, id)
					}
				}
				return out
			}
			page := func(cursor string) (ids []string, next, previous string) {
				m := b.do("GET",
					query+fmt.Sprintf("&count=%d&cursor=%s", rapid.IntRange(1, 3).Draw(rt, "count"), cursor),
					"").want(200).json()
				for _, r := range m["Resources"].([]any) {
					ids = append(ids, r.(map[string]any)["id"].(string))
				}
				next, _ = m["nextCursor"].(string)
				previous, _ = m["previousCursor"].(string)
				return ids, next, previous
			}
			whole := func() (ids []string) {
				m := b.do("GET", query+"&count=1000", "").want(200).json()
				for _, r := range m["Resources"].([]any) {
					ids = append(ids, r.(map[string]any)["id"].(string))
				}
				return kept(ids)
			}
			want := whole()
			require.Len(rt, want, len(steady))
			var forth, lastPage []string
			back := ""
			for cursor := ""; ; {
				ids, next, previous := page(cursor)
				forth = append(forth, ids...)
				disturb()
				if next == "" {
					lastPage, back = ids, previous
					break
				}
				cursor = next
			}
			require.Equal(rt, want, kept(forth), query)
			seen := slices.Clone(forth)
			slices.Sort(seen)
			require.Equal(rt, seen, slices.Compact(slices.Clone(seen)), "nobody twice")
			reading := lastPage
			for back != "" {
				ids, _, previous := page(back)
				reading = append(slices.Clone(ids), reading...)
				disturb()
				back = previous
			}
			require.Equal(rt, want, kept(reading), "%s, back", query)
			require.Equal(rt, want, whole())
		})
	})
}
