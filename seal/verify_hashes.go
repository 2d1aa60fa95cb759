package seal

import (
	"errors"
	"io/fs"

	"golang.org/x/mod/sumdb/tlog"
)

// storedHashes reads the hashes that are stored beside events, a tile at a time,
// and holds those of higher levels against those below.
type storedHashes struct {
	log  Log
	n    int64 // the tile that was read
	tile []tlog.Hash
	tree Tree          // of what was read in order
	next *storedHashes // reads the tile behind, while it is asked what comes next
	bad  int64         // the first event of a tile that is not what is below it; 0: none
}

// at returns the stored hash of the event with a number, if there is one.
func (s *storedHashes) at(number int64) (h tlog.Hash, known bool, err error) {
	if s.log.Tile == nil || number > s.log.Size {
		return h, false, nil
	}
	index := number - 1
	if err := s.load(index / tileWidth); err != nil || s.tile == nil {
		return h, false, err
	}
	h = s.tile[index%tileWidth]
	if index == s.tree.Size() {
		err = s.tree.Append(h, s.above)
	}
	return h, true, err
}

// ahead returns a stored hash of an event that was not read yet.
func (s *storedHashes) ahead(number int64) (h tlog.Hash, known bool, err error) {
	if s.log.Tile == nil || number > s.log.Size {
		return h, false, nil
	}
	index := number - 1
	if s.tile != nil && s.n == index/tileWidth {
		return s.tile[index%tileWidth], true, nil
	}
	if s.next == nil {
		s.next = &storedHashes{log: s.log}
	}
	if err := s.next.load(index / tileWidth); err != nil || s.next.tile == nil {
		return h, false, err
	}
	return s.next.tile[index%tileWidth], true, nil
}

// load reads a tile of level 0. One that is gone is remembered as bad.
func (s *storedHashes) load(n int64) (err error) {
	if s.tile != nil && s.n == n {
		return nil
	}
	s.n = n
	s.tile, err = s.log.Tile(0, n, int(min(tileWidth, s.log.Size-n*tileWidth)))
	if errors.Is(err, fs.ErrNotExist) {
		s.spoiled(n*tileWidth + 1)
		s.tile, err = nil, nil
	}
	return err
}

func (s *storedHashes) spoiled(number int64) {
	if s.bad == 0 || number < s.bad {
		s.bad = number
	}
}

// above holds a full tile of a higher level against what is below it.
func (s *storedHashes) above(t Tile) error {
	if t.Level == 0 {
		return nil
	}
	return s.compare(t.Level, t.N, t.Hashes)
}

func (s *storedHashes) compare(level int, n int64, want []tlog.Hash) error {
	stored, err := s.log.Tile(level, n, len(want))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for i := range want {
		if err != nil || stored[i] != want[i] {
			s.spoiled((n*tileWidth+int64(i))<<(tileHeight*level) + 1)
			break
		}
	}
	return nil
}

// end holds the partial tiles of higher levels against what is below them.
func (s *storedHashes) end() error {
	if s.log.Tile == nil || s.tree.Size() != s.log.Size {
		return nil
	}
	for level, hashes := range s.tree.Edge() {
		if level == 0 || len(hashes) == 0 {
			continue
		}
		if err := s.compare(level, s.log.Size>>(tileHeight*(level+1)), hashes); err != nil {
			return err
		}
	}
	return nil
}
