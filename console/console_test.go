package console

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the policy of a page forbids stands in no template, and what pages load is small.
func TestTemplatesObeyThePolicy(t *testing.T) {
	require.NotEmpty(t, templates())
	files, err := fs.Glob(templateFiles, "templates/*.html")
	require.NoError(t, err)
	for _, file := range files {
		text, err := templateFiles.ReadFile(file)
		require.NoError(t, err)
		for _, forbidden := range []string{` style="`, `<style`, `<script>`, `javascript:`, `http://`, `//cdn`} {
			assert.NotContains(t, string(text), forbidden, file)
		}
		assert.NotRegexp(t, regexp.MustCompile(`\son[a-z]+="`), string(text), file)
		if strings.Contains(string(text), `method="post"`) {
			assert.Equal(t, strings.Count(string(text), `method="post"`), strings.Count(string(text), `"form-token"`)-
				strings.Count(string(text), `define "form-token"`), "%s: every form has its token", file)
		}
	}
	entries, err := staticFiles.ReadDir("static")
	require.NoError(t, err)
	scripts := 0
	for _, e := range entries {
		assert.Contains(t, staticTypes, e.Name())
		if strings.HasSuffix(e.Name(), ".js") {
			scripts += len(static()[e.Name()].content)
		}
	}
	assert.LessOrEqual(t, scripts, 30_000, "bytes of JavaScript")
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for ago, want := range map[time.Duration]string{
		0: "just now", 12 * time.Second: "12 seconds ago", time.Minute: "1 minute ago",
		-90 * time.Second: "in 1 minute",
		47 * time.Hour:    "47 hours ago", 49 * time.Hour: "2 days ago", -30 * 24 * time.Hour: "in 30 days",
		90 * 24 * time.Hour: "3 months ago", 800 * 24 * time.Hour: "2 years ago",
	} {
		assert.Equal(t, want, words(now.Add(-ago), now))
	}
}

func TestTimesCanBeKept(t *testing.T) {
	at, err := parseTime("the end", "2026-03-01T12:00")
	require.NoError(t, err)
	assert.Equal(t, time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), at)
	for _, s := range []string{"9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "0001-01-01", "soon"} {
		_, err := parseTime("the end", s)
		assert.Error(t, err, s)
	}
}

func TestLocalPath(t *testing.T) {
	for s, want := range map[string]string{
		"/console": "/console", "/console/groups?q=a%26b&kind=custom": "/console/groups?q=a%26b&kind=custom",
		"": "/console", "/": "/console", "//x/console": "/console", "https://x/console": "/console",
		"/console/login": "/console", "/console/login?next=x": "/console", "/console/../v1": "/console",
		"/consoles": "/console", "/console/%2e%2e/v1": "/console", "/console/a#b": "/console/a",
	} {
		assert.Equal(t, want, localPath(s), s)
	}
}

func TestBecause(t *testing.T) {
	for _, c := range []struct{ why, detail, because, inShort string }{
		{"uniqueness: userName is taken", "userName is taken", "userName is taken.", "userName is taken."},
		{"invalid: … is required", "userName is required", "userName is required.", "userName is required."},
		{"401: a bearer token is required", "x", "A bearer token is required.", "A bearer token is required."},
		{"it only reads", "", "It only reads.", "It only reads."},
		{"held: nothing was changed: … of …. More than …", "nothing was changed: 9 of 9. More than 5",
			"Nothing was changed: 9 of 9. More than 5.", "Nothing was changed: 9 of 9."},
		{"held: nothing was changed: … of …. More than …", "", "Nothing was changed: … of …. More than ….",
			"Nothing was changed."},
	} {
		assert.Equal(t, c.because, because(c.why, c.detail))
		assert.Equal(t, c.inShort, inShort(c.why, c.detail))
	}
}
