package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/console"
	"github.com/scimbridge/scimbridge/router"
	"github.com/scimbridge/scimbridge/scim"
)

var errStarting = errors.New("the store is not open yet")

// starting answers while the store is being opened, which may have to wait for its
// database, or to be migrated: the process lives, and is not ready. Each door refuses in
// its own format, with Retry-After.
func (s *Server) starting() http.Handler {
	refused := func(door string, h http.Handler) http.Handler {
		return s.observed(door, "", s.metrics, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			auth.NoteOf(r.Context()).Refuse("unavailable: " + errStarting.Error())
			h.ServeHTTP(w, r)
		}))
	}
	root := router.New()
	root.NotFoundHandler = refused(doorNone, http.HandlerFunc(api.Unavailable))
	root.MatcherFunc(router.Below(SCIMPrefix)).Handler(refused(doorSCIM, http.HandlerFunc(scim.Unavailable)))
	root.MatcherFunc(belowAny(api.Prefixes)).Handler(refused(doorNative, http.HandlerFunc(api.Unavailable)))
	root.MatcherFunc(router.Below(tokenPath)).Handler(refused(doorOAuth, http.HandlerFunc(auth.TokenUnavailable)))
	if s.config.Console {
		root.MatcherFunc(router.Below(console.Prefix)).Handler(refused(doorConsole, console.Unavailable()))
	}
	s.systemPaths(root, func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusServiceUnavailable, `{"status":"starting"}`)
	}, func(context.Context) error { return errStarting })
	return s.outermost(router.Handler(root))
}
