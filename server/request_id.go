package server

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// requestIDHeader carries the id of a request: into the log, into audit events,
// and back to the caller.
const requestIDHeader = "X-Request-Id"

// identified gives every request an id. The caller's is kept if it is harmless,
// so that a proxy's log and the audit trail name the same request.
func identified(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !harmless(id) {
			id = membership.NewID().String()
		}
		value := []string{id} // of both; a middleware that sets another replaces it
		r.Header[requestIDHeader], w.Header()[requestIDHeader] = value, value
		next.ServeHTTP(w, r)
	})
}

// harmless: 1 to 128 letters, digits, dots, underscores and hyphens.
func harmless(id string) bool {
	if id == "" || len(id) > 128 {
		return false
	}
	for i := range len(id) {
		c := id[i]
		alphanumeric := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !alphanumeric && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}
