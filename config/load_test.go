package config_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
)

func TestStrongerSourceWins(t *testing.T) {
	file := write(t, "listen: 127.0.0.1:1\nlog_level: warn\nlog_format: console\nshutdown_timeout: 5s\nmax_body: "+
		"1024\nremoval_guard: 20:30\n")
	c, warnings, err := config.Load(config.Sources{
		Flags: map[string]string{"listen": "127.0.0.1:3"},
		Environ: []string{"SCIMBRIDGE_LISTEN=127.0.0.1:2", "SCIMBRIDGE_LOG_LEVEL=debug", "SCIMBRIDGE_LOG_FORMAT=",
			"PATH=/bin"},
		File: file,
	})
	require.NoError(t, err)
	assert.Empty(t, warnings)
	want := config.Default()    // database_url and others
	want.Listen = "127.0.0.1:3" // flag
	want.LogLevel = "debug"     // environment
	want.LogFormat = "console"  // file: an empty variable is not set
	want.ShutdownTimeout = 5 * time.Second
	want.MaxBody = 1024
	want.RemovalGuard = config.RemovalGuard{On: true, Members: 20, Percent: 30}
	assert.Equal(t, want, c)
	assert.NoError(t, c.Validate())
}

func TestEnvironmentNamesTheFile(t *testing.T) {
	file := write(t, "public_url: https://scim.example.test/base/\n")
	c, _, err := config.Load(config.Sources{Environ: []string{"SCIMBRIDGE_CONFIG=" + file}})
	require.NoError(t, err)
	assert.Equal(t, "https://scim.example.test/base", c.PublicURL)
}

func TestEmptyFile(t *testing.T) {
	c, _, err := config.Load(config.Sources{File: write(t, "# nothing\n")})
	require.NoError(t, err)
	assert.Equal(t, config.Default(), c)
}

func TestSecretFromFile(t *testing.T) {
	secret := write(t, "postgres://u:p@db/x\n")
	c, warnings, err := config.Load(config.Sources{Environ: []string{"SCIMBRIDGE_DATABASE_URL_FILE=" + secret}})
	require.NoError(t, err)
	assert.Empty(t, warnings)
	assert.Equal(t, "postgres://u:p@db/x", string(c.DatabaseURL))
}

func TestAllProblemsAtOnce(t *testing.T) {
	file := write(t, "listen: here\nmax_bodies: 5\nlog_level: [a]\nmax_body:\nshutdown_timeout: 1s\nshutdown_timeout: "+
		"2s\n")
	_, _, err := config.Load(config.Sources{
		Flags: map[string]string{"public-url": "ftp://x"},
		Environ: []string{
			"SCIMBRIDGE_LOG_FORMAT=xml",
			"SCIMBRIDGE_DATABASE_URL=postgres://u:p@db/x", "SCIMBRIDGE_DATABASE_URL_FILE=/run/secret",
		},
		File: file,
	})
	assert.Equal(t, config.Problems{
		file + ":2: max_bodies: there is no such setting",
		file + ":3: log_level: must have one value",
		file + ":4: max_body: must have one value",
		file + ":6: shutdown_timeout: is set twice",
		file + `:1: listen: must be HOST:PORT, not "here"`,
		"SCIMBRIDGE_DATABASE_URL: both it and SCIMBRIDGE_DATABASE_URL_FILE are set",
		"--public-url: must be http://HOST or https://HOST, with a path if need be",
		`SCIMBRIDGE_LOG_FORMAT: must be one of json, console, not "xml"`,
	}, err)
}

func TestFilesThatAreNoSettings(t *testing.T) {
	for name, content := range map[string]string{
		"list": "- listen\n", "text": "listen\n", "syntax": "listen: [\n",
		"two documents": "listen: a:1\n---\nlisten: a:2\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := config.Load(config.Sources{File: write(t, content)})
			var problems config.Problems
			require.ErrorAs(t, err, &problems)
			assert.Len(t, problems, 1)
		})
	}
	missing := filepath.Join(t.TempDir(), "none.yaml")
	_, _, err := config.Load(config.Sources{File: missing})
	assert.EqualError(t, err, missing+": no such file or directory")
}

func TestUnknownVariablesAreWarnings(t *testing.T) {
	_, warnings, err := config.Load(config.Sources{Environ: []string{
		"SCIMBRIDGE_LISTENS=x", "SCIMBRIDGE_LISTEN_FILE=x", "SCIMBRIDGE_TEST_DATABASE_URL=x", "OTHER=x",
	}})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"SCIMBRIDGE_LISTENS is set, but there is no such setting",
		"SCIMBRIDGE_LISTEN_FILE is set, but there is no such setting",
	}, warnings)
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
