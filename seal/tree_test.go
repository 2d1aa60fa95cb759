package seal

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"
)

// The hashes of tlog, kept one by one, are the authority.
func TestTree(t *testing.T) {
	var stored []tlog.Hash
	reference := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	type position struct {
		level int
		n     int64
	}
	tiles := map[position][]tlog.Hash{}
	tree, err := LoadTree(0, nil)
	require.NoError(t, err)
	const size = 256*256 + 700
	sizes := []int64{0, 1, 2, 3, 255, 256, 257, 511, 512, 700, 65535, 65536, 65537, 66000, size}
	for n, next := int64(0), 0; n <= size; n++ {
		if next < len(sizes) && n == sizes[next] {
			next++
			want, err := tlog.TreeHash(n, reference)
			require.NoError(t, err)
			got, err := tree.Root()
			require.NoError(t, err)
			require.Equal(t, want, got, "size %d", n)
			again, err := LoadTree(n, tree.Edge())
			require.NoError(t, err)
			got, err = again.Root()
			require.NoError(t, err)
			require.Equal(t, want, got, "size %d, loaded", n)
			tree = again
		}
		record := fmt.Appendf(nil, "event %d", n)
		hashes, err := tlog.StoredHashes(n, record, reference)
		require.NoError(t, err)
		stored = append(stored, hashes...)
		require.NoError(t, tree.Append(tlog.RecordHash(record), func(full Tile) error {
			tiles[position{full.Level, full.N}] = append([]tlog.Hash(nil), full.Hashes...)
			return nil
		}))
	}

	reader := tree.Hashes(func(level int, n int64) ([]tlog.Hash, error) {
		tile, ok := tiles[position{level, n}]
		require.True(t, ok, "level %d, tile %d", level, n)
		return tile, nil
	})
	for _, of := range sizes[1:] {
		for _, n := range []int64{0, of / 3, of - 1} {
			want, err := tlog.ProveRecord(of, n, reference)
			require.NoError(t, err)
			got, err := tlog.ProveRecord(of, n, reader)
			require.NoError(t, err)
			assert.Equal(t, want, got, "event %d of %d", n, of)
			wantTree, err := tlog.ProveTree(of, n+1, reference)
			require.NoError(t, err)
			gotTree, err := tlog.ProveTree(of, n+1, reader)
			require.NoError(t, err)
			assert.Equal(t, wantTree, gotTree, "from %d to %d", n+1, of)
		}
	}

	_, err = LoadTree(300, [][]tlog.Hash{make([]tlog.Hash, 43), {}})
	require.Error(t, err)
	_, err = LoadTree(300, [][]tlog.Hash{make([]tlog.Hash, 44), make([]tlog.Hash, 1)})
	require.NoError(t, err)
	_, err = LoadTree(300, [][]tlog.Hash{make([]tlog.Hash, 44)})
	require.Error(t, err)
}

func BenchmarkTree(b *testing.B) {
	var tree Tree
	leaf := make([]byte, 400)
	b.ReportAllocs()
	for b.Loop() {
		if err := tree.Append(tlog.RecordHash(leaf), nil); err != nil {
			b.Fatal(err)
		}
	}
}
