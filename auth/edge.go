package auth

import (
	"errors"
	"net/http"
	"runtime/debug"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

// Edge is the outermost part of a door: its errors and panics are logged and answered
// here and nowhere else.
type Edge struct {
	Log *zap.Logger
	// FailureOf returns the answer to an error.
	FailureOf func(error) Failure
	// Reason says for the log why a request is refused, without any value of it.
	Reason func(error) string
	// Internal is the answer to a panic, Unavailable that to a caller who has gone.
	Internal, Unavailable Failure
}

// Failure is an error as a door answers it.
type Failure interface {
	error
	Status() int
	Write(w http.ResponseWriter)
}

// Serve runs a handler and answers its error or its panic.
func (e *Edge) Serve(a *Answer, r *http.Request, h func(*Answer) error) {
	defer a.done()
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler: // an answer is cut off on purpose
			panic(p)
		default:
			e.LogPanic(r, p)
			a.end(e.Internal)
		}
	}()
	if err := h(a); err != nil {
		NoteOf(r.Context()).Refuse(e.Reason(err))
		a.end(e.Shown(a, r, err))
	}
}

// LogPanic logs a panic and its stack.
func (e *Edge) LogPanic(r *http.Request, p any) {
	e.Log.Error("panic in a handler",
		append(RequestFields(r), zap.Any("panic", p), zap.ByteString("stack", debug.Stack()))...)
}

// Shown logs what the caller does not get to see of an error, and returns the answer
// to it.
func (e *Edge) Shown(a *Answer, r *http.Request, err error) Failure {
	f := e.FailureOf(err)
	switch {
	case f.Status() == http.StatusRequestTimeout: // net/http ends the context, but the caller may still read
	case membership.KindOf(err) == membership.KindBusy: // normal under load, and counted elsewhere
	case r.Context().Err() != nil: // the caller has gone
		return e.Unavailable
	case f.Status() == http.StatusServiceUnavailable || a.begun:
		e.Log.Warn("request not finished", append(RequestFields(r), Cause(err))...)
	case f.Status() == http.StatusInternalServerError:
		e.Log.Error("request failed", append(RequestFields(r), Cause(err))...)
	}
	return f
}

// RequestFields name a request in the log, without its query: that may hold addresses.
func RequestFields(r *http.Request) []zap.Field {
	return []zap.Field{
		zap.String("request_id", r.Header.Get("X-Request-Id")), zap.String("method", r.Method),
		zap.String("path", r.URL.Path),
	}
}

// Cause is what the log gets of an error: one of the domain shows only its message.
func Cause(err error) zap.Field {
	var domain *membership.Error
	if errors.As(err, &domain) && domain.Err != nil {
		err = errors.Join(err, domain.Err)
	}
	return zap.NamedError("error", err)
}

// Answer is the http.ResponseWriter of a door. It knows whether the answer has begun:
// from then on an error can only cut it off. And it counts the memory of answers.
type Answer struct {
	http.ResponseWriter
	begun bool

	directory *membership.Directory // nil: memory is not counted
	tenant    membership.ID
	refusable bool // it is of a request that changes nothing
	held      *membership.HeldAnswer
}

// NewAnswer returns the answer that is written to w.
func NewAnswer(w http.ResponseWriter) *Answer { return &Answer{ResponseWriter: w} }

// Count lets Reserve count memory for a tenant.
func (a *Answer) Count(d *membership.Directory, r *http.Request, tenant membership.ID) {
	a.directory, a.tenant = d, tenant
	a.refusable = r.Method == http.MethodGet || r.Method == http.MethodHead
}

// smallAnswer is the size up to which an answer's memory is not counted.
const smallAnswer = 32 << 10

// Reserve counts the memory of an answer that is there as a whole, until it was
// written. The answer to a change is given in any case, since the change was made.
func (a *Answer) Reserve(size int) error {
	if a.directory == nil || size <= smallAnswer {
		return nil
	}
	if a.held == nil {
		a.held = a.directory.HoldAnswer(a.tenant)
	}
	if a.refusable {
		return a.held.Reserve(int64(size))
	}
	a.held.Force(int64(size))
	return nil
}

// done gives back what the answer held.
func (a *Answer) done() {
	if a.held != nil {
		a.held.End()
	}
}

// end answers a failure.
func (a *Answer) end(f Failure) {
	if a.begun {
		// A success was announced: only a broken transfer tells the caller that
		// what arrived is not all.
		panic(http.ErrAbortHandler)
	}
	f.Write(a)
}

// Begun reports whether a part of the answer was written.
func (a *Answer) Begun() bool { return a.begun }

// WriteHeader implements http.ResponseWriter.
func (a *Answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (a *Answer) Write(b []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(b)
}

// Unwrap serves http.ResponseController.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
