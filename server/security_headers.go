package server

import (
	"net/http"
	"strings"
	"sync/atomic"
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

// crowd counts the requests that run at once, of all doors together. Health
// and metrics are not among them: a busy server is not a sick one.
type crowd struct {
	most    int64 // 0: any number
	running atomic.Int64
}

// admitted answers 503 while too many run: each needs memory and a turn at the
// store, and a provider that is told to come back does.
func (c *crowd) admitted(door string, next http.Handler) http.Handler {
	if c.most == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer c.running.Add(-1)
		if c.running.Add(1) > c.most {
			w.Header().Set("Retry-After", "1")
			if door == doorSCIM {
				w.Header().Set("Content-Type", "application/scim+json")
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = w.Write([]byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"503","detail":"` + crowded + `"}`))
				return
			}
			writeJSON(w, http.StatusServiceUnavailable, `{"code":"unavailable","message":"`+crowded+`"}`)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const crowded = "too many requests are running at once: try again"
