package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Files are what an auditor has of one log: its events as JSON Lines or as a folder
// of tiles, checkpoints, proofs, and reports that were made of it. What each is, its
// beginning says.
type Files struct {
	Names []string
	// Keys verify signatures; nil: none is verified, and what that leaves open is said.
	Keys note.Verifiers
	// Since names a file with a checkpoint that was kept; "": none.
	Since    string
	Progress func(events int64)
}

// FileResult is what holds of one file.
type FileResult struct {
	Name     string     `json:"file"`
	Kind     string     `json:"kind"` // log, report, checkpoint, proof
	Signed   bool       `json:"signed"`
	Events   int64      `json:"events,omitempty"`
	Sealed   int64      `json:"sealed,omitempty"`
	Origin   string     `json:"origin,omitempty"`
	Report   *Export    `json:"-"`
	Compared bool       `json:"compared,omitempty"` // a register with the events
	of       Checkpoint // of a report, a checkpoint, a folder
}

const (
	kindLog        = "log"
	kindReport     = "report"
	kindCheckpoint = "checkpoint"
	kindProof      = "proof"
)

// Verify holds all files against each other, in constant memory but for a register
// that is compared with the events. Its error is the first thing that does not hold.
func (f Files) Verify() ([]FileResult, error) {
	results := make([]FileResult, len(f.Names))
	v := Verifier{Progress: f.Progress}
	if f.Since != "" {
		c, err := ReadCheckpoint(f.Since, f.Keys)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Since, err)
		}
		v.Checkpoints = append(v.Checkpoints, Known{Checkpoint: c, Given: true})
	}
	log := -1
	var ledgers []*Ledger
	registers := map[int]*Ledger{}
	for i, name := range f.Names {
		r := &results[i]
		r.Name = name
		if err := f.look(r); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		switch {
		case r.Kind == kindLog && log >= 0:
			return nil, errors.New("only one log can be verified at a time")
		case r.Kind == kindLog:
			log = i
		}
		if r.of.Origin != "" && r.Kind != kindProof {
			v.Checkpoints = append(v.Checkpoints, Known{Checkpoint: r.of, Given: r.Kind != kindLog})
		}
		if r.Report != nil {
			if l, err := NewLedger(*r.Report); err == nil {
				registers[i] = l
				ledgers = append(ledgers, l)
			}
		}
	}
	if log < 0 {
		return results, nil
	}
	v.Each = func(e Leaf) error {
		for _, l := range ledgers {
			if err := l.Add(e); err != nil {
				return err
			}
		}
		return nil
	}
	if err := f.log(&results[log], v); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Names[log], err)
	}
	for i, l := range registers {
		if err := compare(f.Names[i], l); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Names[i], err)
		}
		results[i].Compared = true
	}
	return results, nil
}

// look finds out what a file is, and verifies what can be without the others.
func (f Files) look(r *FileResult) error {
	if info, err := os.Stat(r.Name); err != nil {
		return err
	} else if info.IsDir() {
		r.Kind = kindLog
		r.of, err = ReadCheckpoint(filepath.Join(r.Name, checkpointName), f.Keys)
		r.Origin, r.Signed = r.of.Origin, f.Keys != nil
		return err
	}
	file, err := os.Open(r.Name)
	if err != nil {
		return err
	}
	defer file.Close()
	in := bufio.NewReaderSize(file, maxManifest)
	head, _ := in.Peek(64) // what is shorter is less
	switch {
	case bytes.HasPrefix(head, []byte(leafNumber)):
		r.Kind = kindLog
		return nil
	case bytes.HasPrefix(head, []byte(`{"manifest":`)), bytes.HasPrefix(head, []byte(manifestMark)):
		return f.report(r, in)
	case bytes.HasPrefix(head, []byte(proofVersion)):
		return f.proof(r, in)
	}
	if !bytes.Contains(head, []byte("\n")) && len(head) == cap(head) {
		return errors.New("neither events, a report, a checkpoint nor a proof")
	}
	if r.of, err = ReadCheckpoint(r.Name, f.Keys); err != nil {
		return fmt.Errorf("neither events, a report, a checkpoint nor a proof: %w", err)
	}
	r.Kind, r.Origin, r.Signed = kindCheckpoint, r.of.Origin, f.Keys != nil
	return nil
}

// ReadCheckpoint reads a file with a checkpoint that one of the keys signed; nil: it is not
// known who did.
func ReadCheckpoint(name string, keys note.Verifiers) (Checkpoint, error) {
	file, err := os.Open(name)
	if err != nil {
		return Checkpoint{}, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxManifest))
	if err != nil {
		return Checkpoint{}, err
	}
	if keys == nil {
		return UnverifiedCheckpoint(text)
	}
	return OpenCheckpoint(text, keys)
}

func (f Files) report(r *FileResult, in io.Reader) error {
	e, err := VerifyExport(in, nil)
	if err != nil {
		return err
	}
	r.Kind, r.Report = kindReport, &e
	switch {
	case f.Keys != nil:
		r.of, err = e.VerifySignature(f.Keys)
		r.Origin, r.Signed = r.of.Origin, err == nil
	case e.Checkpoint != "":
		r.of, err = UnverifiedCheckpoint([]byte(e.Checkpoint))
		r.Origin = r.of.Origin
	}
	return err
}

// proof verifies a proof of one event. The event's line follows it in a file beside,
// of the same name with .jsonl behind.
func (f Files) proof(r *FileResult, in io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(in, maxManifest))
	if err != nil {
		return err
	}
	p, err := ParseProof(text)
	if err != nil {
		return err
	}
	if f.Keys == nil {
		return errors.New("a proof is verified with a key only")
	}
	line, err := os.ReadFile(r.Name + ".jsonl")
	if err != nil {
		return fmt.Errorf("the line of the event is not beside its proof: %w", err)
	}
	r.of, err = p.Verify(bytes.TrimSuffix(line, []byte("\n")), f.Keys)
	r.Kind, r.Origin, r.Signed, r.Events = kindProof, r.of.Origin, true, 1
	return err
}

// log verifies the events.
func (f Files) log(r *FileResult, v Verifier) error {
	var log Log
	if r.of.Origin != "" {
		log = Folder{Dir: r.Name, Size: r.of.Size}.Log()
	} else {
		if len(v.Checkpoints) == 0 {
			return errors.New("events are verified against a checkpoint: give one beside them")
		}
		file, err := os.Open(r.Name)
		if err != nil {
			return err
		}
		defer file.Close()
		log = Log{Leaves: Lines(file)}
	}
	v.Tenant = v.Checkpoints[0].Tenant()
	done, err := v.Verify(log)
	r.Events, r.Sealed, r.Origin, r.Signed = done.Events, done.Sealed, v.Checkpoints[0].Origin, f.Keys != nil
	return err
}

// Lines reads leaves as JSON Lines.
func Lines(r io.Reader) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		in := bufio.NewReaderSize(r, MaxLeaf+1)
		for {
			line, err := in.ReadSlice('\n')
			switch {
			case errors.Is(err, io.EOF) && len(line) == 0:
				return
			case errors.Is(err, io.EOF):
				err = errors.New("the last line has no end: the file was broken off")
			case errors.Is(err, bufio.ErrBufferFull):
				err = fmt.Errorf("a line is longer than the %d bytes of an event", MaxLeaf)
			}
			if !yield(bytes.TrimSuffix(line, []byte("\n")), err) || err != nil {
				return
			}
		}
	}
}

// compare holds a register against what the events say.
func compare(name string, l *Ledger) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := VerifyExport(file, l.Row); err != nil {
		return err
	}
	return l.End()
}

// KeysOf reads the verifier keys that are given: each is one itself, or a file with
// one a line.
func KeysOf(given []string) (note.Verifiers, error) {
	if len(given) == 0 {
		return nil, nil
	}
	return Verifiers(strings.Join(KeyLines(given), "\n"))
}

// KeyLines are the verifier keys that are given, with files read.
func KeyLines(given []string) []string {
	lines := make([]string, len(given))
	for i, g := range given {
		lines[i] = g
		if b, err := os.ReadFile(g); err == nil {
			lines[i] = strings.TrimRight(string(b), "\n")
		}
	}
	return lines
}
