package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5"
)

// paths are the API's paths and who answers at each, whatever the method. A path
// is taken as it was sent: cleaning would redirect, and an escaped slash would
// cut an id in two.
type paths struct {
	tree     *chi.Mux
	handlers map[string]http.Handler // by pattern
}

func newPaths() *paths { return &paths{chi.NewRouter(), make(map[string]http.Handler)} }

// add gives a path its handler. {name} in it stands for a segment.
func (p *paths) add(pattern string, h http.Handler) {
	p.tree.Method(http.MethodGet, pattern, h)
	p.handlers[pattern] = h
}

// serve answers a request whose path is one of these, with or without a slash
// behind it, and tells its handler the path's pattern and variables; false if
// there is none.
func (p *paths) serve(w http.ResponseWriter, r *http.Request) bool {
	at := chi.NewRouteContext()
	pattern := p.tree.Find(at, http.MethodGet, strings.TrimSuffix(r.URL.EscapedPath(), "/"))
	h, ok := p.handlers[pattern]
	if !ok || slices.Contains(at.URLParams.Values, "") {
		return false
	}
	r.Pattern = pattern
	for i, name := range at.URLParams.Keys {
		r.SetPathValue(name, at.URLParams.Values[i])
	}
	h.ServeHTTP(w, r)
	return true
}
