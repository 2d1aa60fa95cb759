package scim_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGroupLifecycle(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann, bob := b.user("ann"), b.user("bob")
		r := b.do("POST", "/Groups",
			`{"displayName":"G","externalId":"E","urn:okta:custom:group:1.0":{"description":"d"},`+
				`"members":[{"value":"`+ann+`","$ref":"Users/x"}]}`).want(201)
		m := r.json()
		g := m["id"].(string)
		require.Equal(t, b.base+"/Groups/"+g, r.header.Get("Location"))
		require.Equal(t, []any{map[string]any{"value": ann, "type": "User"}}, m["members"])
		require.Equal(t, map[string]any{"description": "d"}, m["urn:okta:custom:group:1.0"])
		require.Equal(t, []any{"urn:ietf:params:scim:schemas:core:2.0:Group", "urn:okta:custom:group:1.0"},
			m["schemas"])

		b.do("POST", "/Groups", `{"displayName":"g"}`).wantError(409, "uniqueness")
		b.do("POST", "/Groups", `{}`).wantError(400, "invalidValue")
		b.do("POST", "/Groups", `{"displayName":"H","members":[{"value":"`+g+`"}]}`).wantError(400, "invalidValue")
		require.Zero(t, b.total("/Groups", `displayName eq "H"`), "nothing of a refused request stays")

		// A PUT without members means none; without a name it means nothing.
		b.do("PUT", "/Groups/"+g, `{"members":[]}`).wantError(400, "invalidValue")
		m = b.do("PUT", "/Groups/"+g, `{"displayName":"G2","members":[{"value":"`+bob+`"}]}`).want(200).json()
		require.NotContains(t, m, "externalId")
		require.Equal(t, []string{bob}, b.members(g))
		version := b.do("PUT", "/Groups/"+g, `{"displayName":"G2","members":[{"value":"`+bob+`"}]}`).want(200).
			header.Get("ETag")
		require.Equal(t, m["meta"].(map[string]any)["version"], version, "nothing was different")
		require.Equal(t, []any{}, b.do("PUT", "/Groups/"+g, `{"displayName":"G2"}`).want(200).json()["members"])
		b.do("DELETE", "/Groups/"+g, "").want(204)
		b.do("DELETE", "/Groups/"+g, "").wantError(404, "")
		b.do("GET", "/Users/"+bob, "").want(200)
	})
}

func TestPatchGroup(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann, bob := b.user("ann"), b.user("bob")
		g := b.group("G", ann)
		path := "/Groups/" + g
		r := b.patch(path, `{"op":"Add","path":"members","value":[{"$ref":null,"value":"`+bob+`"}]}`).want(204)
		require.Equal(t, `W/"2"`, r.header.Get("ETag"), "1 made it, with its first member")
		require.Empty(t, r.body)
		require.Equal(t, `W/"2"`,
			b.patch(path, `{"op":"Add","path":"members","value":[{"value":"`+bob+`"}]}`).want(204).
				header.Get("ETag"))
		require.Equal(t, `W/"2"`, b.patch(path, `{"op":"replace","value":{"id":"`+g+`","displayName":"G"}}`).want(204).
			header.Get("ETag"))
		b.do("PATCH", path, `{"Operations":[]}`).want(204)
		require.ElementsMatch(t, []string{ann, bob}, b.members(g))

		// Azure's example: rename, add and remove in one request.
		b.patch(path, `{"op":"Replace","path":"displayName","value":"N"},
			{"op":"Add","path":"members","value":[{"value":"`+ann+`"}]},
			{"op":"Remove","path":"members","value":[{"value":"`+bob+
			`"}]},{"op":"replace","value":{"externalId":"X"}}`).
			want(204)
		m := b.do("GET", path, "").want(200).json()
		require.Equal(t, "N", m["displayName"])
		require.Equal(t, "X", m["externalId"])
		require.Equal(t, []string{ann}, b.members(g))

		// Nothing is applied of a request with a stranger, and he is named.
		e := b.patch(path, `{"op":"replace","path":"displayName","value":"lost"},{"op":"add","path":"members",`+
			`"value":[{"value":"`+bob+`"},{"value":"stranger"},{"value":"`+g+`"}]}`).wantError(400, "invalidValue")
		require.Contains(t, e.json()["detail"], "stranger")
		require.Contains(t, e.json()["detail"], g)
		require.Equal(t, []string{ann}, b.members(g))
		b.patch(path, `{"op":"remove","path":"members","value":[{"value":"stranger"}]}`).want(204)
		b.patch(path, `{"op":"remove","path":"displayName"}`).wantError(400, "invalidValue")

		m = b.do("PATCH", path+"?attributes=displayName",
			`{"Operations":[{"op":"remove","path":"members"}]}`).want(200).json()
		require.Equal(t, map[string]any{"id": g, "displayName": "N",
			"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:Group"}}, m)
		b.do("PATCH", path, `{"schemas":["urn:scim:schemas:core:1.0"],"members":[{"value":"`+bob+`"}]}`).want(200)
		require.Equal(t, []string{bob}, b.members(g))
		b.do("PATCH", path, `{"displayName":"Old"}`).want(200)
		b.do("PATCH", path, `{"schemas":[]}`).wantError(400, "invalidSyntax")
		require.Equal(t, 1, b.total("/Groups", `displayName eq "old" and members[value eq "`+bob+`"]`))
		require.Equal(t, 0, b.total("/Groups", `members eq "`+ann+`"`))
	})
}

// TestShownMembers: members are absent when they are not asked for, and [] when
// there are none.
func TestShownMembers(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann := b.user("ann")
		g := b.group("g", ann)
		for query, want := range map[string]any{
			"":                                 []any{map[string]any{"value": ann, "type": "User"}},
			"?excludedAttributes=members":      nil,
			"?excludedAttributes=MEMBERS,meta": nil,
			"?excludedAttributes=members.type": []any{map[string]any{"value": ann}},
			"?attributes=id":                   nil,
			"?attributes=members.value":        []any{map[string]any{"value": ann}},
			"?attributes=urn:ietf:params:scim:schemas:core:2.0:Group:members": []any{map[string]any{"value": ann,
				"type": "User"}},
		} {
			one := b.do("GET", "/Groups/"+g+query, "").want(200).json()
			list := b.do("GET", "/Groups"+query, "").want(200).json()["Resources"].([]any)[0].(map[string]any)
			for _, m := range []map[string]any{one, list} {
				if want == nil {
					require.NotContains(t, m, "members", "%s", query)
				} else {
					require.Equal(t, want, m["members"], "%s", query)
				}
			}
		}
	})
}

// TestLargeGroup: one request with very many operations, and a long answer,
// cost seconds and tens of megabytes.
func TestLargeGroup(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const n = 2000
		ids := make([]string, n)
		for i := range ids {
			ids[i] = b.user(fmt.Sprintf("u%d", i))
		}
		g := b.group("g")
		var ops []string
		for i := range 100_000 {
			id := ids[i%n]
			if i%3 == 0 {
				ops = append(ops, `{"op":"remove","path":"members[value eq \"`+id+`\"]"}`)
			} else {
				ops = append(ops, `{"op":"add","path":"members","value":[{"value":"`+id+`"}]}`)
			}
		}
		ops = append(ops, `{"op":"add","path":"members","value":`+memberList(ids...)+`}`)
		body := `{"Operations":[` + strings.Join(ops, ",") + `]}`
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		b.do("PATCH", "/Groups/"+g, body).want(204)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		t.Logf("%d operations, %d bytes: %s, %d MB allocated", len(ops), len(body), took,
			(after.TotalAlloc-before.TotalAlloc)>>20)
		require.Less(t, took, 10*time.Second)
		require.Len(t, b.members(g), n)
	})
}
