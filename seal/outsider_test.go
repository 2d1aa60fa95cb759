package seal

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// What we write is verified by a program of others: a module of its own, which has
// nothing but golang.org/x/mod/sumdb.
func TestOutsider(t *testing.T) {
	program := filepath.Join(t.TempDir(), "outsider")
	build := exec.Command("go", "build", "-o", program, ".")
	build.Dir = filepath.Join("testdata", "outsider")
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -buildvcs=false", "GOWORK=off")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))

	b := newBook(t, 66_000)
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, text, 0o600))
		return path
	}
	tiles := filepath.Join(dir, "tiles")
	require.NoError(t, WriteTiles(tiles, lines(b.lines), b.signed(66_000)))
	const n = 300
	var tree Tree
	full := map[[2]int64][]tlog.Hash{}
	for _, line := range b.lines[:1000] {
		require.NoError(t, tree.Append(tlog.RecordHash(line), func(t Tile) error {
			full[[2]int64{int64(t.Level), t.N}] = slices.Clone(t.Hashes)
			return nil
		}))
	}
	path, err := tlog.ProveRecord(1000, n, tree.Hashes(func(level int, n int64) ([]tlog.Hash, error) {
		return full[[2]int64{int64(level), n}], nil
	}))
	require.NoError(t, err)
	proof := file("event.tlog-proof", Proof{Index: n, Path: path, Checkpoint: b.signed(1000)}.Append(nil))
	older, event := file("older", b.signed(500)), file("event", b.lines[n])
	run := func() (string, error) {
		out, err := exec.Command(program, b.vkey(), tiles, older, proof, event).CombinedOutput()
		return string(out), err
	}
	text, err := run()
	require.NoError(t, err, text)
	assert.Empty(t, text, "all holds")
	source, err := os.ReadFile(filepath.Join("testdata", "outsider", "main.go"))
	require.NoError(t, err)
	assert.LessOrEqual(t, len(regexp.MustCompile(`(?m)^\s*[^\s/].*$`).FindAll(source, -1)), 50, "lines of code")

	for what, change := range map[string]func() (reason string){
		"another event": func() string {
			event = file("other", b.lines[n+1])
			return "invalid transparency proof"
		},
		"another log": func() string {
			older = file("older", newBookOf(b, "rewritten").signed(500))
			return "invalid transparency proof"
		},
		"one bit": func() string {
			bundle := filepath.Join(tiles, "tile", "entries", "000")
			data, err := os.ReadFile(bundle)
			require.NoError(t, err)
			data[4*(len(b.lines[0])+2)+20] ^= 1
			require.NoError(t, os.WriteFile(bundle, data, 0o600))
			return "event 5 was changed"
		},
	} {
		keptOlder, keptEvent := older, event
		before, err := os.ReadFile(filepath.Join(tiles, "tile", "entries", "000"))
		require.NoError(t, err)
		olderText, err := os.ReadFile(older)
		require.NoError(t, err)
		reason := change()
		text, err := run()
		require.Error(t, err, what)
		assert.Contains(t, text, reason, what)
		older, event = keptOlder, keptEvent
		file("older", olderText)
		require.NoError(t, os.WriteFile(filepath.Join(tiles, "tile", "entries", "000"), before, 0o600))
	}
}

// newBookOf is another log under the same key.
func newBookOf(b *book, text string) *book {
	other := &book{t: b.t, key: b.key}
	for i := range b.lines {
		other.lines = append(other.lines, b.line(int64(i+1), `{"id":"`+text+`"}`))
	}
	return other
}
