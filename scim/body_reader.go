package scim

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"

	"github.com/scimbridge/scimbridge/membership"
)

// maxNesting is how deep a body may be nested; a resource needs six levels.
const maxNesting = 64

// bodyReader reads a body of bounded length. It refuses what a decoder would
// mend, follow for ever, or hand on to a store that cannot keep it: broken
// UTF-8, halves of surrogate pairs, deep nesting and NUL.
type bodyReader struct {
	source io.Reader // as it comes in
	text   io.Reader // without a BOM, and UTF-8
	held   *[]byte   // its buffer, when it is small; nil otherwise
	whole  []byte    // all of it, if it could be read at once
	shape  shape
	err    error
}

var byteOrderMark = []byte("\ufeff")

func newBodyReader(source io.Reader) *bodyReader {
	in := bufio.NewReader(source)
	if bom, _ := in.Peek(3); bytes.Equal(bom, byteOrderMark) {
		_, _ = in.Discard(len(bom))
	}
	return &bodyReader{source: source, text: transform.NewReader(in, encoding.UTF8Validator)}
}

// maxHeld is the longest body that is read at once.
const maxHeld = 1 << 20

var heldBodies = sync.Pool{New: func() any { return new([]byte) }}

// newHeldBody reads a body of a known, small size at once. It is the reader's
// until drain. What cannot be read so, newBodyReader reads and says why.
func newHeldBody(source io.Reader, size int) *bodyReader {
	held := heldBodies.Get().(*[]byte)
	*held = slices.Grow((*held)[:0], size)[:size]
	n, err := io.ReadFull(source, *held)
	*held = (*held)[:n]
	text := bytes.TrimPrefix(*held, byteOrderMark)
	if err != nil || !utf8.Valid(text) {
		b := newBodyReader(io.MultiReader(bytes.NewReader(*held), source))
		b.held = held
		return b
	}
	return &bodyReader{source: source, text: bytes.NewReader(text), held: held, whole: text}
}

// Read implements io.Reader. Its errors are answers to the caller.
func (b *bodyReader) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.text.Read(p)
	if n, b.err = b.shape.check(p[:n]); b.err != nil {
		return 0, b.err
	}
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, errUnavailable):
	case errors.As(err, &tooLarge):
		err = errBodyTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errBodyTooSlow
	case errors.Is(err, encoding.ErrInvalidUTF8):
		err = badRequest(typeInvalidSyntax, "the body is not UTF-8")
	default:
		err = badRequest(typeInvalidSyntax, "the body could not be read to its end")
	}
	b.err = err
	return n, err
}

var (
	errBodyTooLarge = &membership.Error{Kind: membership.KindTooLarge, Message: "the body is too large"}
	errBodyTooSlow  = &scimError{
		status: http.StatusRequestTimeout, detail: "the body came in too slowly: send it without pauses",
	}
)

// drain reads what is left: a caller who is still sending would not see the
// answer. Nothing of the body is to be used afterwards.
func (b *bodyReader) drain() {
	_, _ = io.Copy(io.Discard, b.source)
	if b.held != nil {
		heldBodies.Put(b.held)
		b.held, b.whole, b.err = nil, nil, io.EOF
	}
}

// shape follows a JSON text byte by byte, as far as it takes to know how deep it
// is nested and which characters its escapes stand for. What is no JSON is left
// to the decoder.
type shape struct {
	depth  int
	inText bool
	blank  bool // the last byte was one, outside a text
	escape int  // how many bytes of an escape have been read
	code   rune // of a \u
	high   bool // the first half of a surrogate pair was read
}

// check looks at the next bytes and returns how many it left. Of blanks in a row
// it leaves one: a decoder that waits for more looks at all of them again.
func (s *shape) check(p []byte) (int, error) {
	out := p[:0]
	for _, c := range p {
		after := s.blank
		s.blank = false
		switch {
		case s.escape > 0:
			if err := s.escaped(c); err != nil {
				return 0, err
			}
		case s.inText && c == '\\':
			s.escape = 1
		case s.high:
			return 0, errHalfPair
		case c == '"':
			s.inText = !s.inText
		case s.inText:
		case c == ' ', c == '\t', c == '\r', c == '\n':
			if s.blank = true; after {
				continue
			}
		case c == '{', c == '[':
			if s.depth++; s.depth > maxNesting {
				return 0, badRequest(typeInvalidSyntax, "the body is nested deeper than %d", maxNesting)
			}
		case c == '}', c == ']':
			s.depth--
		}
		out = append(out, c)
	}
	return len(out), nil
}

var errHalfPair = badRequest(typeInvalidValue, "a text has half of a surrogate pair")

// escaped takes a byte behind a backslash.
func (s *shape) escaped(c byte) error {
	if s.escape == 1 && c == 'u' {
		s.escape, s.code = 2, 0
		return nil
	}
	digit := bytes.IndexByte([]byte("0123456789abcdef"), c|0x20)
	if s.escape == 1 || digit < 0 || c < '0' {
		s.escape = 0
		if s.high {
			return errHalfPair
		}
		return nil
	}
	s.code = s.code<<4 | rune(digit)
	if s.escape++; s.escape < len(`\u0000`) {
		return nil
	}
	s.escape = 0
	isHigh, isLow := s.code>>10 == 0xd800>>10, s.code>>10 == 0xdc00>>10
	switch {
	case s.code == 0:
		return badRequest(typeInvalidValue, "a text has a NUL character")
	case isLow != s.high:
		return errHalfPair
	}
	s.high = isHigh
	return nil
}
