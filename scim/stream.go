package scim

import (
	"io"
	"iter"
	"strconv"
	"sync"

	"github.com/scimbridge/scimbridge/membership"
)

// stream writes an answer of any length in constant memory.
type stream struct {
	w   io.Writer
	buf *[]byte
	err error
}

// flushAt is when the buffer goes out; an answer below it can still become an
// error.
const flushAt = 32 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, flushAt+4<<10)
	return &b
}}

func newStream(w io.Writer) *stream {
	buf := buffers.Get().(*[]byte)
	*buf = (*buf)[:0]
	return &stream{w: w, buf: buf}
}

// close writes out what is left unless something failed before.
func (s *stream) close() error {
	s.flush()
	buffers.Put(s.buf)
	s.buf = nil
	return s.err
}

func (s *stream) flush() {
	if s.err == nil && len(*s.buf) > 0 {
		_, s.err = s.w.Write(*s.buf)
	}
	*s.buf = (*s.buf)[:0]
}

func (s *stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *stream) text(t string) {
	if *s.buf = append(*s.buf, t...); len(*s.buf) >= flushAt {
		s.flush()
	}
}

func (s *stream) number(n int) { *s.buf = strconv.AppendInt(*s.buf, int64(n), 10) }

// value writes any value.
func (s *stream) value(v any) {
	b, err := encode(v)
	if err != nil {
		s.fail(err)
		return
	}
	if *s.buf = append(*s.buf, b...); len(*s.buf) >= flushAt {
		s.flush()
	}
}

// group writes a group; its members come last, and are not read at all when
// they are not shown. They have no $ref: one of Microsoft's removal tests trips
// over it. The list is there when it is empty, because authentik adds nobody
// to a group without one.
func (s *stream) group(r map[string]any, members iter.Seq2[membership.ID, error], shown projection) {
	head, err := encode(shown.of(r))
	if err != nil {
		s.fail(err)
		return
	}
	if !shown.keeps("", "members") {
		s.text(string(head))
		return
	}
	s.text(string(head[:len(head)-1])) // an object that has an id: never empty
	s.text(`,"members":[`)
	value, kind := shown.shows("", "members", "value"), shown.shows("", "members", "type")
	first := true
	for id, err := range members {
		if err != nil {
			s.fail(err)
		}
		if s.err != nil {
			return
		}
		s.member(id, first, value, kind)
		first = false
	}
	s.text("]}")
}

func (s *stream) member(id membership.ID, first, value, kind bool) {
	b := *s.buf
	if !first {
		b = append(b, ',')
	}
	b = append(b, '{')
	if value {
		b = append(b, `"value":"`...)
		b = id.AppendText(b)
		b = append(b, '"')
		if kind {
			b = append(b, ',')
		}
	}
	if kind {
		b = append(b, `"type":"User"`...)
	}
	if *s.buf = append(b, '}'); len(*s.buf) >= flushAt {
		s.flush()
	}
}
