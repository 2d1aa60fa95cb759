package scim_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestLocationOfAResource: RFC 7644 section 3.1, on whatever is about one
// resource.
func TestLocationOfAResource(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u := b.user("ann")
		for path, name := range map[string]string{"/Users/" + u: "userName",
			"/Groups/" + b.group("g", u): "displayName"} {
			for method, body := range map[string]string{
				"GET": "", "HEAD": "", "PUT": `{"` + name + `":"x"}`,
				"PATCH": `{"Operations":[{"op":"replace","path":"` + name + `","value":"y"}]}`,
			} {
				r := b.do(method, path, body)
				require.Less(t, r.status, 300)
				require.Equal(t, b.base+path, r.header.Get("Location"), "%s %s", method, path)
				require.Equal(t, b.base+path, r.header.Get("Content-Location"))
				require.NotEmpty(t, r.header.Get("ETag"))
			}
			require.Empty(t, b.do("DELETE", path, "").want(204).header.Get("Location"))
		}
		require.Empty(t, b.do("GET", "/Users", "").want(200).header.Get("Location"))
	})
}

// TestPrefer is RFC 7240 section 4.2 on PATCH. PUT and POST answer with the
// resource, as RFC 7644 wants it.
func TestPrefer(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u := b.user("ann")
		group, user := "/Groups/"+b.group("g", u), "/Users/"+u
		const title, members = `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`,
			`{"Operations":[{"op":"add","path":"members","value":[]}]}`
		for _, tt := range []struct {
			path, prefer, applied string
			status                int
		}{
			{group, "", "", 204},
			{group, "Prefer: return=representation", "return=representation", 200},
			{group, `Prefer: respond-async, RETURN = "representation"; x=y, wait=10`, "return=representation", 200},
			{group, "Prefer: return=minimal", "return=minimal", 204},
			{group, "Prefer: return=minimal, return=representation", "return=minimal", 204},
			{group, `Prefer: x="a, return=representation"`, "", 204},
			{group, "Prefer: return=everything", "", 204},
			{group, "Prefer: return", "", 204},
			{user, "", "", 200},
			{user, "Prefer: return=minimal", "return=minimal", 204},
			{user, "Prefer: return=representation", "return=representation", 200},
			{user + "?attributes=title", "Prefer: return=minimal", "", 200}, // RFC 7644 section 3.5.2
			{group + "?attributes=id", "Prefer: return=minimal", "", 200},
		} {
			body := members
			if tt.path[1] == 'U' {
				body = title
			}
			var headers []string
			if tt.prefer != "" {
				headers = append(headers, tt.prefer)
			}
			r := b.do("PATCH", tt.path, body, headers...).want(tt.status)
			require.Equal(t, tt.applied, r.header.Get("Preference-Applied"), tt.prefer)
			require.NotEmpty(t, r.header.Get("ETag"))
			if tt.status == 204 {
				require.Empty(t, r.body)
			} else {
				require.NotEmpty(t, r.json()["id"])
			}
		}
		m := b.do("PATCH", group, members, "Prefer: return=representation").want(200).json()
		require.Equal(t, []any{map[string]any{"value": u, "type": "User"}}, m["members"])
		b.do("PATCH", group, `{"Operations":[{"op":"add","path":"displayName","value":""}]}`,
			"Prefer: return=representation").wantError(400, "invalidValue")
		b.do("PUT", user, `{"userName":"ann"}`, "Prefer: return=minimal").want(200)
	})
}
