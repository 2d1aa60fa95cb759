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

// Folder is a log in a folder of tiles.
type Folder struct {
	Dir  string
	Size int64 // what its checkpoint says
}

// Log is the folder as a log to verify.
func (f Folder) Log() Log { return Log{Leaves: f.leaves(), Size: f.Size, Tile: f.tile} }

// leaves reads the events. Where a bundle of them is gone, the error is a Finding.
func (f Folder) leaves() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for first := int64(0); first < f.Size; first += tileWidth {
			width := int(min(tileWidth, f.Size-first))
			bundle, err := f.read(entries, first/tileWidth, width)
			if errors.Is(err, fs.ErrNotExist) {
				err = &Finding{Kind: Missing, Number: first + 1, Through: first + int64(width)}
			}
			for i := 0; err == nil && i < width; i++ {
				var line []byte
				if line, bundle, err = nextEntry(bundle); err != nil {
					err = &Finding{Kind: Missing, Number: first + int64(i) + 1, Through: first + int64(width)}
				} else if !yield(line, nil) {
					return
				}
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

func nextEntry(bundle []byte) (line, rest []byte, err error) {
	if len(bundle) < 2 {
		return nil, nil, errors.New("the entries end early")
	}
	n := int(binary.BigEndian.Uint16(bundle))
	if bundle = bundle[2:]; len(bundle) < n {
		return nil, nil, errors.New("the entries end early")
	}
	return bundle[:n], bundle[n:], nil
}

func (f Folder) tile(level int, n int64, width int) ([]tlog.Hash, error) {
	data, err := f.read(strconv.Itoa(level), n, width)
	if err != nil {
		return nil, err
	}
	if len(data) < width*tlog.HashSize {
		return nil, fmt.Errorf("tile %d of level %d ends early", n, level)
	}
	return unpackHashes(data[:width*tlog.HashSize])
}

// read reads a tile, or a wider one that took its place.
func (f Folder) read(level string, n int64, width int) ([]byte, error) {
	data, err := os.ReadFile(filepath.Join(f.Dir, tilePath(level, n, width)))
	if errors.Is(err, fs.ErrNotExist) && width < tileWidth {
		return os.ReadFile(filepath.Join(f.Dir, tilePath(level, n, tileWidth)))
	}
	return data, err
}
