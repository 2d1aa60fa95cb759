package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// invoke runs the program in this process, with an environment of its own.
func invoke(t *testing.T, environ []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	status = run(t.Context(), args, environ, &out, &errs)
	return status, out.String(), errs.String()
}

// migrated is an embedded store that only migrate has touched.
func migrated(t *testing.T) (url string) {
	t.Helper()
	url = "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	status, _, stderr := invoke(t, nil, "migrate", "--database-url", url)
	require.Equal(t, exitDone, status, stderr)
	return url
}

// lastLine is the reason on standard error; before it, a command names its store.
func lastLine(stderr string) string {
	lines := strings.SplitAfter(strings.TrimSuffix(stderr, "\n"), "\n")
	return lines[len(lines)-1] + "\n"
}

func TestHelp(t *testing.T) {
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs}
	var help func(c *cobra.Command)
	help = func(c *cobra.Command) {
		t.Run(c.CommandPath(), func(t *testing.T) {
			args := append(strings.Fields(c.CommandPath())[1:], "--help")
			status, stdout, stderr := invoke(t, nil, args...)
			assert.Equal(t, exitDone, status)
			assert.Empty(t, stderr)
			golden(t, filepath.Join("testdata", "help", c.CommandPath()+".txt"), stdout)
		})
		for _, below := range c.Commands() {
			help(below)
		}
	}
	help(p.rootCommand())
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "go test ./cmd/scimbridge -run TestHelp -update writes it anew")
}

func TestHelpNeedsNoCommand(t *testing.T) {
	_, want, _ := invoke(t, nil, "--help")
	status, stdout, _ := invoke(t, nil)
	assert.Equal(t, exitDone, status)
	assert.Equal(t, want, stdout)

	_, want, _ = invoke(t, nil, "serve", "--help")
	status, stdout, _ = invoke(t, nil, "help", "serve")
	assert.Equal(t, exitDone, status)
	assert.Equal(t, want, stdout)
}

func TestExitStatus(t *testing.T) {
	url := "--database-url=sqlite:" + filepath.Join(t.TempDir(), "none", "x.db")
	for _, test := range []struct {
		args   []string
		status int
		reason string // the line on standard error; "…" at its end: begins so
	}{
		{[]string{"nope"}, exitUsage, `scimbridge: unknown command "nope" for "scimbridge"`},
		{[]string{"serv"}, exitUsage, `scimbridge: unknown command "serv" for "scimbridge"; did you mean serve?`},
		{[]string{"help", "nope"}, exitUsage, `scimbridge: unknown command "nope" for "scimbridge"`},
		{[]string{"help", "tokn"}, exitUsage,
			`scimbridge: unknown command "tokn" for "scimbridge"; did you mean token?`},
		{[]string{"tenant", "lst"}, exitUsage,
			`scimbridge: unknown command "lst" for "scimbridge tenant"; did you mean ` +
				`list?`},
		{[]string{"policy", "create"}, exitUsage,
			`scimbridge: unknown command "create" for "scimbridge policy"; did you ` +
				`mean put?`},
		{[]string{"token", "delete"}, exitUsage,
			`scimbridge: unknown command "delete" for "scimbridge token"; did you ` +
				`mean revoke?`},
		{[]string{"token", "list", "--tenat=x"}, exitUsage,
			`scimbridge: unknown flag: --tenat; did you mean --tenant?`},
		{[]string{"bootstrap", "--databaseurl=x"}, exitUsage,
			`scimbridge: unknown flag: --databaseurl; did you mean --database-url?`},
		{[]string{"serve", "-x"}, exitUsage, `scimbridge: unknown shorthand flag: 'x' in -x`},
		{[]string{"serve", "--nope"}, exitUsage, `scimbridge: unknown flag: --nope`},
		{[]string{"serve", "now"}, exitUsage, `scimbridge: serve takes no argument, but there is "now"`},
		{[]string{"serve", "--listen"}, exitUsage, `scimbridge: flag needs an argument: --listen`},
		{[]string{"bootstrap"}, exitUsage, `scimbridge: bootstrap needs --tenant NAME`},
		{[]string{"bootstrap", "--tenant=a", "--idp=x"}, exitUsage,
			`scimbridge: --idp must be one of okta, entra, generic, not "x"`},
		{[]string{"policy", "nope"}, exitUsage, `scimbridge: unknown command "nope" for "scimbridge policy"`},
		{[]string{"policy", "list"}, exitUsage,
			`scimbridge: --tenant ID is required; scimbridge tenant list shows them`},
		{[]string{"policy", "put", "--tenant=x"}, exitUsage, `scimbridge: policy put needs --id NAME and --file FILE`},
		{[]string{"policy", "delete", "--tenant=x"}, exitUsage, `scimbridge: policy delete needs --id NAME`},
		{[]string{"version", "--listen=:1"}, exitUsage, `scimbridge: version takes no settings, but there is --listen`},
		{[]string{"demo", "--database-url=x"}, exitUsage,
			`scimbridge: demo takes no settings, but there is --database-url`},
		{[]string{"healthcheck", "--listen=127.0.0.1:1"}, exitFailed,
			`scimbridge: Get "http://127.0.0.1:1/readyz": dial tcp…`},
		{[]string{"healthcheck", "--listen=127.0.0.1:0"}, exitFailed,
			`scimbridge: the listen address has no fixed port to ask at`},
		{[]string{"migrate", url}, exitFailed, `scimbridge: …`},
		{[]string{"serve", "--log-level=loud"}, exitFailed,
			`scimbridge: --log-level: must be one of debug, info, warn, error, not "loud"`},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			status, stdout, stderr := invoke(t, nil, test.args...)
			assert.Equal(t, test.status, status)
			assert.Empty(t, stdout)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), "one line: %s", stderr)
			if begin, cut := strings.CutSuffix(test.reason, "…"); cut {
				assert.True(t, strings.HasPrefix(stderr, begin), stderr)
			} else {
				assert.Equal(t, test.reason+"\n", stderr)
			}
		})
	}
}

func TestEveryProblemOfTheConfigurationIsALine(t *testing.T) {
	status, _, stderr := invoke(t,
		[]string{"SCIMBRIDGE_LOG_FORMAT=xml", "SCIMBRIDGE_DATABASE_URL=mysql://u:hunter2@h/d"},
		"--listen=here", "serve")
	assert.Equal(t, exitFailed, status)
	assert.Equal(t, `scimbridge: --listen: must be HOST:PORT, not "here"
scimbridge: SCIMBRIDGE_DATABASE_URL: must be sqlite:PATH or postgres://…
scimbridge: SCIMBRIDGE_LOG_FORMAT: must be one of json, console, not "xml"
`, stderr)
}

func TestUnknownVariablesAreToldButNoProblem(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	status, stdout, stderr := invoke(t, []string{"SCIMBRIDGE_LISTENS=x", "SCIMBRIDGE_DATABASE_URL=" + url}, "migrate")
	assert.Equal(t, exitDone, status)
	assert.Equal(t, "the sqlite store is up to date\n", stdout)
	assert.Equal(t, "scimbridge: warning: SCIMBRIDGE_LISTENS is set, but there is no such setting\nscimbridge: made "+
		"the store "+url+"\n", stderr)
}
