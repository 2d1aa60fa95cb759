package api

import (
	"net/http"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
)

// handler answers a request, or returns the error to answer with.
type handler func(w http.ResponseWriter, r *http.Request) error

// reserve counts the memory of an answer; see auth.Answer.
func reserve(w http.ResponseWriter, size int) error {
	if a, ok := w.(*auth.Answer); ok {
		return a.Reserve(size)
	}
	return nil
}

func newEdge(log *zap.Logger) *auth.Edge {
	return &auth.Edge{
		Log: log, FailureOf: func(err error) auth.Failure { return failureOf(err) },
		Reason: func(err error) string { return failureOf(err).reason() }, Internal: internal, Unavailable: unavailable,
	}
}

// edge makes a handler safe to serve: its errors and its panics are answered
// there and nowhere else.
func (d *door) edge(h handler) http.Handler {
	e := newEdge(d.log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.Serve(auth.NewAnswer(w), r, func(a *auth.Answer) error { return h(a, r) })
	})
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
