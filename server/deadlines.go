package server

import (
	"io"
	"net/http"
	"time"
)

const (
	// minRate is the rate in bytes per second that a peer must keep up on average
	// once it has used up what a stall is given.
	minRate = 8 << 10
	// writeSize is how much of an answer is written under one deadline.
	writeSize = 64 << 10
	// maxUnread is how much of a body net/http reads that the handler did not, if the
	// connection is used again; if it is closed after the answer, that is done here.
	maxUnread = 256 << 10
)

// paced gives the body of every request and its answer deadlines that move as
// bytes do: a peer that stalls is cut off after seconds, one that is slow is not.
// It is to be within what copies the request: net/http looks at the body of its
// own one.
func (s *Server) paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := w.(deadliner)
		if !ok { // no connection, as in a test
			next.ServeHTTP(w, r)
			return
		}
		p := &pacedWriter{ResponseWriter: w, to: pace{stall: s.phases.stall}}
		p.to.set, p.from.set = d.SetWriteDeadline, d.SetReadDeadline
		p.from.stall = s.phases.stall
		if r.ProtoMajor > 1 {
			p.to.idle, p.from.idle = s.phases.stream, s.phases.stream
			p.to.rest(time.Now())
			p.from.rest(time.Now())
		} else {
			p.to.until = time.Now().Add(s.phases.stall) // net/http has set it: http.Server.WriteTimeout
		}
		if r.Body != nil && r.Body != http.NoBody {
			r.Body = &pacedBody{ReadCloser: r.Body, of: p}
		}
		next.ServeHTTP(p, r)
		switch {
		case p.status == http.StatusRequestEntityTooLarge:
			drain(r, 2*s.config.MaxBody)
		case r.Close && r.Header.Get("Expect") == "":
			drain(r, maxUnread)
		}
		p.to.begin(time.Now()) // net/http writes what it has buffered
	})
}

// drain reads the rest of a body that is too long, or of no use to its handler, within the
// same deadlines, before the answer goes out: closing a connection with something unread
// breaks it, and who is sending sees no answer. A body that is far too long is not worth it.
func drain(r *http.Request, limit int64) {
	if r.ContentLength <= limit {
		_, _ = io.CopyN(io.Discard, r.Body, limit) // the answer is the same however it ends
	}
}

type deadliner interface {
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// pace sets the deadlines of one direction.
type pace struct {
	set   func(time.Time) error
	stall time.Duration // how long a peer may not move at all
	// idle is for HTTP/2, whose deadlines also end a stream that waits for the
	// server: the time that it has while nothing is read or written. 0: HTTP/1.
	idle   time.Duration
	limit  time.Time     // no deadline is later; zero: none
	until  time.Time     // the deadline that is set; zero: none of this pace
	waited time.Duration // for the peer, in all
	moved  int64         // bytes
}

// begin sets the deadline of the next read or write. As setting it costs about
// as much as the rest of a small answer's write, one that is nearly right is
// left.
func (p *pace) begin(now time.Time) {
	earned := time.Duration(p.moved/minRate) * time.Second
	until := now.Add(max(0, min(p.stall, p.stall+earned-p.waited)))
	if !p.limit.IsZero() && p.limit.Before(until) {
		until = p.limit
	}
	if off := until.Sub(p.until); -p.stall/4 < off && off < p.stall/4 && p.idle == 0 && !until.Equal(p.limit) {
		return
	}
	p.until = until
	_ = p.set(until) // of a connection that is closed, what follows fails
}

// end counts what was read or written since begin.
func (p *pace) end(begun time.Time, n int) {
	now := time.Now()
	p.waited += now.Sub(begun)
	p.moved += int64(n)
	if p.idle > 0 {
		p.rest(now)
	}
}

func (p *pace) rest(now time.Time) { _ = p.set(now.Add(p.idle)) }

// pacedBody is the body of a request.
type pacedBody struct {
	io.ReadCloser
	of    *pacedWriter
	ended bool
}

// Read implements io.Reader.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.ended { // net/http waits for the end of the connection: that has no deadline
		return b.ReadCloser.Read(p)
	}
	now := time.Now()
	if b.of.to.idle == 0 {
		b.of.to.begin(now) // net/http may write 100 Continue
	}
	b.of.from.begin(now)
	n, err := b.ReadCloser.Read(p)
	b.of.from.end(now, n)
	b.ended = err != nil
	return n, err
}

// pacedWriter is the answer. A deadline that a handler sets is one that nothing
// extends.
type pacedWriter struct {
	http.ResponseWriter
	to, from pace
	status   int
}

// WriteHeader implements http.ResponseWriter.
func (w *pacedWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *pacedWriter) Write(b []byte) (written int, err error) {
	for {
		part := b[:min(len(b), writeSize)]
		now := time.Now()
		w.to.begin(now)
		n, err := w.ResponseWriter.Write(part)
		w.to.end(now, n)
		written, b = written+n, b[len(part):]
		if err != nil || len(b) == 0 {
			return written, err
		}
	}
}

// FlushError serves http.ResponseController.
func (w *pacedWriter) FlushError() error {
	now := time.Now()
	w.to.begin(now)
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.to.end(now, 0)
	return err
}

// SetReadDeadline serves http.ResponseController.
func (w *pacedWriter) SetReadDeadline(t time.Time) error { w.from.limit = t; return nil }

// SetWriteDeadline serves http.ResponseController.
func (w *pacedWriter) SetWriteDeadline(t time.Time) error { w.to.limit = t; return nil }

// Unwrap serves http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
