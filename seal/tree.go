package seal

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is that of c2sp.org/tlog-tiles: a full tile has 256 hashes.
const (
	tileHeight = 8
	tileWidth  = 1 << tileHeight
)

// Tree is a Merkle tree that leaves are appended to. It holds only its right edge,
// at most 255 hashes a level, whatever its size: what is full is given away as a
// tile. A level is one of tiles: a hash at level 1 is that of a full tile of level 0.
type Tree struct {
	size int64
	edge [][]tlog.Hash // of each level the hashes behind its last full tile
}

// Tile is a full tile: 256 hashes, of which the first has the index N*256.
type Tile struct {
	Level  int
	N      int64
	Hashes []tlog.Hash
}

// LoadTree makes a tree of a size from the hashes behind the last full tile of each
// level, lowest first: size/256^level mod 256 of them.
func LoadTree(size int64, edge [][]tlog.Hash) (*Tree, error) {
	t := &Tree{size: size}
	for level, n := 0, size; n > 0; level, n = level+1, n/tileWidth {
		want := int(n % tileWidth)
		if level >= len(edge) || len(edge[level]) != want {
			return nil, fmt.Errorf("a tree of %d leaves has %d hashes at level %d behind its full tiles", size,
				want, level)
		}
		t.edge = append(t.edge, append(make([]tlog.Hash, 0, tileWidth), edge[level]...))
	}
	return t, nil
}

// Size is the number of leaves.
func (t *Tree) Size() int64 { return t.size }

// Append appends a leaf by its hash (tlog.RecordHash). What becomes full by it is
// given to full, lowest level first, before Append returns.
func (t *Tree) Append(leaf tlog.Hash, full func(Tile) error) error {
	t.size++
	index := t.size // of hashes at the level, the new one counted
	for level, h := 0, leaf; ; level++ {
		if level == len(t.edge) {
			t.edge = append(t.edge, make([]tlog.Hash, 0, tileWidth))
		}
		t.edge[level] = append(t.edge[level], h)
		if len(t.edge[level]) < tileWidth {
			return nil
		}
		index /= tileWidth
		if full != nil {
			if err := full(Tile{Level: level, N: index - 1, Hashes: t.edge[level]}); err != nil {
				return err
			}
		}
		h = fold(t.edge[level])
		t.edge[level] = t.edge[level][:0]
	}
}

// fold returns the root above the hashes of a full tile.
func fold(tile []tlog.Hash) tlog.Hash {
	var row [tileWidth]tlog.Hash
	n := copy(row[:], tile)
	for ; n > 1; n /= 2 {
		for i := range n / 2 {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
	}
	return row[0]
}

// Edge returns the hashes behind the last full tile of each level, lowest first.
// They are the tree's own: valid until the next leaf.
func (t *Tree) Edge() [][]tlog.Hash { return t.edge }

// Root is the root of the tree as it is now.
func (t *Tree) Root() (tlog.Hash, error) { return tlog.TreeHash(t.size, t.Hashes(nil)) }

// Hashes reads hashes of the tree, for tlog's proofs: from its edge, and from full
// tiles, which the function reads. A root needs none.
func (t *Tree) Hashes(full func(level int, n int64) ([]tlog.Hash, error)) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		type position struct {
			level int
			n     int64
		}
		read := map[position][]tlog.Hash{}
		for i, index := range indexes {
			of := tlog.TileForIndex(tileHeight, index)
			at := position{of.L, of.N}
			tile, ok := read[at]
			if !ok {
				var err error
				if tile, err = t.tile(of.L, of.N, full); err != nil {
					return nil, err
				}
				read[at] = tile
			}
			if len(tile) < of.W {
				return nil, fmt.Errorf("the tree has only %d leaves", t.size)
			}
			var err error
			if hashes[i], err = tlog.HashFromTile(of, packHashes(nil, tile[:of.W]), index); err != nil {
				return nil, err
			}
		}
		return hashes, nil
	})
}

// tile returns the hashes of a tile, which is full or at the edge.
func (t *Tree) tile(level int, n int64, full func(int, int64) ([]tlog.Hash, error)) ([]tlog.Hash, error) {
	count := t.size >> (tileHeight * level) // of hashes at the level
	switch {
	case n < count/tileWidth && full != nil:
		return full(level, n)
	case n == count/tileWidth && level < len(t.edge):
		return t.edge[level], nil
	}
	return nil, fmt.Errorf("tile %d of level %d cannot be read", n, level)
}

// packHashes appends hashes one after another, as tiles hold them.
func packHashes(b []byte, hashes []tlog.Hash) []byte {
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}

// unpackHashes is the reverse of packHashes.
func unpackHashes(b []byte) ([]tlog.Hash, error) {
	if len(b)%tlog.HashSize != 0 {
		return nil, fmt.Errorf("%d bytes are no list of hashes", len(b))
	}
	hashes := make([]tlog.Hash, len(b)/tlog.HashSize)
	for i := range hashes {
		hashes[i] = tlog.Hash(b[i*tlog.HashSize:])
	}
	return hashes, nil
}
