package console

import (
	"net/http"

	"github.com/scimbridge/scimbridge/auth"
)

// edge makes a handler safe to serve: its errors and its panics are answered there and
// nowhere else, as pages.
func (d *door) edge(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		r := &request{Request: hr}
		harden(w.Header())
		e := auth.Edge{
			Log:         d.log,
			FailureOf:   func(err error) auth.Failure { return errorPage{d, r, failureOf(err)} },
			Reason:      func(err error) string { return failureOf(err).reason() },
			Internal:    errorPage{d, r, internal},
			Unavailable: errorPage{d, r, unavailable},
		}
		e.Serve(auth.NewAnswer(w), hr, func(a *auth.Answer) error { return h(a, r) })
	})
}

// policy is the Content-Security-Policy of every page: what is not of this server is
// not loaded, nothing inline runs, and no text becomes a script.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types 'none'"

// harden sets the headers of every answer of the door. The referrer stays within the
// server: with none at all browsers would send forms with the Origin null.
func harden(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}
