package scim

import (
	"net/http"
	"strconv"
	"sync"

	"github.com/scimbridge/scimbridge/membership"
)

// stream writes an answer of any length in constant memory. What fits into the
// buffer is sent at once, with its length.
type stream struct {
	w     http.ResponseWriter
	buf   *buffer
	begun bool // something was sent
	err   error
}

// flushAt is when the buffer goes out; an answer below it can still become an
// error.
const flushAt = 32 << 10

// keptBuffer is how large a buffer may be that is used again: one that had to
// hold a very large resource is not.
const keptBuffer = 4 * flushAt

// buffer is what a stream needs room for.
type buffer struct {
	text  []byte
	parts []storedPart // of the resource that is written
}

var buffers = sync.Pool{New: func() any { return &buffer{text: make([]byte, 0, flushAt+4<<10)} }}

func newStream(w http.ResponseWriter) *stream {
	buf := buffers.Get().(*buffer)
	buf.text = buf.text[:0]
	return &stream{w: w, buf: buf}
}

// close writes out what is left unless something failed before.
func (s *stream) close() error {
	if !s.begun && s.err == nil {
		sized(s.w, len(s.buf.text))
	}
	s.flush()
	clear(s.buf.parts)
	if cap(s.buf.text) <= keptBuffer {
		buffers.Put(s.buf)
	}
	s.buf = nil
	return s.err
}

// sized says how long an answer is, so that net/http sends it as it is and not in
// chunks. What is shorter it counts itself.
func sized(w http.ResponseWriter, length int) {
	const counted = 2 << 10
	if length >= counted {
		w.Header()["Content-Length"] = []string{strconv.Itoa(length)}
	}
}

func (s *stream) flush() {
	if s.err == nil && len(s.buf.text) > 0 {
		s.begun = true
		_, s.err = s.w.Write(s.buf.text)
	}
	s.buf.text = s.buf.text[:0]
}

func (s *stream) fail(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *stream) text(t string) {
	if s.buf.text = append(s.buf.text, t...); len(s.buf.text) >= flushAt {
		s.flush()
	}
}

func (s *stream) number(n int) { s.buf.text = strconv.AppendInt(s.buf.text, int64(n), 10) }

// value writes any value. It stays in the buffer until more comes.
func (s *stream) value(v any) {
	b, err := encode(v)
	if err != nil {
		s.fail(err)
		return
	}
	s.buf.text = append(s.buf.text, b...)
}

// user writes a user.
func (s *stream) user(d *door, u membership.ProvisionedUser, shown projection) {
	if d.appendUser(s.buf, u.UserLink, u.Groups, shown) {
		return
	}
	r, err := d.userResource(u.UserLink, u.Groups)
	if err != nil {
		s.fail(err)
		return
	}
	s.value(shown.of(r))
}

// group writes a group; its members come last, and are not read at all when
// they are not shown. Their $ref and display are shown to who asks for them by
// name: one of Microsoft's removal tests trips over a $ref, and a display costs
// a look at each user. The list is there when it is empty, because authentik
// adds no members to a group without one.
func (s *stream) group(d *door, g membership.ProvisionedGroup, shown projection) {
	s.groupHead(d, g.GroupLink, shown)
	if s.err != nil || !shown.keeps("", "members") {
		return
	}
	s.buf.text = s.buf.text[:len(s.buf.text)-1] // the end of an object that has an id: never empty
	s.text(`,"members":[`)
	as := memberText{
		value: shown.shows("", "members", "value"), ref: shown.asksFor("", "members", "$ref"),
		display: shown.asksFor("", "members", "display"), kind: shown.shows("", "members", "type"),
	}
	first := true
	for m, err := range g.Members {
		if s.member(d, m, as, first, err); s.err != nil {
			return
		}
		first = false
	}
	s.text("]}")
}

// members is what has to be read of the members of a group.
func (p projection) members() membership.MemberDetail {
	switch {
	case !p.keeps("", "members"):
		return membership.NoMembers
	case p.asksFor("", "members", "display"):
		return membership.MemberNames
	}
	return membership.MemberIDs
}

// groupHead writes a group without its members.
func (s *stream) groupHead(d *door, l membership.GroupLink, shown projection) {
	if d.appendGroup(s.buf, l, shown) {
		return
	}
	r, err := d.groupResource(l)
	if err != nil {
		s.fail(err)
		return
	}
	s.value(shown.of(r))
}

// memberText is what is shown of each member.
type memberText struct{ value, ref, display, kind bool }

func (s *stream) member(d *door, m membership.NamedMember, as memberText, first bool, err error) {
	if err != nil {
		s.fail(err)
		return
	}
	b := s.buf.text
	if !first {
		b = append(b, ',')
	}
	b = append(b, '{')
	begun := len(b)
	if as.value {
		b = append(b, `"value":"`...)
		b = append(m.User.AppendText(b), '"')
	}
	if as.ref {
		b = appendText(append(separated(b, begun), `"$ref":`...), d.location(userType, m.User))
	}
	if as.display && m.Name != "" {
		b = appendText(append(separated(b, begun), `"display":`...), m.Name)
	}
	if as.kind {
		b = append(separated(b, begun), `"type":"User"`...)
	}
	if s.buf.text = append(b, '}'); len(s.buf.text) >= flushAt {
		s.flush()
	}
}

// separated appends a comma unless nothing was written since begun.
func separated(b []byte, begun int) []byte {
	if len(b) > begun {
		return append(b, ',')
	}
	return b
}
