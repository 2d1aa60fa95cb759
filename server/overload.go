package server

import (
	"net/http"

	"github.com/scimbridge/scimbridge/auth"
)

// The kinds of requests that show no credential. Each has a budget of its own,
// so that those who read pages and do not take them stop no client that wants a
// token, and neither stops the metrics.
const (
	kindToken   = "token"   // the form is the credential
	kindPage    = "page"    // documents, and what does not exist
	kindMetrics = "metrics" // for the operator
)

// anonymous serves requests of a kind that shows no credential, within their
// budget.
func anonymous(c *auth.Concurrency, kind string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.EnterAnonymous(r.Context(), kind) {
			next.ServeHTTP(w, r)
			return
		}
		const message = "too many requests are running at once: try again"
		w.Header().Set("Retry-After", "1")
		w.Header().Set("Connection", "close") // what is pipelined behind it is not read
		body := `{"code":"unavailable","message":"` + message + `"}`
		if kind == kindToken { // RFC 6749 section 5.2
			body = `{"error":"temporarily_unavailable","error_description":"` + message + `"}`
		}
		writeJSON(w, http.StatusServiceUnavailable, body)
	})
}
