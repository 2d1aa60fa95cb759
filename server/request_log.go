package server

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/scimbridge/scimbridge/membership"
)

// observed logs, counts and traces the requests of one door. path is that of their route;
// empty: of a door that finds it by itself, or of none.
func (s *Server) observed(door, path string, m *metrics, next http.Handler) http.Handler {
	level := zapcore.InfoLevel
	if door == doorSystem {
		level = zapcore.DebugLevel // probes come every few seconds
	}
	keeps := s.requests != nil && (door == doorSCIM || door == doorOAuth)
	more := s.log.Core().Enabled(zapcore.DebugLevel)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		rec := recorders.Get().(*recorder)
		var span trace.Span
		if s.tracing != nil && door != doorSystem {
			r, span = s.tracing.request(r, door)
		}
		*rec = recorder{
			ResponseWriter: w, cutOff: true,
			note: requestNote{r: r, span: span, more: more, text: rec.note.text},
		}
		var sent *keptBody
		if keeps && door == doorSCIM {
			sent = keepBody(r)
		}
		// Deferred: a door that has to break off its answer panics.
		defer func() {
			took := time.Since(start)
			m.request(door, r.Method, rec.status, took)
			if keeps {
				s.requests.record(rec, r, sent, start, took)
			}
			if span != nil {
				endRequest(span, r, door, path, rec)
			}
			if entry := s.log.Check(level, "request"); entry != nil {
				rec.entry = [...]zap.Field{
					zap.String("request_id", r.Header.Get(requestIDHeader)), zap.String("door", door),
					zap.String("method", r.Method), zap.String("path", loggedPath(r)),
					zap.Int("status", rec.status), zap.Int64("bytes", rec.bytes), zap.Duration("duration", took),
					zap.Bool("cut_off", rec.cutOff), zap.Inline(&rec.note),
				}
				entry.Write(rec.entry[:]...)
			}
			*rec = recorder{note: requestNote{text: rec.note.text}}
			recorders.Put(rec)
		}()
		next.ServeHTTP(rec, r)
		rec.cutOff = false
		rec.begun() // net/http sends 200 for an empty answer
	})
}

// recorders are used again: an answer is not used any more once its handler has
// returned.
var recorders = sync.Pool{New: func() any { return new(recorder) }}

// loggedPath is the path as it was sent, if it is not too long. The query stays
// out of the log, as headers and bodies do: filters hold names and addresses. So
// does what a caller puts where an id belongs, which may be somebody's name.
func loggedPath(r *http.Request) string {
	const longest = 256
	path := r.URL.EscapedPath()
	path = path[:min(len(path), longest)]
	rest, before, provider := path, "", strings.HasPrefix(path, SCIMPrefix+"/")
	for rest != "" {
		segment, _, _ := strings.Cut(rest[1:], "/")
		if segment != "" && (ofPeople(before) && !knownSegment(segment) || provider && !knownWord(segment)) {
			return path[:len(path)-len(rest)] + "/(no id)"
		}
		if rest = rest[1+len(segment):]; segment != "" {
			before = segment
		}
	}
	return path
}

// ofPeople reports whether ids of people or groups follow a segment of a path.
func ofPeople(segment string) bool {
	switch len(segment) {
	case len("users"):
		return strings.EqualFold(segment, "users")
	case len("groups"):
		return strings.EqualFold(segment, "groups")
	case len("members"):
		return strings.EqualFold(segment, "members")
	}
	return false
}

// knownWord: the door of providers has few words, ids, and names of schemas.
func knownWord(segment string) bool {
	return knownSegment(segment) || strings.HasPrefix(segment, "urn:ietf:params:scim:") && nameLike(segment) ||
		slices.ContainsFunc(words, func(w string) bool { return strings.EqualFold(w, segment) })
}

func knownSegment(segment string) bool {
	_, err := membership.ParseID(segment)
	return err == nil || segment == ".search"
}

// recorder remembers what was answered. Status 0: nothing yet.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	cutOff bool
	note   requestNote
	entry  [9]zap.Field // of its line in the log
}

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK { // below: more headers follow
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *recorder) Write(b []byte) (int, error) {
	r.begun()
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the way by which net/http copies without a buffer in between.
func (r *recorder) ReadFrom(from io.Reader) (int64, error) {
	r.begun()
	n, err := io.Copy(r.ResponseWriter, from)
	r.bytes += n
	return n, err
}

// Unwrap lets http.ResponseController reach Flush and the deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) begun() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
}
