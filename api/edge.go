package api

import (
	"net/http"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// handler answers a request, or returns the error to answer with.
type handler func(w http.ResponseWriter, r *http.Request) error

// answer knows whether the answer has begun: from then on an error can only
// cut it off.
type answer struct {
	http.ResponseWriter
	begun bool

	held      *membership.HeldAnswer // nil: the tenant is not known
	refusable bool                   // it is of a request that changes nothing
}

// smallAnswer is the size up to which an answer's memory is not counted.
const smallAnswer = 32 << 10

// reserve counts the memory of an answer that is there as a whole, until it was
// written. The answer to a change is given in any case, since the change was made.
func reserve(w http.ResponseWriter, size int) error {
	a, ok := w.(*answer)
	switch {
	case !ok || a.held == nil || size <= smallAnswer:
		return nil
	case a.refusable:
		return a.held.Reserve(int64(size))
	}
	a.held.Force(int64(size))
	return nil
}

// done gives back what the answer held.
func (a *answer) done() {
	if a.held != nil {
		a.held.End()
	}
}

func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// edge makes a handler safe to serve: its errors and its panics are answered
// here and nowhere else.
func (d *door) edge(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w}
		defer a.done()
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				panic(p)
			default:
				d.log.Error("panic in a handler", append(about(r), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))...)
				d.end(a, internal)
			}
		}()
		if err := h(a, r); err != nil {
			d.fail(a, r, err)
		}
	})
}

// fail logs what the caller does not get to see, and answers.
func (d *door) fail(a *answer, r *http.Request, err error) {
	f := failureOf(err)
	auth.NoteOf(r.Context()).Refuse(f.reason())
	switch {
	case f.status == http.StatusRequestTimeout: // net/http ends the context, but the caller may still read
	case membership.KindOf(err) == membership.KindBusy: // normal under load, and counted elsewhere
	case r.Context().Err() != nil: // the caller has gone
		f = unavailable
	case f.status == http.StatusServiceUnavailable || a.begun:
		d.log.Warn("request not finished", append(about(r), zap.NamedError("error", cause(err)))...)
	case f.status == http.StatusInternalServerError:
		d.log.Error("request failed", append(about(r), zap.NamedError("error", cause(err)))...)
	}
	d.end(a, f)
}

func (d *door) end(a *answer, f *failure) {
	if a.begun {
		// The status was sent as a success: only a broken transfer tells the
		// caller that it was none.
		panic(http.ErrAbortHandler)
	}
	f.write(a)
}

// about names a request in the log, without its query: that may hold addresses.
func about(r *http.Request) []zap.Field {
	return []zap.Field{
		zap.String("request_id", requestID(r)), zap.String("method", r.Method), zap.String("path", r.URL.Path),
	}
}

func requestID(r *http.Request) string { return r.Header.Get("X-Request-Id") }

// send writes a JSON answer. It is about people: no cache may keep it.
func send(w http.ResponseWriter, status int, body []byte) error {
	if err := reserve(w, len(body)); err != nil {
		return err
	}
	jsonHeader(w)
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

func sendNothing(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func jsonHeader(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
}
