package membership

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// Sort is the order of a view: by one attribute, then by id (RFC 7644 section
// 3.4.2.3). The zero value is the order of ids.
type Sort struct {
	Attribute  Attribute
	Descending bool
}

// Cursor is the position of a resource in an order: its sort key and its id. Keys
// compare by their bytes. An absent value comes last, or first when descending.
type Cursor struct {
	Key    string
	Absent bool
	ID     ID
}

// Cursor returns the position of a resource. Of a multi-valued attribute the primary
// value counts, else the first.
func (s Sort) Cursor(resource map[string]any, id ID) Cursor {
	m := Cursor{ID: id}
	if s.Attribute.Name == "" {
		return m
	}
	v, ok := s.Attribute.sortValue(resource)
	if !ok {
		m.Absent = true
		return m
	}
	switch v := v.(type) {
	case string:
		m.Key = s.Attribute.sortKey(v)
	case bool:
		m.Key = strconv.FormatBool(v) // false before true
	case json.Number:
		f, _ := v.Float64() // what is too large is infinite
		m.Key = numberKey(f)
	default:
		m.Absent = true
	}
	return m
}

// Compare orders two positions.
func (s Sort) Compare(a, b Cursor) int {
	c := 0
	switch {
	case a.Absent != b.Absent:
		c = 1
		if b.Absent {
			c = -1
		}
	default:
		c = strings.Compare(a.Key, b.Key)
	}
	if s.Descending {
		c = -c
	}
	if c != 0 {
		return c
	}
	c = a.ID.Compare(b.ID)
	if s.Descending && s.Attribute.Name == "" {
		c = -c
	}
	return c
}

func (a Attribute) sortKey(s string) string {
	if a.Time {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
			return Timestamp(t)
		}
	}
	if a.CaseExact {
		return s
	}
	return Fold(s)
}

func (a Attribute) sortValue(r map[string]any) (any, bool) {
	whole := a
	whole.Sub = ""
	for _, e := range whole.values(r, false) {
		if m, ok := e.(map[string]any); ok && m["primary"] == true {
			if vs := (Attribute{Name: a.Sub}).values(m, true); a.Sub != "" && len(vs) > 0 {
				return vs[0], true
			}
		}
	}
	if vs := a.values(r, true); len(vs) > 0 {
		return vs[0], true
	}
	return nil, false
}

// numberKey writes a number so that bytes order it.
func numberKey(f float64) string {
	b := math.Float64bits(f)
	if b>>63 == 1 {
		b = ^b
	} else {
		b |= 1 << 63
	}
	s := strconv.FormatUint(b, 16)
	return strings.Repeat("0", 16-len(s)) + s
}
