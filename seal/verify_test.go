package seal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// book is a log in memory.
type book struct {
	t     *testing.T
	key   Key
	lines [][]byte
}

func newBook(t *testing.T, n int) *book {
	key, err := NewKey()
	require.NoError(t, err)
	b := &book{t: t, key: key}
	for i := range n {
		b.lines = append(b.lines, b.line(int64(i+1), fmt.Sprintf(`{"id":"%d","action":"user.created"}`, i)))
	}
	return b
}

func (b *book) line(number int64, body string) []byte {
	line, err := Leaf{Number: number, Tenant: tenant, Body: []byte(body)}.Append(nil)
	require.NoError(b.t, err)
	return line
}

// at is the checkpoint of a size.
func (b *book) at(size int) Checkpoint {
	var tree Tree
	for _, line := range b.lines[:size] {
		require.NoError(b.t, tree.Append(tlog.RecordHash(line), nil))
	}
	root, err := tree.Root()
	require.NoError(b.t, err)
	return Checkpoint{Origin: origin, Size: int64(size), Root: root}
}

func (b *book) signed(size int) []byte {
	text, err := b.at(size).Sign(b.key.Signer(origin))
	require.NoError(b.t, err)
	return text
}

func (b *book) vkey() string {
	vkey, err := b.key.VerifierKey(origin)
	require.NoError(b.t, err)
	return vkey
}

func lines(of [][]byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, line := range of {
			if !yield(line, nil) {
				return
			}
		}
	}
}

// renumbered is the log with an event's number changed in its line.
func renumbered(line []byte, number int64) []byte {
	l, err := ParseLeaf(line)
	if err != nil {
		return line
	}
	l.Number = number
	line, err = l.Append(nil)
	if err != nil {
		panic(err)
	}
	return line
}

// hashes are what is stored of a log: tiles of all levels.
func hashes(of [][]byte) func(int, int64, int) ([]tlog.Hash, error) {
	type position struct {
		level int
		n     int64
	}
	tiles := map[position][]tlog.Hash{}
	var tree Tree
	for _, line := range of {
		_ = tree.Append(tlog.RecordHash(line), func(t Tile) error {
			tiles[position{t.Level, t.N}] = slices.Clone(t.Hashes)
			return nil
		})
	}
	return func(level int, n int64, width int) ([]tlog.Hash, error) {
		tile, ok := tiles[position{level, n}]
		if !ok {
			tile = slices.Clone(tree.Edge()[level])
		}
		if len(tile) < width {
			return nil, os.ErrNotExist
		}
		return tile[:width], nil
	}
}

func TestVerifyNamesWhatWasDone(t *testing.T) {
	const size = 700
	cases := map[string]struct {
		tamper func(b *book, l [][]byte) [][]byte
		want   Finding
		// numbered is what is found without stored hashes; zero: the same
		numbered Finding
	}{
		"changed": {
			func(_ *book, l [][]byte) [][]byte {
				l[299] = bytes.Replace(l[299], []byte("user.created"), []byte("user.deleted"), 1)
				return l
			},
			Finding{Kind: Changed, Number: 300}, Finding{Kind: Changed, Number: 201, Through: 500, Checkpoint: 500},
		},
		"no event any more": {
			func(_ *book, l [][]byte) [][]byte { l[9] = []byte("{}"); return l },
			Finding{Kind: Changed, Number: 10}, Finding{},
		},
		"of another tenant": {
			func(_ *book, l [][]byte) [][]byte {
				l[9] = bytes.Replace(l[9], []byte(tenant), []byte(strings.Replace(tenant, "0", "1", 1)), 1)
				return l
			},
			Finding{Kind: Changed, Number: 10}, Finding{},
		},
		"its number changed": {
			func(_ *book, l [][]byte) [][]byte { l[699] = renumbered(l[699], 800); return l },
			Finding{Kind: Changed, Number: 700}, Finding{Kind: Missing, Number: 700, Through: 799},
		},
		"missing": {
			func(_ *book, l [][]byte) [][]byte { return slices.Delete(l, 299, 301) },
			Finding{Kind: Missing, Number: 300, Through: 301}, Finding{},
		},
		"missing, the others renumbered": {
			func(_ *book, l [][]byte) [][]byte {
				l = slices.Delete(l, 299, 300)
				for i := range l {
					l[i] = renumbered(l[i], int64(i+1))
				}
				return l
			},
			Finding{Kind: Missing, Number: 300, Through: 300},
			Finding{Kind: TailCut, Number: 700, Through: 700, Checkpoint: 700},
		},
		"inserted": {
			func(b *book, l [][]byte) [][]byte {
				return slices.Insert(l, 299, b.line(300, `{"id":"new","action":"user.created"}`))
			},
			Finding{Kind: Inserted, Number: 300, Through: 300}, Finding{Kind: Inserted, Number: 301, Through: 301},
		},
		"inserted, the others renumbered": {
			func(b *book, l [][]byte) [][]byte {
				l = slices.Insert(l, 299, b.line(300, `{"id":"new","action":"user.created"}`))
				for i := range l {
					l[i] = renumbered(l[i], int64(i+1))
				}
				return l
			},
			Finding{Kind: Inserted, Number: 300, Through: 300},
			Finding{Kind: Changed, Number: 201, Through: 500, Checkpoint: 500},
		},
		"swapped": {
			func(_ *book, l [][]byte) [][]byte { l[250], l[299] = l[299], l[250]; return l },
			Finding{Kind: Reordered, Number: 251, Through: 300}, Finding{},
		},
		"swapped, and their numbers": {
			func(_ *book, l [][]byte) [][]byte {
				l[250], l[299] = renumbered(l[299], 251), renumbered(l[250], 300)
				return l
			},
			Finding{Kind: Reordered, Number: 251, Through: 300},
			Finding{Kind: Changed, Number: 201, Through: 500, Checkpoint: 500},
		},
		"tail cut": {
			func(_ *book, l [][]byte) [][]byte { return l[:690] },
			Finding{Kind: TailCut, Number: 691, Through: 700, Checkpoint: 700}, Finding{},
		},
		"all gone": {
			func(*book, [][]byte) [][]byte { return nil },
			Finding{Kind: TailCut, Number: 1, Through: 700, Checkpoint: 700}, Finding{},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			b := newBook(t, size)
			known := []Known{{Checkpoint: b.at(size)}, {Checkpoint: b.at(200)}, {Checkpoint: b.at(500)}}
			stored := hashes(b.lines)
			tampered := c.tamper(b, slices.Clone(b.lines))
			v := Verifier{Tenant: tenant, Checkpoints: known}

			_, err := v.Verify(Log{Leaves: lines(tampered), Size: size, Tile: stored})
			assert.Equal(t, &c.want, err)
			want := c.numbered
			if want == (Finding{}) {
				want = c.want
			}
			_, err = v.Verify(Log{Leaves: lines(tampered)})
			assert.Equal(t, &want, err)

			// With hashes that were recomputed, only the checkpoints are left to tell.
			_, err = v.Verify(Log{Leaves: lines(tampered), Size: int64(len(tampered)), Tile: hashes(tampered)})
			require.Error(t, err)
			require.IsType(t, &Finding{}, err)
			t.Log(err)
		})
	}
}

func TestVerifyAgainstCheckpoints(t *testing.T) {
	b := newBook(t, 700)
	whole := Log{Leaves: lines(b.lines), Size: 600, Tile: hashes(b.lines[:600])}
	calls := 0
	done, err := Verifier{
		Checkpoints: []Known{{Checkpoint: b.at(600)}, {Checkpoint: b.at(0), Given: true},
			{Checkpoint: b.at(3), Given: true}},
		Each: func(Leaf) error { calls++; return nil },
	}.Verify(whole)
	require.NoError(t, err)
	assert.Equal(t, Verified{Tenant: tenant, Events: 700, Sealed: 600}, done)
	assert.Equal(t, 700, calls)

	// Everything was rewritten, with new hashes and, by who has the key, a new
	// checkpoint: only one that was kept outside knows.
	other := newBook(t, 0)
	for i := range 700 {
		other.lines = append(other.lines, other.line(int64(i+1), fmt.Sprintf(`{"id":"other %d"}`, i)))
	}
	rewritten := Log{Leaves: lines(other.lines), Size: 700, Tile: hashes(other.lines)}
	_, err = Verifier{Checkpoints: []Known{{Checkpoint: other.at(700)}}}.Verify(rewritten)
	require.NoError(t, err)
	_, err = Verifier{Checkpoints: []Known{{Checkpoint: other.at(700)},
		{Checkpoint: b.at(300), Given: true}}}.Verify(rewritten)
	assert.Equal(t, &Finding{Kind: Inconsistent, Number: 1, Through: 300, Checkpoint: 300}, err)
	// Without the key, the checkpoint that is there tells.
	_, err = Verifier{Checkpoints: []Known{{Checkpoint: b.at(700)}}}.Verify(rewritten)
	assert.Equal(t, &Finding{Kind: Rewritten, Number: 1, Through: 700, Checkpoint: 700}, err)

	// A restored log is shorter than what was kept.
	_, err = Verifier{Checkpoints: []Known{{Checkpoint: b.at(600)}, {Checkpoint: b.at(700), Given: true}}}.Verify(
		Log{Leaves: lines(b.lines[:650]), Size: 650, Tile: hashes(b.lines[:650])})
	assert.Equal(t, &Finding{Kind: TailCut, Number: 651, Through: 700, Checkpoint: 700}, err)

	// Events are whole, what is stored of them is not: at the bottom, and above.
	for level, number := range map[int]int64{0: 6, 1: 257} {
		good := hashes(b.lines)
		_, err = Verifier{Checkpoints: []Known{{Checkpoint: b.at(700)}}}.Verify(Log{Leaves: lines(b.lines), Size: 700,
			Tile: func(l int, n int64, width int) ([]tlog.Hash, error) {
				tile, err := good(l, n, width)
				if l == level && n == 0 {
					tile = slices.Clone(tile)
					if level == 0 {
						tile[5][0] ^= 1
					} else {
						tile[1][0] ^= 1
					}
				}
				return tile, err
			}})
		assert.Equal(t, &Finding{Kind: HashChanged, Number: number}, err)
	}

	_, err = Verifier{Checkpoints: []Known{{Checkpoint: b.at(3)},
		{Checkpoint: Checkpoint{Origin: "x", Size: 1}}}}.Verify(whole)
	require.ErrorContains(t, err, "two logs")
}

func TestTiles(t *testing.T) {
	b := newBook(t, 70_000)
	dir := filepath.Join(t.TempDir(), "log")
	require.NoError(t, WriteTiles(dir, lines(b.lines), b.signed(600)))
	require.NoError(t, WriteTiles(dir, lines(b.lines), b.signed(69_999)), "continued")
	vkey, err := KeysOf([]string{b.vkey()})
	require.NoError(t, err)
	kept := filepath.Join(t.TempDir(), "kept")
	require.NoError(t, os.WriteFile(kept, b.signed(600), 0o600))
	seen := int64(0)
	verify := func() error {
		_, err := Files{Names: []string{dir}, Keys: vkey, Since: kept, Progress: func(n int64) { seen = n }}.Verify()
		return err
	}
	require.NoError(t, verify())
	assert.Equal(t, int64(65536), seen)

	require.ErrorContains(t, WriteTiles(dir, lines(b.lines), b.signed(600)), "already")
	other := newBook(t, 700)
	other.lines[3] = b.line(4, `{"id":"changed"}`)
	for i := 700; i < 70_000; i++ {
		other.lines = append(other.lines, b.lines[i])
	}
	require.ErrorContains(t, WriteTiles(dir, lines(other.lines), other.signed(70_000)),
		"not those of the checkpoint in")
	require.ErrorContains(t, WriteTiles(t.TempDir(), lines(b.lines[:3]), b.signed(4)), "not those of the checkpoint")

	// The layout is that of the text: 70,000 events have 273 full tiles and one of 111.
	for _, path := range []string{
		"tile/0/272", "tile/0/273.p/111", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1", "tile/entries/273.p/111",
	} {
		assert.FileExists(t, filepath.Join(dir, path))
	}
	assert.Equal(t, filepath.FromSlash("tile/0/x001/x234/067.p/5"), tilePath("0", 1234067, 5))

	entry := filepath.Join(dir, "tile", "entries", "001")
	bundle, err := os.ReadFile(entry)
	require.NoError(t, err)
	second := 2 + int(binary.BigEndian.Uint16(bundle))
	for want, change := range map[string]func(){
		"event 258 was changed": func() {
			changed := slices.Clone(bundle)
			changed[second+2+60]++
			require.NoError(t, os.WriteFile(entry, changed, 0o600))
		},
		"events 258 to 512 are missing": func() { require.NoError(t, os.WriteFile(entry, bundle[:second], 0o600)) },
		"events 257 to 512 are missing": func() { require.NoError(t, os.Remove(entry)) },
	} {
		change()
		require.ErrorContains(t, verify(), want)
		require.NoError(t, os.WriteFile(entry, bundle, 0o600))
	}
	require.NoError(t, verify())
	require.NoError(t, os.WriteFile(filepath.Join(dir, "checkpoint"), other.signed(500), 0o600))
	require.ErrorIs(t, verify(), ErrUnsigned)
}

func TestProof(t *testing.T) {
	b := newBook(t, 700)
	var tree Tree
	tiles := map[int64][]tlog.Hash{}
	for _, line := range b.lines {
		require.NoError(t, tree.Append(tlog.RecordHash(line), func(t Tile) error {
			tiles[t.N] = slices.Clone(t.Hashes)
			return nil
		}))
	}
	keys, err := Verifiers(b.vkey())
	require.NoError(t, err)
	reader := tree.Hashes(func(_ int, n int64) ([]tlog.Hash, error) { return tiles[n], nil })
	for _, n := range []int64{0, 255, 256, 600, 699} {
		path, err := tlog.ProveRecord(700, n, reader)
		require.NoError(t, err)
		text := Proof{Index: n, Path: path, Checkpoint: b.signed(700)}.Append(nil)
		p, err := ParseProof(text)
		require.NoError(t, err)
		c, err := p.Verify(b.lines[n], keys)
		require.NoError(t, err)
		assert.Equal(t, b.at(700), c)
		_, err = p.Verify(b.lines[(n+1)%700], keys)
		require.Error(t, err)
		assert.Equal(t, text, p.Append(nil))
	}
}

func FuzzParseProof(f *testing.F) {
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra eA==\nindex 7\n\nlog\n8\n"))
	f.Add(Proof{Index: 3, Path: make(tlog.RecordProof, 2), Checkpoint: []byte("x")}.Append(nil))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProof(text)
		if err != nil {
			return
		}
		again, err := ParseProof(p.Append(nil))
		if err != nil || again.Index != p.Index || len(again.Path) != len(p.Path) {
			t.Errorf("%q", text)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add(Checkpoint{Origin: origin, Size: 3}.Text())
	f.Add("x\n03\n" + tlog.Hash{}.String() + "\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err == nil && !strings.HasPrefix(text, c.Text()) {
			t.Errorf("%q is read as %q", text, c.Text())
		}
	})
}
