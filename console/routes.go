package console

import (
	"net/http"
	"slices"

	"github.com/gorilla/mux"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/router"
)

// handler answers a request, or returns the error to answer with.
type handler func(w http.ResponseWriter, r *request) error

// route is one method of one path below Prefix. Every route is in the table of the walk
// over all doors (server/walk_table_test.go).
type route struct {
	method, path string
	handle       handler
	open         bool // it asks for no session
}

// routes are all of them. Each subject's stand beside its handlers.
func (d *door) routes() []route {
	return slices.Concat(
		d.staticRoutes(),
		d.loginRoutes(),
		d.oidcRoutes(),
		d.overviewRoutes(),
		d.groupRoutes(),
		d.memberRoutes(),
		d.compareRoutes(),
		d.explainRoutes(),
		d.peopleRoutes(),
		d.connectRoutes(),
		d.setupRoutes(),
		d.requestRoutes(),
		d.guardRoutes(),
		d.auditRoutes(),
		d.tokenRoutes(),
		d.clientRoutes(),
		d.issuerRoutes(),
		d.policyRoutes(),
		d.webhookRoutes(),
	)
}

// Mount adds the door's routes to a subrouter that is reached by Prefix only: it
// answers every path, with 404 if need be.
func Mount(r *mux.Router, s Services, c Config) {
	d := newDoor(s, c)
	for _, rt := range d.routes() {
		h := d.edge(rt.handle)
		if rt.open && c.Open != nil {
			h = c.Open(h)
		}
		pattern := Prefix + rt.path
		r.Path(router.WithSlash(pattern)).Methods(router.Methods(rt.method)...).
			HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Pattern = pattern
				h.ServeHTTP(w, r)
			})
	}
	router.Otherwise(r, d.edge(func(_ http.ResponseWriter, _ *request) error { return noSuchPage }),
		d.edge(func(_ http.ResponseWriter, _ *request) error {
			return &failure{status: http.StatusMethodNotAllowed, title: "This page cannot be used so",
				message: "The address is right, but not for what was sent to it. Go back and use the form."}
		}))
}

// get is a page for a person who is logged in; it takes the named query parameters.
func (d *door) get(path string, h handler, parameters ...string) route {
	return route{method: http.MethodGet, path: path, handle: d.known(func(w http.ResponseWriter, r *request) error {
		var err error
		if r.query, err = parseQuery(r.URL.RawQuery, parameters); err != nil {
			return err
		}
		return h(w, r)
	})}
}

// post is what a form of a page does; it has the named fields.
func (d *door) post(path string, h handler, fields ...string) route {
	return route{method: http.MethodPost, path: path, handle: d.known(func(w http.ResponseWriter, r *request) error {
		var err error
		if r.query, err = parseQuery(r.URL.RawQuery, nil); err != nil {
			return err
		}
		if r.form, err = readFormOf(w, r.Request, fields, maxKnownForm); err != nil {
			return err
		}
		if !auth.IsDerived(r.form.values[fieldFormToken], r.sessionText, purposeForm) {
			return d.forged(r)
		}
		return h(w, r)
	})}
}
