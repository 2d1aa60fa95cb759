package console

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Whatever a provider calls its group, its name can be typed as it is read, and another
// one or none does not do.
func TestNamesThatAreTyped(t *testing.T) {
	id := membership.NewID()
	ok := func(name, text string) bool {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/",
			strings.NewReader(url.Values{"typed_name": {text}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		f, err := readForm(httptest.NewRecorder(), r, []string{"typed_name"})
		require.NoError(t, err)
		confirm{Name: toType(name, id), People: namesAbove + 1}.check(f)
		return f.OK()
	}
	for name, text := range map[string]string{
		"Engineering": "Engineering", "Engineering ": "Engineering", "Engineering\u00a0": "Engineering",
		"Engi\u200bneering": "Engineering", "A\nB": "A B", "A  B": "A B", "A \u200b B": "A B", "Ä": "A\u0308",
	} {
		assert.True(t, ok(name, name), "%q to the letter", name)
		assert.True(t, ok(name, text), "%q as it is read", name)
		for _, wrong := range []string{"", " ", "x", text + "x"} {
			assert.False(t, ok(name, wrong), "%q for %q", wrong, name)
		}
	}
	for _, name := range []string{"", "  ", "\u00a0", "\u200b"} { // there is nothing to read
		assert.True(t, ok(name, id.String()), "%q", name)
		assert.False(t, ok(name, ""), "%q", name)
	}
}
