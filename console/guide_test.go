package console

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Every guide is whole: what is to be pasted is known, and everything that a provider
// needs is there once.
func TestGuides(t *testing.T) {
	token := guideValues{"{scim_base_url}": "u", "{token}": "t"}
	client := guideValues{
		"{scim_base_url}": "u", "{client_id}": "i", "{client_secret}": "s", "{token_url}": "o",
	}
	known := make([]string, 0, len(milestones))
	for _, m := range milestones {
		known = append(known, m.ID)
	}
	for _, g := range guides() {
		assert.NotEmpty(t, g.Name, g.ID)
		assert.Contains(t, membership.IDPs, g.IDP, g.ID)
		require.NotEmpty(t, g.Expects, g.ID)
		assert.Equal(t, milestoneFirst, g.Expects[0], g.ID)
		assert.Subset(t, known, g.Expects, g.ID)
		whole(t, g.ID, g.Token, token)
		if len(g.Client) > 0 {
			whole(t, g.ID+" with a client", g.Client, client)
		}
		for _, text := range slices.Concat(g.Before, g.Trouble) {
			assert.True(t, strings.Count(text, "*")%2 == 0, text)
		}
	}
	assert.Equal(t, "okta", guides()[0].ID)
	assert.Equal(t, genericGuide, guides()[len(guides())-1].ID)
	for _, idp := range membership.IDPs {
		assert.NotEmpty(t, guidesFor(membership.Connection{IDP: idp}), idp)
	}
}

// whole: steps use each of the values once, and no other.
func whole(t *testing.T, name string, steps []guideStep, values guideValues) {
	t.Helper()
	require.NotEmpty(t, steps, name)
	var pasted strings.Builder
	for _, s := range steps {
		assert.NotEmpty(t, s.Title, name)
		for _, text := range slices.Concat(s.Do, s.Then) {
			assert.True(t, strings.Count(text, "*")%2 == 0, "%s: %s", name, text)
			assert.NotRegexp(t, guideWord, text, name)
		}
		for _, f := range s.Fields {
			assert.NotEmpty(t, f.Name, name)
			assert.NotEqual(t, f.Value == "", f.Choose == "", "%s: %s has a value or something to choose", name, f.Name)
			if f.Value != "" {
				assert.NotEmpty(t, values.Fill(f.Value), "%s: %s", name, f.Value)
			}
			pasted.WriteString(f.Value)
		}
	}
	for word := range values {
		assert.Equal(t, 1, strings.Count(pasted.String(), word), "%s: %s", name, word)
	}
}

// The providers of the documentation have a guide, and a secret is not shown again.
func TestGuidesFollowTheDocs(t *testing.T) {
	text, err := os.ReadFile("../docs/providers.md")
	require.NoError(t, err)
	var names []string
	for _, g := range guides() {
		names = append(names, g.Name)
	}
	for _, heading := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(string(text), -1) {
		for _, name := range strings.Split(heading[1], " and ") {
			if name != "For all of them" {
				assert.Contains(t, names, name)
			}
		}
	}
	v := guideValues{"{scim_base_url}": "https://x/scim/v2"}
	assert.Equal(t, "https://x/scim/v2", v.Fill("{scim_base_url}"))
	assert.Empty(t, v.Fill("{token}"))
	assert.True(t, v.Secret("Bearer {token}"))
	assert.False(t, v.Secret("{client_id}"))
	assert.EqualValues(t, "<b>a</b> → <b>b &lt;</b>", marked("*a* → *b <*"))
}
