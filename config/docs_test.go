package config_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
)

// The page has one row for each setting with its flag, variable, key and
// default, and none for anything else.
func TestDocumentationNamesEverySetting(t *testing.T) {
	page, err := os.ReadFile("../docs/configuration.md")
	require.NoError(t, err)
	var want []string
	for _, s := range config.Settings() {
		def := "`" + s.Default + "`"
		if s.Default == "" {
			def = "(empty)"
		}
		want = append(want, "| `"+s.Variable()+"` | `--"+s.Flag()+"` | `"+s.Key+"` | "+def+" | "+s.Usage+" |")
	}
	var rows []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `"+config.Prefix) {
			rows = append(rows, strings.TrimSpace(line))
		}
	}
	assert.Equal(t, want, rows)
}
