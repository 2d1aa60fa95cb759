package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDemoExits(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	status, stdout, stderr := invoke(t, nil, "demo", "--exit")
	require.Equal(t, exitDone, status, stdout+stderr)
	assert.Empty(t, stderr)
	for _, want := range []string{"Okta", "Entra", "→ PATCH", "went as recorded", "local admin",
		"Entra (connection), local admin", "Lena Local"} {
		assert.Contains(t, stdout, want)
	}
	assert.NotContains(t, stdout, "\x1b", "no colours where there is no terminal")
	left, err := os.ReadDir(temp)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is left behind")
}

func TestDemoAsJSON(t *testing.T) {
	status, stdout, stderr := invoke(t, nil, "demo", "--exit", "--json")
	require.Equal(t, exitDone, status, stdout+stderr)
	var r demoResult
	dec := json.NewDecoder(strings.NewReader(stdout))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&r))
	assert.True(t, r.OK)
	assert.Zero(t, r.Exchanges.Failed)
	assert.Greater(t, r.Exchanges.Played, 20)
	assert.Len(t, r.Connections, 2)
	require.Len(t, r.Groups, 2)
	okta, entra := r.Groups[0], r.Groups[1]
	assert.Equal(t, []string{"b Replay: Okta (connection)", "Lena Local: local admin"}, summary(okta))
	assert.Equal(t, []string{
		"a Replay: Entra (connection), local admin", "b Replay: Entra (connection)", "Lena Local: local admin",
	}, summary(entra))
}

func summary(g demoGroup) []string {
	var lines []string
	for _, m := range g.Members {
		var by []string
		for _, s := range m.Sources {
			by = append(by, s.String())
		}
		lines = append(lines, m.Name+": "+strings.Join(by, ", "))
	}
	return lines
}

// Without --exit it serves on until it is told to stop; then it is done.
func TestDemoGoesOnServing(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out, to := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, []string{"demo", "--json"}, nil, to, &stderr); _ = to.Close() }()
	var r demoResult
	require.NoError(t, json.NewDecoder(out).Decode(&r))

	go func() { _, _ = io.Copy(io.Discard, out) }()
	res, err := http.Get(r.BaseURL + "/readyz")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	stop()
	assert.Equal(t, exitDone, <-ended, stderr.String())
}

func TestDemoNamesItsTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	status, _, stderr := invoke(t, nil, "demo", "--exit")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "no such file or directory")
}

func TestPathsAreShownShort(t *testing.T) {
	assert.Equal(t, "/Groups/…c5d6e7", shortPath("/Groups/01a200ed-9165-703e-9b2a-134356c5d6e7"))
	assert.Equal(t, `/Groups?filter=displayName eq "x"`, shortPath("/Groups?filter=displayName+eq+%22x%22"))
	assert.Equal(t, pathWidth, len([]rune(shortPath("/"+strings.Repeat("x", 99)))))
}
