// Package router matches requests to the routes of the server. It is gorilla/mux, set
// up for paths that are taken as they were sent.
package router

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"
)

// verbs are the methods that routes have, in the order in which Allow names them.
var verbs = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
}

// New returns a router that takes a path as it was sent: cleaning would answer
// with a redirect, and decoding would let an escaped slash cut an id in two.
func New() *mux.Router { return mux.NewRouter().UseEncodedPath().SkipClean(true) }

// Below matches a path and all that are below it.
func Below(prefix string) mux.MatcherFunc {
	return func(r *http.Request, _ *mux.RouteMatch) bool {
		rest, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix)
		return ok && (rest == "" || rest[0] == '/')
	}
}

// Methods are those of a route: HEAD is GET without the body, which net/http
// leaves out.
func Methods(method string) []string {
	if method == http.MethodGet {
		return []string{method, http.MethodHead}
	}
	return []string{method}
}

// Handler serves a router that has an answer for every path. Variables of the path
// are set on the request as net/http sets them: mux's own ServeHTTP would copy the
// request twice to keep them in its context.
func Handler(router *mux.Router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m mux.RouteMatch
		if !router.Match(r, &m) {
			http.NotFound(w, r)
			return
		}
		for name, value := range m.Vars {
			r.SetPathValue(name, value)
		}
		m.Handler.ServeHTTP(w, r)
	})
}

// Otherwise sets what a router answers when no route fits: notAllowed if the path has
// other methods, which the header Allow then names (RFC 9110 section 10.2.1), else
// notFound. mux's own way to tell the two apart forgets that a path fitted as soon as
// it tries a later route of the same subrouter.
func Otherwise(router *mux.Router, notFound, notAllowed http.Handler) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		allowed := methodsOf(router, r)
		if len(allowed) == 0 {
			notFound.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		notAllowed.ServeHTTP(w, r)
	})
	router.NotFoundHandler, router.MethodNotAllowedHandler = h, h
}

// methodsOf are those that the path of a request has.
func methodsOf(router *mux.Router, r *http.Request) (allowed []string) {
	as := *r
	for _, as.Method = range verbs {
		var m mux.RouteMatch
		if router.Match(&as, &m) && m.MatchErr == nil {
			allowed = append(allowed, as.Method)
		}
	}
	return allowed
}

// slash lets a path end in one, which the routes of tests are named without.
const slash = "{slash:/?}"

// WithSlash is a path that may have a slash behind it.
func WithSlash(path string) string { return path + slash }

// Wrap puts a middleware around every handler of a router, its 404 and 405
// included. It is told the path of the route, with {name} for a segment; of those two
// there is none. mux's own middleware is made anew for each request, and is left out
// of them.
func Wrap(router *mux.Router, middleware func(path string, h http.Handler) http.Handler) {
	_ = router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error { // it returns no error
		if h := route.GetHandler(); h != nil {
			path, _ := route.GetPathTemplate() // none: it matches in another way
			route.Handler(middleware(strings.TrimSuffix(path, slash), h))
		}
		return nil
	})
	if h := router.NotFoundHandler; h != nil {
		router.NotFoundHandler = middleware("", h)
	}
	if h := router.MethodNotAllowedHandler; h != nil {
		router.MethodNotAllowedHandler = middleware("", h)
	}
}

// Routes lists the routes of a router and of all its subrouters, each as
// "METHOD /path" with {name} for a segment, for tests that must not miss one. HEAD
// is left out, as it goes with GET.
func Routes(router *mux.Router) (all []string) {
	_ = router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error { // it returns no error
		path, err := route.GetPathTemplate()
		methods, merr := route.GetMethods()
		if err != nil || merr != nil { // a subrouter
			return nil
		}
		for _, method := range methods {
			if method != http.MethodHead {
				all = append(all, method+" "+strings.TrimSuffix(path, slash))
			}
		}
		return nil
	})
	slices.Sort(all)
	return all
}
