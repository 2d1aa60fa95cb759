package server

import (
	"net/http"
	"sync"
)

// warnOfProxy tells once of a proxy that no setting names: all of its clients
// share one address, and so one limit of failed attempts. Anybody can send that
// header, which is why it is a warning and no more.
func (s *Server) warnOfProxy(next http.Handler) http.Handler {
	if len(s.config.TrustedProxies) > 0 {
		return next
	}
	warn := sync.OnceFunc(func() {
		s.log.Warn("requests have X-Forwarded-For, but trusted_proxies is not set: callers are told apart by the " +
			"address of the proxy")
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["X-Forwarded-For"]) > 0 {
			warn()
		}
		next.ServeHTTP(w, r)
	})
}
