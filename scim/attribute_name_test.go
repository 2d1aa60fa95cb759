package scim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestDotBehindAURN: Microsoft's inbound provisioning writes a dot where the RFC
// has a colon.
func TestDotBehindAURN(t *testing.T) {
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	for text, want := range map[string]target{
		core + ".userName":               {name: "userName"},
		core + ".name.givenName":         {name: "name", subName: "givenName"},
		core + ".emails":                 {name: "emails"},
		core + ":emails.value":           {name: "emails", subName: "value"},
		enterpriseURN + ".department":    {schema: enterpriseURN, name: "department"},
		enterpriseURN + ".manager.value": {schema: enterpriseURN, name: "manager", subName: "value"},
		enterpriseURN + ".nothing":       {schema: enterpriseURN, name: "nothing"},
		enterpriseURN:                    {schema: enterpriseURN, whole: true},
		"urn:ietf:params:scim:schemas:core:2.0.User": {schema: "urn:ietf:params:scim:schemas:core:2.0",
			name: "User"},
		"urn:scim:schemas:core:1.0.userName":                   {name: "userName"},
		"urn:scim:schemas:core:1.0.name.familyName":            {name: "name", subName: "familyName"},
		"urn:scim:schemas:extension:enterprise:1.0.department": {schema: enterpriseURN, name: "department"},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0User.manager.value": {
			schema: enterpriseURN, name: "manager", subName: "value",
		},
		"urn:acme:ext:2.0:User.badge":      {schema: "urn:acme:ext:2.0:User", name: "badge"},
		"urn:acme:ext:2.0:User.badge.code": {schema: "urn:acme:ext:2.0:User", name: "badge", subName: "code"},
		"urn:acme:ext:2.0:User:badge.code": {schema: "urn:acme:ext:2.0:User", name: "badge", subName: "code"},
		"urn:acme:ext:1.0.badge":           {schema: "urn:acme:ext:1.0", name: "badge"},
		"urn:acme:ext:1.0.badge.code":      {schema: "urn:acme:ext:1.0", name: "badge", subName: "code"},
		"urn:acme:ext:badge.code":          {schema: "urn:acme:ext", name: "badge", subName: "code"},
		"urn:acme:ext:1.0":                 {schema: "urn:acme:ext", name: "1", subName: "0"},
	} {
		for _, spelling := range []string{text, strings.ToUpper(text), strings.ToLower(text)} {
			to, ok := userType.locate(spelling)
			require.True(t, ok, spelling)
			assert.True(t, strings.EqualFold(want.schema, to.schema), "%s: %s", spelling, to.schema)
			assert.True(t, strings.EqualFold(want.name, to.name), "%s: %s", spelling, to.name)
			assert.True(t, strings.EqualFold(want.subName, to.subName), "%s: %s", spelling, to.subName)
			assert.Equal(t, want.whole, to.whole, spelling)
		}
	}
	for _, text := range []string{
		"a.b.c", core + ".", core + "..userName", core + ".name.", "urn:x:a.b.c.d.e.f.g", "urn:x:", "urn:x:.a", ".a",
		"urn:x:a b", "",
	} {
		_, ok := userType.locate(text)
		assert.False(t, ok, "%q", text)
	}
}

// TestSpellingsOfANameMeanTheSame: with a colon or a dot behind the URN, in any
// letter case, in a path, with a value filter, in a filter.
func TestSpellingsOfANameMeanTheSame(t *testing.T) {
	type attr struct{ urn, name, sub string }
	var all []attr
	for _, r := range []*resourceType{userType} {
		for urn, attributes := range r.attributes {
			for _, a := range attributes {
				u := urn
				if u == "" {
					u = r.core.ID
				}
				all = append(all, attr{u, a.name, ""})
				for _, s := range a.subs {
					all = append(all, attr{u, a.name, s.name})
				}
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a := all[rapid.IntRange(0, len(all)-1).Draw(t, "attribute")]
		spell := func(s string) string {
			letters := []byte(s)
			for i := range letters {
				if rapid.Bool().Draw(t, "capital") {
					letters[i] = strings.ToUpper(s[i : i+1])[0]
				}
			}
			return string(letters)
		}
		tail := a.name
		if a.sub != "" {
			tail += "." + a.sub
		}
		want, ok := userType.locate(a.urn + ":" + tail)
		require.True(t, ok)
		require.NotNil(t, want.leaf())
		separator := rapid.SampledFrom([]string{":", "."}).Draw(t, "separator")
		text := spell(a.urn) + separator + spell(tail)
		have, ok := userType.locate(text)
		require.True(t, ok, text)
		require.Equal(t, want, have, text)

		inFilter, err := readFilter(text + " pr")
		require.NoError(t, err, text)
		f, err := userType.filter(inFilter)
		require.NoError(t, err, text)
		canonical, err := readFilter(a.urn + ":" + tail + " pr")
		require.NoError(t, err)
		g, err := userType.filter(canonical)
		require.NoError(t, err)
		require.Equal(t, g, f, text)

		if want.attr.kind == kindComplex && want.attr.multi && a.sub == "" {
			p, err := userType.path(text + `[type eq "x"].type`)
			require.NoError(t, err, text)
			require.Equal(t, want.attr, p.to.attr, text)
		}
	})
}
