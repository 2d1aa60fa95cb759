package seal

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint says what a log was at a size (c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin string // names the log; HOST/TENANT, or HOST/TENANT/2 after an accepted restore
	Size   int64
	Root   tlog.Hash
}

// Text is what is signed.
func (c Checkpoint) Text() string { return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root) }

// Tenant is the tenant that an origin names, or "".
func (c Checkpoint) Tenant() string {
	for part := range strings.SplitSeq(c.Origin, "/") {
		if len(part) == idLength && strings.Count(part, "-") == 4 {
			return part
		}
	}
	return ""
}

// CheckOrigin says why an origin names no log. It is the name of a key too, which
// has neither spaces nor a plus.
func CheckOrigin(origin string) error {
	bad := func(r rune) bool { return unicode.IsSpace(r) || r == '+' }
	if origin == "" || !utf8.ValidString(origin) || strings.ContainsFunc(origin, bad) {
		return fmt.Errorf("%q cannot name a log", origin)
	}
	return nil
}

// Sign returns the checkpoint as a signed note.
func (c Checkpoint) Sign(signers ...note.Signer) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.Text()}, signers...)
}

// ErrUnsigned is the reason where no key that is known has signed.
var ErrUnsigned = errors.New("no signature of the given key")

// OpenCheckpoint reads a signed checkpoint. One of the keys must have signed under
// the name of its origin.
func OpenCheckpoint(text []byte, keys note.Verifiers) (c Checkpoint, err error) {
	n, err := note.Open(text, keys)
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case errors.As(err, &unverified):
		return c, ErrUnsigned
	case errors.As(err, &invalid):
		return c, fmt.Errorf("the signature of %s is wrong", invalid.Name)
	case err != nil:
		return c, fmt.Errorf("not a signed checkpoint: %w", err)
	}
	if c, err = ParseCheckpoint(n.Text); err != nil {
		return c, err
	}
	for _, s := range n.Sigs {
		if s.Name == c.Origin {
			return c, nil
		}
	}
	return Checkpoint{}, ErrUnsigned
}

// ParseCheckpoint reads the text of a checkpoint, without its signatures.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	bad := errors.New("not the text of a checkpoint")
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[0] == "" || lines[len(lines)-1] != "" {
		return c, bad
	}
	c.Origin = lines[0]
	c.Size, err = strconv.ParseInt(lines[1], 10, 64)
	if err != nil || c.Size < 0 || strconv.FormatInt(c.Size, 10) != lines[1] {
		return Checkpoint{}, bad
	}
	if c.Root, err = tlog.ParseHash(lines[2]); err != nil || c.Root.String() != lines[2] {
		return Checkpoint{}, bad
	}
	for _, extension := range lines[3 : len(lines)-1] {
		if extension == "" {
			return Checkpoint{}, bad
		}
	}
	return c, nil
}

// UnverifiedCheckpoint reads a signed checkpoint without looking at its signatures:
// to know which log it is of.
func UnverifiedCheckpoint(text []byte) (Checkpoint, error) {
	_, err := note.Open(text, note.VerifierList())
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return Checkpoint{}, fmt.Errorf("not a signed checkpoint: %w", err)
	}
	return ParseCheckpoint(unverified.Note.Text)
}

// Verifiers reads verifier keys (vkey), one a line.
func Verifiers(vkeys string) (note.Verifiers, error) {
	var list []note.Verifier
	for line := range strings.Lines(vkeys) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		v, err := note.NewVerifier(line)
		if err != nil {
			return nil, fmt.Errorf("%q is no verifier key: %w", line, err)
		}
		list = append(list, v)
	}
	if len(list) == 0 {
		return nil, errors.New("no verifier key")
	}
	return note.VerifierList(list...), nil
}
