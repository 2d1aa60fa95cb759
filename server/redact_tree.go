package server

import (
	"bytes"
	"encoding/json"
)

// node is a JSON value as it was sent. What was cut off is missing.
type node struct {
	kind  byte   // { [ " 0 or w, of a word
	text  string // of a text, a number or a word
	keys  []string
	items []node
	cut   bool // its end is missing
}

// The bounds of a tree.
const (
	maxTreeDepth = 16
	maxTreeNodes = 3_000 // of a body that is redacted
)

type treeReader struct {
	dec   *json.Decoder
	nodes int
	most  int
	whole bool // nothing was cut off
}

// readTree reads as much of a JSON text as there is.
func readTree(b []byte, most int) (n node, whole bool) {
	r := &treeReader{
		dec: json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff")))), most: most, whole: true,
	}
	r.dec.UseNumber()
	n, ok := r.value(0)
	if ok && r.whole && r.dec.More() { // something follows
		r.whole = false
	}
	return n, ok && r.whole
}

func (r *treeReader) value(depth int) (n node, ok bool) {
	t, err := r.dec.Token()
	if r.nodes++; err != nil || r.nodes > r.most || depth > maxTreeDepth {
		r.whole = false
		return n, false
	}
	switch t := t.(type) {
	case json.Delim:
		n.kind = byte(t)
		n, ok = r.inside(n, depth)
		n.cut = !r.whole
		return n, ok
	case string:
		return node{kind: '"', text: t}, true
	case json.Number:
		return node{kind: '0', text: t.String()}, true
	case bool:
		if t {
			return node{kind: 'w', text: "true"}, true
		}
		return node{kind: 'w', text: "false"}, true
	}
	return node{kind: 'w', text: "null"}, true
}

func (r *treeReader) inside(n node, depth int) (node, bool) {
	for r.whole && r.dec.More() { // behind what was cut off nothing is where it seems to be
		if n.kind == '{' {
			t, err := r.dec.Token()
			key, isText := t.(string)
			if err != nil || !isText {
				r.whole = false
				return n, true
			}
			item, ok := r.value(depth + 1)
			if !ok {
				return n, true
			}
			n.keys, n.items = append(n.keys, key), append(n.items, item)
			continue
		}
		item, ok := r.value(depth + 1)
		if !ok {
			return n, true
		}
		n.items = append(n.items, item)
	}
	if r.whole {
		_, err := r.dec.Token()
		r.whole = err == nil
	}
	return n, true
}
