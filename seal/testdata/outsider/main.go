// Command outsider verifies a log with nothing of scimbridge's: a folder of tiles,
// an older checkpoint of it, and a proof of one event.
//
//	outsider VKEY FOLDER OLDER_CHECKPOINT PROOF EVENT_LINE
package main

import (
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

// open verifies the signature of a checkpoint.
func open(signed []byte) (tree tlog.Tree) {
	text := must(note.Open(signed, note.VerifierList(must(note.NewVerifier(os.Args[1]))))).Text
	lines := strings.Split(text, "\n")
	must(fmt.Sscan(lines[1], &tree.N))
	tree.Hash = must(tlog.ParseHash(lines[2]))
	return tree
}

// folder reads the layout of c2sp.org/tlog-tiles: tlog's without the height.
type folder string

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) read(t tlog.Tile, kind string) []byte {
	path := strings.Replace(t.Path(), fmt.Sprintf("tile/8/%s", kind),
		"tile/"+strings.Replace(kind, "data", "entries", 1), 1)
	return must(os.ReadFile(filepath.Join(string(f), path)))
}
func (f folder) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, t := range tiles {
		data = append(data, f.read(t, fmt.Sprintf("%03d", t.L)[2:]))
	}
	return data, nil
}

func main() {
	dir, older := folder(os.Args[2]), open(must(os.ReadFile(os.Args[3])))
	tree := open(must(os.ReadFile(filepath.Join(string(dir), "checkpoint"))))
	hashes := tlog.TileHashReader(tree, dir) // verifies each tile against the checkpoint
	if err := tlog.CheckTree(must(tlog.ProveTree(tree.N, older.N, hashes)), tree.N, tree.Hash, older.N,
		older.Hash); err != nil {
		log.Fatal("the log does not continue the older checkpoint: ", err)
	}
	for n := int64(0); n < tree.N; n += 256 {
		width := min(256, tree.N-n)
		indexes := make([]int64, width)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, n+int64(i))
		}
		bundle := dir.read(tlog.Tile{H: 8, L: -1, N: n / 256, W: int(width)}, "data")
		for i, want := range must(hashes.ReadHashes(indexes)) {
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != want {
				log.Fatalf("event %d was changed", n+int64(i)+1)
			}
			bundle = bundle[end:]
		}
	}
	head, signed, _ := strings.Cut(string(must(os.ReadFile(os.Args[4]))), "\n\n")
	var index int64
	var path tlog.RecordProof
	lines := strings.Split(head, "\n")
	must(fmt.Sscanf(lines[1], "index %d", &index))
	for _, line := range lines[2:] {
		path = append(path, must(tlog.ParseHash(line)))
	}
	at := open([]byte(signed))
	if err := tlog.CheckRecord(path, at.N, at.Hash, index, tlog.RecordHash(must(os.ReadFile(os.Args[5])))); err != nil {
		log.Fatal("the proof does not hold: ", err)
	}
	fmt.Printf("%d events hold, %d continue to %d, event %d is proven\n", tree.N, older.N, tree.N, index+1)
}
