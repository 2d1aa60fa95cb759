package seal

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof says that one event is in a log (c2sp.org/tlog-proof). It is verified
// without the log: with the event's line and the log's key.
type Proof struct {
	Index      int64 // of the leaf: the event's number less one
	Path       tlog.RecordProof
	Checkpoint []byte // signed
}

const (
	proofVersion = "c2sp.org/tlog-proof@v1"
	// maxProof is the number of hashes of a proof in a tree of 2^63 leaves.
	maxProof = 63
)

// Append appends the proof as text.
func (p Proof) Append(b []byte) []byte {
	b = fmt.Appendf(b, "%s\nindex %d\n", proofVersion, p.Index)
	for _, h := range p.Path {
		b = fmt.Appendf(b, "%s\n", h)
	}
	return append(append(b, '\n'), p.Checkpoint...)
}

var errProof = errors.New("not a proof of " + proofVersion)

// ParseProof reads a proof. It verifies nothing.
func ParseProof(text []byte) (p Proof, err error) {
	head, checkpoint, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || len(lines) < 2 || lines[0] != proofVersion {
		return p, errProof
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || len(lines)-1 > maxProof {
		return p, errProof
	}
	index, ok := strings.CutPrefix(lines[0], "index ")
	p.Index, err = strconv.ParseInt(index, 10, 64)
	if !ok || err != nil || p.Index < 0 || strconv.FormatInt(p.Index, 10) != index {
		return Proof{}, errProof
	}
	for _, line := range lines[1:] {
		h, err := tlog.ParseHash(line)
		if err != nil {
			return Proof{}, errProof
		}
		p.Path = append(p.Path, h)
	}
	p.Checkpoint = bytes.Clone(checkpoint)
	return p, nil
}

// Verify says whether the log contains the line of an event, as one of the keys
// signed it.
func (p Proof) Verify(line []byte, keys note.Verifiers) (Checkpoint, error) {
	c, err := OpenCheckpoint(p.Checkpoint, keys)
	if err != nil {
		return c, err
	}
	if err := tlog.CheckRecord(p.Path, c.Size, c.Root, p.Index, tlog.RecordHash(line)); err != nil {
		return c, fmt.Errorf("event %d is not in the log of this checkpoint: it was changed, or is another", p.Index+1)
	}
	return c, nil
}
