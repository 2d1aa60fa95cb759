package membership

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"iter"
	"os"
	"time"
)

// A spool has so many chunks of so many bytes in memory before it takes a file.
const (
	spoolChunk  = 64 << 10
	spoolChunks = 64
)

// spool keeps what is written to it, compressed: a part of it in memory, which is
// counted, and the rest in a temporary file that has no name. Where no such file
// can be made, all of it stays in memory, as far as there is room.
type spool struct {
	held   *HeldAnswer
	memory [][]byte // chunks, all full but the last
	file   *os.File // nil: none yet
	noFile error    // why there can be none
	packer *flate.Writer
}

func newSpool(held *HeldAnswer) *spool {
	s := &spool{held: held}
	s.packer, _ = flate.NewWriter(spoolEnd{s}, flate.BestSpeed) // it fails for an unknown level
	return s
}

// Write implements io.Writer.
func (s *spool) Write(b []byte) (int, error) { return s.packer.Write(b) }

// seal ends the writing.
func (s *spool) seal() error {
	err := s.packer.Close()
	s.packer = nil
	return err
}

// spoolEnd takes what is compressed.
type spoolEnd struct{ *spool }

func (s spoolEnd) Write(b []byte) (int, error) {
	if s.file == nil && len(s.memory) == spoolChunks && s.noFile == nil {
		s.file, s.noFile = unnamedFile()
	}
	if s.file != nil {
		return s.file.Write(b)
	}
	written := len(b)
	for len(b) > 0 {
		last := len(s.memory) - 1
		if last < 0 || len(s.memory[last]) == spoolChunk {
			if !s.held.grow(spoolChunk) {
				return 0, s.full()
			}
			s.memory = append(s.memory, make([]byte, 0, spoolChunk))
			last++
		}
		n := min(len(b), spoolChunk-len(s.memory[last]))
		s.memory[last] = append(s.memory[last], b[:n]...)
		b = b[n:]
	}
	return written, nil
}

func (s spoolEnd) full() error {
	e := errorf(KindUnavailable, "too many answers of this tenant wait for their readers: try again")
	if s.noFile != nil {
		e = errorf(KindUnavailable,
			"the report needs more memory than is free, and there is no temporary file for it: "+
				"ask for a part of it, such as one group")
	}
	e.RetryAfter, e.Err = time.Second, s.noFile
	return e
}

// unnamedFile is a temporary file that ends with the process at the latest.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "scimbridge-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // where that is refused, close removes it
	return f, nil
}

// pieces are what was written. Each is valid until the next.
func (s *spool) pieces() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var from []io.Reader
		for _, chunk := range s.memory {
			from = append(from, bytes.NewReader(chunk))
		}
		if s.file != nil {
			if _, err := s.file.Seek(0, io.SeekStart); err != nil {
				yield(nil, err)
				return
			}
			from = append(from, s.file)
		}
		in := flate.NewReader(io.MultiReader(from...))
		b := make([]byte, 32<<10)
		for {
			n, err := in.Read(b)
			if n > 0 && !yield(b[:n], nil) {
				return
			}
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, err)
				return
			}
		}
	}
}

// close frees everything.
func (s *spool) close() {
	s.memory = nil
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
	}
	s.held.End()
}
