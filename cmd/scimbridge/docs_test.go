package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The documents name the tests that hold a rule. A test that was renamed or
// dropped must not be named any more, and links must lead somewhere.
func TestDocumentsNameWhatExists(t *testing.T) {
	const top = "../.."
	var tests strings.Builder
	documents := map[string]string{}
	require.NoError(t, filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return err
		}
		if !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".md") {
			return nil
		}
		text, err := os.ReadFile(path)
		if strings.HasSuffix(path, ".md") {
			documents[path] = string(text)
		} else {
			tests.Write(text)
		}
		return err
	}))
	require.Greater(t, len(documents), 10)
	test := regexp.MustCompile("`((?:Test|Fuzz)[A-Z0-9]\\w*)`")
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for path, text := range documents {
		for _, m := range test.FindAllStringSubmatch(text, -1) {
			require.Contains(t, tests.String(), "func "+m[1]+"(", "%s names a test that does not exist", path)
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(path), m[1]))
			require.NoError(t, err, "%s has a dead link", path)
		}
	}
}
