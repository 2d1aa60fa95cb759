package main

import (
	"compress/gzip"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every command has a page, shells complete the commands, and the same program writes
// the same bytes.
func TestManual(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1764435600") // of November 2025
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		status, _, stderr := invoke(t, nil, "manual", dir)
		require.Equal(t, exitDone, status, stderr)
	}
	files := 0
	require.NoError(t, filepath.WalkDir(one, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		rel, err := filepath.Rel(one, path)
		require.NoError(t, err)
		a, err := os.ReadFile(path)
		require.NoError(t, err)
		b, err := os.ReadFile(filepath.Join(two, rel))
		require.NoError(t, err)
		assert.Equal(t, a, b, rel)
		return nil
	}))
	assert.Greater(t, files, 30)

	page := func(name string) string {
		f, err := os.Open(filepath.Join(one, "man", name+".1.gz"))
		require.NoError(t, err)
		defer f.Close()
		packed, err := gzip.NewReader(f)
		require.NoError(t, err)
		text, err := io.ReadAll(packed)
		require.NoError(t, err)
		return string(text)
	}
	top := page("scimbridge")
	assert.Contains(t, top, `"Nov 2025"`)
	assert.Contains(t, top, `\fB--database-url\fP`)
	assert.NotContains(t, top, "manual DIR")
	assert.Contains(t, page("scimbridge-token-create"), "scimbridge token create")

	bash := filepath.Join(one, "completions", "scimbridge.bash")
	out, err := exec.CommandContext(t.Context(), "bash", "-n", bash).CombinedOutput()
	require.NoError(t, err, string(out))
	status, said, _ := invoke(t, nil, "__complete", "tok")
	assert.Equal(t, exitDone, status)
	assert.True(t, strings.HasPrefix(said, "token\t"), said)

	status, _, stderr := invoke(t, nil, "manual")
	assert.Equal(t, exitUsage, status, stderr)
	status, _, stderr = invoke(t, nil, "manual", filepath.Join(bash, "x"))
	assert.Equal(t, exitFailed, status, stderr)
}
