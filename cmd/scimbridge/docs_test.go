package main

import (
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
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
			assert.True(t, strings.Contains(tests.String(), "func "+m[1]+"("), "%s names %s, which does not exist",
				path, m[1])
		}
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			_, err := os.Stat(filepath.Join(filepath.Dir(path), m[1]))
			require.NoError(t, err, "%s has a dead link", path)
		}
	}
}

// The steps of the README work when they are pasted one after the other, in a
// folder with nothing but the program.
func TestStepsOfTheReadme(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## Use it\n")
	require.True(t, ok)
	section, _, ok = strings.Cut(section, "**For production**")
	require.True(t, ok)
	var steps []string
	shown := false // between fences: what is answered
	for line := range strings.Lines(section) {
		shown = shown != strings.HasPrefix(line, "```")
		if shown {
			continue
		}
		if step, indented := strings.CutPrefix(line, "    "); indented && !strings.HasPrefix(step, "go build ") {
			steps = append(steps, step)
		}
	}
	require.Greater(t, len(steps), 10)

	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	require.NoError(t, os.Symlink(binary(t), filepath.Join(dir, "bin", "scimbridge")))
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().String()
	require.NoError(t, free.Close())
	shell := exec.Command("sh", "-eu")
	shell.Dir = dir
	shell.Env = []string{"PATH=" + os.Getenv("PATH"), "SCIMBRIDGE_LISTEN=" + address}
	// The last line ends the server that the steps leave running.
	shell.Stdin = strings.NewReader("trap 'kill $server' EXIT\n" +
		strings.Replace(strings.Join(steps, ""), "serve.log &", "serve.log & server=$!; true", 1))
	out, err := shell.CombinedOutput()
	log, _ := os.ReadFile(filepath.Join(dir, "serve.log"))
	require.NoError(t, err, "%s\n%s", out, log)
	last := string(out)[strings.LastIndex(string(out), `{"data":[`):]
	for _, want := range []string{`"email":"ann@acme.test"`, `"membership_source":"scim"`, `"email":"bob@acme.test"`,
		`"membership_source":"local"`} {
		require.Contains(t, last, want)
	}
	info, err := os.Stat(filepath.Join(dir, "acme.sh"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), "it has tokens")
}

// The image is made of named folders: one that is missing breaks its build.
func TestTheImageHasEveryPackage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Dockerfile"))
	require.NoError(t, err)
	list := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".")
	out, err := list.Output()
	require.NoError(t, err)
	for path := range strings.FieldsSeq(string(out)) {
		if own, ok := strings.CutPrefix(path, "github.com/scimbridge/scimbridge/"); ok {
			folder, _, _ := strings.Cut(own, "/")
			require.Contains(t, string(text), "COPY "+folder+" "+folder+"\n")
		}
	}
}
