// Command outsider verifies a log with nothing of scimbridge's, in fifty lines: a folder
// of tiles, that it continues an older checkpoint, and a proof of one event. It says
// nothing where all holds.
//
//	outsider VKEY FOLDER OLDER_CHECKPOINT PROOF EVENT_LINE
package main

import (
	"log"
	"os"
	"strconv"
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

// open verifies a checkpoint: beside its first line, the log's name, it is that of Go's log.
func open(signed []byte) tlog.Tree {
	text := must(note.Open(signed, note.VerifierList(must(note.NewVerifier(os.Args[1]))))).Text
	return must(tlog.ParseTree([]byte("go.sum database tree" + text[strings.Index(text, "\n"):])))
}

// folder is laid out as c2sp.org/tlog-tiles says: as Go's log without the height in the paths.
type folder string

func (f folder) Height() int                     { return 8 }
func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}
func (f folder) ReadTiles(tiles []tlog.Tile) (data [][]byte, err error) {
	for _, t := range tiles {
		data = append(data, must(os.ReadFile(string(f)+"/tile/"+strings.Replace(t.Path()[7:], "data", "entries", 1))))
	}
	return data, nil
}

func main() {
	tree, older := open(must(os.ReadFile(os.Args[2]+"/checkpoint"))), open(must(os.ReadFile(os.Args[3])))
	hashes := tlog.TileHashReader(tree, folder(os.Args[2])) // holds each tile against the checkpoint
	must(0, tlog.CheckTree(must(tlog.ProveTree(tree.N, older.N, hashes)), tree.N, tree.Hash, older.N, older.Hash))
	for _, t := range tlog.NewTiles(8, 0, tree.N)[:(tree.N+255)/256] { // those of the events
		want, data := must(tlog.ReadTileData(t, hashes)), tlog.Tile{H: 8, L: -1, N: t.N, W: t.W}
		for i, text := 0, must(folder(os.Args[2]).ReadTiles([]tlog.Tile{data}))[0]; i < t.W; i++ {
			end := 2 + int(text[0])<<8 + int(text[1])
			if got := tlog.RecordHash(text[2:end]); string(got[:]) != string(want[32*i:32*i+32]) {
				log.Fatalf("event %d was changed", 256*t.N+int64(i)+1)
			}
			text = text[end:]
		}
	}
	head, signed, _ := strings.Cut(string(must(os.ReadFile(os.Args[4]))), "\n\n")
	fields, at, event := strings.Fields(head), open([]byte(signed)), must(os.ReadFile(os.Args[5]))
	var path tlog.RecordProof
	for _, hash := range fields[3:] { // behind the version, "index" and the index
		path = append(path, must(tlog.ParseHash(hash)))
	}
	must(0, tlog.CheckRecord(path, at.N, at.Hash, must(strconv.ParseInt(fields[2], 10, 64)), tlog.RecordHash(event)))
}
