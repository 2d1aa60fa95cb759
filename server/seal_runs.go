package server

import (
	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/seal"
)

// runs collects the hashes that a step adds to a tree.
type runs struct {
	had   []int // hashes of each level behind its last full tile, before
	tiles []db.HashRun
	fresh map[int]bool // levels whose edge is of a new tile
}

func newRuns(t *seal.Tree) *runs {
	r := &runs{fresh: map[int]bool{}}
	for _, edge := range t.Edge() {
		r.had = append(r.had, len(edge))
	}
	return r
}

// full is called with each full tile.
func (r *runs) full(t seal.Tile) error {
	r.tiles = append(r.tiles, db.HashRun{Level: t.Level, First: t.N * 256, Hashes: packed(t.Hashes)})
	r.fresh[t.Level] = true
	return nil
}

// runs are the tiles that became full, and what is new behind the last of them.
func (r *runs) runs(t *seal.Tree) []db.HashRun {
	all := r.tiles
	for level, edge := range t.Edge() {
		had := 0
		if level < len(r.had) && !r.fresh[level] {
			had = r.had[level]
		}
		if len(edge) > had {
			begin := t.Size() >> (8 * level) / 256 * 256
			all = append(all, db.HashRun{Level: level, First: begin + int64(had), Hashes: packed(edge[had:])})
		}
	}
	return all
}

func packed(hashes []tlog.Hash) []byte {
	b := make([]byte, 0, len(hashes)*tlog.HashSize)
	for i := range hashes {
		b = append(b, hashes[i][:]...)
	}
	return b
}
