package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// MaxLeaf is the longest leaf in bytes: an entry of a tiles folder has a length of
// 16 bits.
const MaxLeaf = 1<<16 - 1

// MaxBody is the longest body of an event in bytes. The rest of a leaf is its
// number, of at most 19 digits, and the tenant's id.
const MaxBody = MaxLeaf - 120

const (
	leafNumber = `{"number":`
	leafTenant = `,"tenant_id":"`
	idLength   = 36 // of a UUID as text
)

// Leaf is one event of a log as it is hashed.
type Leaf struct {
	Number int64  // counts the tenant's events from 1
	Tenant string // a UUID
	Body   []byte // the stored text: a JSON object on one line
}

// Append appends the line that is hashed: the body, with number and tenant as its
// first two fields. It is one JSON object on one line, without the line's end.
func (l Leaf) Append(b []byte) ([]byte, error) {
	switch {
	case l.Number < 1:
		return b, fmt.Errorf("an event has the number %d", l.Number)
	case len(l.Tenant) != idLength:
		return b, fmt.Errorf("event %d: the tenant is no UUID", l.Number)
	case len(l.Body) > MaxBody:
		return b, fmt.Errorf("event %d is longer than %d bytes", l.Number, MaxBody)
	case !bytes.HasPrefix(l.Body, []byte(`{"`)) || bytes.ContainsAny(l.Body, "\r\n"):
		return b, fmt.Errorf("event %d: its text is no JSON object on one line", l.Number)
	}
	b = strconv.AppendInt(append(b, leafNumber...), l.Number, 10)
	b = append(append(b, leafTenant...), l.Tenant...)
	return append(append(b, `",`...), l.Body[1:]...), nil
}

var errLeaf = errors.New("not the line of an event")

// ParseLeaf reads a line that Append wrote. The body begins with its brace again,
// in memory of its own.
func ParseLeaf(line []byte) (l Leaf, err error) {
	rest, ok := bytes.CutPrefix(line, []byte(leafNumber))
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	l.Number, err = strconv.ParseInt(string(rest[:digits]), 10, 64)
	if !ok || err != nil || l.Number < 1 || rest[0] == '0' || len(line) > MaxLeaf {
		return Leaf{}, errLeaf
	}
	rest, ok = bytes.CutPrefix(rest[digits:], []byte(leafTenant))
	if !ok || len(rest) < idLength+3 || rest[idLength] != '"' || rest[idLength+1] != ',' || rest[idLength+2] != '"' {
		return Leaf{}, errLeaf
	}
	l.Tenant = string(rest[:idLength])
	l.Body = append([]byte{'{'}, rest[idLength+2:]...)
	if bytes.ContainsAny(line, "\r\n") || !json.Valid(line) {
		return Leaf{}, errLeaf
	}
	return l, nil
}
