package server

import (
	"net/http"
	"strings"
)

// prefixMux finds the handler of a path. A path is taken as it was sent: cleaning
// would answer // with a redirect, and decoding would let an escaped slash cut
// an id in two.
type prefixMux struct {
	all  []route
	none http.Handler // of every other path
}

// route is the handler of a path and, with below, of all paths below it.
type route struct {
	path    string
	below   bool
	handler http.Handler
}

// ServeHTTP implements http.Handler.
func (m *prefixMux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	for _, at := range m.all {
		if rest, ok := strings.CutPrefix(path, at.path); ok && (rest == "" || at.below && rest[0] == '/') {
			at.handler.ServeHTTP(w, r)
			return
		}
	}
	m.none.ServeHTTP(w, r)
}
