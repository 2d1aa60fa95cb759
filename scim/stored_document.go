package scim

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// storedPart is one attribute of a stored document, as it stands there.
type storedPart struct{ name, value []byte }

// storedParts appends the attributes of the stored document of a link. It takes
// only what encode writes, without escapes: no blanks, the names of each object
// in order and each once, so that the value of a part is, byte for byte, what
// would come of decoding and encoding it. false means that the document is
// anything else; it then has to be decoded.
func storedParts(parts []storedPart, doc []byte) ([]storedPart, bool) {
	if len(doc) == 0 {
		return parts, true
	}
	if !utf8.Valid(doc) || bytes.IndexByte(doc, '\\') >= 0 || hasSeparators(doc) {
		return parts, false
	}
	d := storedText{rest: doc}
	ok := d.object(&parts)
	return parts, ok && len(d.rest) == 0
}

// hasSeparators: encode escapes U+2028 and U+2029.
func hasSeparators(text []byte) bool {
	return bytes.Contains(text, []byte("\u2028")) || bytes.Contains(text, []byte("\u2029"))
}

// storedText is what is left of a stored document. Its methods read what comes
// next; false is for what encode does not write.
type storedText struct{ rest []byte }

func (d *storedText) next(c byte) bool {
	if len(d.rest) == 0 || d.rest[0] != c {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

// object reads an object and appends what it has to parts, unless that is nil.
func (d *storedText) object(parts *[]storedPart) bool {
	if !d.next('{') {
		return false
	}
	var before []byte
	for first := true; !d.next('}'); first = false {
		if !first && !d.next(',') {
			return false
		}
		name, ok := d.text()
		if !ok || !first && bytes.Compare(before, name) >= 0 || !d.next(':') {
			return false
		}
		before = name
		value := d.rest
		if !d.value() {
			return false
		}
		if parts != nil {
			*parts = append(*parts, storedPart{name, value[:len(value)-len(d.rest)]})
		}
	}
	return true
}

func (d *storedText) value() bool {
	if len(d.rest) == 0 {
		return false
	}
	switch d.rest[0] {
	case '{':
		return d.object(nil)
	case '[':
		return d.list()
	case '"':
		_, ok := d.text()
		return ok
	case 't':
		return d.word("true")
	case 'f':
		return d.word("false")
	case 'n':
		return d.word("null")
	}
	return d.number()
}

func (d *storedText) list() bool {
	if !d.next('[') {
		return false
	}
	for first := true; !d.next(']'); first = false {
		if !first && !d.next(',') || !d.value() {
			return false
		}
	}
	return true
}

// text reads a text without escapes.
func (d *storedText) text() ([]byte, bool) {
	if !d.next('"') {
		return nil, false
	}
	for i, c := range d.rest {
		switch {
		case c == '"':
			text := d.rest[:i]
			d.rest = d.rest[i+1:]
			return text, true
		case c < ' ':
			return nil, false
		}
	}
	return nil, false
}

func (d *storedText) word(w string) (ok bool) {
	d.rest, ok = bytes.CutPrefix(d.rest, []byte(w))
	return ok
}

// number reads a number (RFC 8259 section 6), which is written as it was read.
func (d *storedText) number() bool {
	d.next('-')
	if !d.next('0') && !d.digits() {
		return false
	}
	if d.next('.') && !d.digits() {
		return false
	}
	if d.next('e') || d.next('E') {
		if !d.next('+') {
			d.next('-')
		}
		return d.digits()
	}
	return true
}

func (d *storedText) digits() bool {
	n := len(d.rest)
	for len(d.rest) > 0 && '0' <= d.rest[0] && d.rest[0] <= '9' {
		d.rest = d.rest[1:]
	}
	return len(d.rest) < n
}

// appendText appends a text as encode writes it.
func appendText(b []byte, s string) []byte {
	if !plain(s) {
		if text, err := encode(s); err == nil { // there is no text that cannot be encoded
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// plain texts need no escapes.
func plain(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ', c == '"', c == '\\':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ascii || utf8.ValidString(s) && !strings.ContainsAny(s, "\u2028\u2029")
}
