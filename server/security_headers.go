package server

import (
	"net/http"
	"strings"
)

// The values are shared by all answers: a handler that wants another one sets
// it, and none changes these.
var (
	noSniff    = []string{"nosniff"}
	noContent  = []string{"default-src 'none'; frame-ancestors 'none'"}
	noReferrer = []string{"no-referrer"}
	noStore    = []string{"no-store"}
	httpsOnly  = []string{"max-age=31536000"}
)

// hardened gives every answer the headers that keep a browser from making more
// of it than it is. What a handler sets itself wins.
func (s *Server) hardened(next http.Handler) http.Handler {
	https := s.config.TLS() || strings.HasPrefix(s.publicURL, "https://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-Content-Type-Options"] = noSniff
		h["Content-Security-Policy"] = noContent
		h["Referrer-Policy"] = noReferrer
		h["Cache-Control"] = noStore
		if https {
			h["Strict-Transport-Security"] = httpsOnly
		}
		next.ServeHTTP(w, r)
	})
}
