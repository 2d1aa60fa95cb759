package server

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// node is a JSON value as it was sent. What was cut off is missing.
type node struct {
	kind  byte   // { [ " 0 or w, of a word
	text  string // of a text, a number or a word
	keys  []string
	items []node
	cut   bool // its end is missing
}

// get returns the first member of an object with a name, in whatever case.
func (n node) get(key string) (node, bool) {
	i := slices.IndexFunc(n.keys, func(k string) bool { return strings.EqualFold(k, key) })
	if i < 0 {
		return node{}, false
	}
	return n.items[i], true
}

// appendText appends a text as a JSON string.
func appendText(b []byte, s string) []byte {
	b, _ = jsontext.AppendQuote(b, strings.ToValidUTF8(s, "\ufffd")) // a valid text always can be
	return b
}

// The bounds of a tree.
const (
	maxTreeDepth = 16
	maxTreeNodes = 3_000 // of a body that is redacted
)

type treeReader struct {
	dec   *jsontext.Decoder
	nodes int
	most  int
	whole bool // nothing was cut off
}

// readTree reads as much of a JSON text as there is.
func readTree(b []byte, most int) (n node, whole bool) {
	r := &treeReader{
		dec: jsontext.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))),
			jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)),
		most: most, whole: true,
	}
	n, ok := r.value(0)
	if ok && r.whole { // does something follow?
		_, err := r.dec.ReadToken()
		r.whole = errors.Is(err, io.EOF)
	}
	return n, ok && r.whole
}

func (r *treeReader) value(depth int) (n node, ok bool) {
	t, err := r.dec.ReadToken()
	if r.nodes++; err != nil || r.nodes > r.most || depth > maxTreeDepth {
		r.whole = false
		return n, false
	}
	switch kind := t.Kind(); kind {
	case '{', '[':
		n.kind = byte(kind)
		n, ok = r.inside(n, depth)
		n.cut = !r.whole
		return n, ok
	case '"', '0':
		return node{kind: byte(kind), text: t.String()}, true
	}
	return node{kind: 'w', text: t.String()}, true
}

// inside reads what is in an object or a list. Behind what was cut off nothing is where
// it seems to be.
func (r *treeReader) inside(n node, depth int) (node, bool) {
	for r.whole {
		next := r.dec.PeekKind()
		if next == '}' || next == ']' {
			_, err := r.dec.ReadToken()
			r.whole = err == nil
			break
		}
		var key string
		if n.kind == '{' {
			name, err := r.dec.ReadToken()
			if err != nil {
				r.whole = false
				break
			}
			key = name.String() // before the next token takes its place
		}
		item, ok := r.value(depth + 1)
		if !ok {
			break
		}
		if n.items = append(n.items, item); n.kind == '{' {
			n.keys = append(n.keys, key)
		}
	}
	return n, true
}
