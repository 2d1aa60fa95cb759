package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// WriteTiles writes a log into a folder, in the layout of c2sp.org/tlog-tiles: the
// lines of its events, from the first to the last of the checkpoint, their hashes,
// and the signed checkpoint itself, which is written last. In a folder that has a
// checkpoint already, the log is only continued: an error says where what is there
// is another log.
func WriteTiles(dir string, leaves iter.Seq2[[]byte, error], checkpoint []byte) error {
	c, err := UnverifiedCheckpoint(checkpoint)
	if err != nil {
		return err
	}
	before, err := checkpointOf(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("%s: %w", filepath.Join(dir, checkpointName), err)
	case before.Origin != c.Origin:
		return fmt.Errorf("%s holds the log %s, not %s", dir, before.Origin, c.Origin)
	case before.Size > c.Size:
		return fmt.Errorf("%s holds a log of %d events already, more than %d", dir, before.Size, c.Size)
	}
	w := tilesWriter{dir: dir, before: before}
	for line, err := range leaves {
		if err != nil {
			return err
		}
		if w.tree.Size() == c.Size {
			break
		}
		if err := w.append(line); err != nil {
			return err
		}
	}
	if root, err := w.tree.Root(); err != nil || w.tree.Size() != c.Size || root != c.Root {
		return fmt.Errorf("the events are not those of the checkpoint of size %d", c.Size)
	}
	if err := w.edge(); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, checkpointName), checkpoint)
}

// checkpointOf reads the checkpoint of a folder, not its signatures.
func checkpointOf(dir string) (Checkpoint, error) {
	text, err := os.ReadFile(filepath.Join(dir, checkpointName))
	if err != nil {
		return Checkpoint{}, err
	}
	return UnverifiedCheckpoint(text)
}

type tilesWriter struct {
	dir    string
	before Checkpoint
	tree   Tree
	bundle []byte // the entries of the last tile
}

func (w *tilesWriter) append(line []byte) error {
	if len(line) > MaxLeaf {
		return fmt.Errorf("event %d is longer than %d bytes", w.tree.Size()+1, MaxLeaf)
	}
	w.bundle = binary.BigEndian.AppendUint16(w.bundle, uint16(len(line))) //nolint:gosec // its length was checked
	w.bundle = append(w.bundle, line...)
	if err := w.tree.Append(tlog.RecordHash(line), w.full); err != nil {
		return err
	}
	if w.tree.Size() == w.before.Size {
		if root, err := w.tree.Root(); err != nil || root != w.before.Root {
			return fmt.Errorf("the first %d events are not those of the checkpoint in %s", w.before.Size, w.dir)
		}
	}
	return nil
}

func (w *tilesWriter) full(t Tile) error {
	bundle := w.bundle
	if t.Level == 0 {
		w.bundle = w.bundle[:0]
	}
	switch {
	case w.tree.Size() <= w.before.Size:
		return nil // it is there, and not overwritten before the logs were compared
	case t.Level == 0:
		if err := w.write(entries, t.N, tileWidth, bundle); err != nil {
			return err
		}
	}
	return w.write(strconv.Itoa(t.Level), t.N, tileWidth, packHashes(nil, t.Hashes))
}

// edge writes the partial tiles.
func (w *tilesWriter) edge() error {
	for level, hashes := range w.tree.Edge() {
		n := w.tree.Size() >> (tileHeight * (level + 1))
		if len(hashes) == 0 {
			continue
		}
		if level == 0 {
			if err := w.write(entries, n, len(hashes), w.bundle); err != nil {
				return err
			}
		}
		if err := w.write(strconv.Itoa(level), n, len(hashes), packHashes(nil, hashes)); err != nil {
			return err
		}
	}
	return nil
}

func (w *tilesWriter) write(level string, n int64, width int, data []byte) error {
	path := filepath.Join(w.dir, tilePath(level, n, width))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return writeFile(path, data)
}

// writeFile writes a file whole or not at all: what reads the folder meanwhile sees
// no half.
func writeFile(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
