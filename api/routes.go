package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/scimbridge/scimbridge/router"
)

// route is one method of one path. Every route is in openapi.yaml, and in the
// table of the test of credentials.
type route struct {
	method, path string
	handle       handler
}

// Prefixes are where the door is: paths that are one of these, or below one.
var Prefixes = []string{
	"/v1", "/tenant-auth/v1", "/api/v1/organizations", "/csp/gateway/am/api/orgs", "/ssf", transmitterPath,
}

// OpenPaths are those that want no credential.
var OpenPaths = []string{"/v1/openapi.yaml", "/v1/docs", transmitterPath, keysPath}

// routes are all of them. Each subject's stand beside its handlers. Of a subject
// the first route that fits is taken, so the busiest come first.
func (d *door) routes() []route {
	return slices.Concat(
		d.memberRoutes(),
		[]route{{http.MethodGet, "/v1/openapi.yaml", openAPI}, {http.MethodGet, "/v1/docs", docs}},
		d.userRoutes(),
		d.groupRoutes(),
		d.linkRoutes(),
		d.connectionRoutes(),
		d.removalAllowanceRoutes(),
		d.clientRoutes(),
		d.setupLinkRoutes(),
		d.tokenRoutes(),
		d.policyRoutes(),
		d.auditRoutes(),
		d.problemRoutes(),
		d.requestRoutes(),
		d.captureRoutes(),
		d.dryRunRoutes(),
		d.issuerRoutes(),
		d.webhookRoutes(),
		d.streamRoutes(),
		d.transmitterRoutes(),
		d.groupAssignmentRoutes(),
		d.customGroupRoutes(),
		d.notificationRoutes(),
		d.roleRoutes(),
		d.organizationUserRoutes(),
	)
}

// Mount adds the door's routes to a router of its own, or to a subrouter that is
// reached by Prefixes only: it answers every path, with 404 if need be.
func Mount(r *mux.Router, s Services, c Config) {
	d := newDoor(s, c)
	d.mount(r, d.routes(), func(rt route) http.Handler {
		h := d.edge(rt.handle)
		if slices.Contains(OpenPaths, rt.path) && c.Open != nil {
			return c.Open(h)
		}
		return h
	})
}

// mount adds a subrouter for each subject, which is the first two segments of a
// path: /v1/groups, say. One that does not fit a request costs one comparison.
func (d *door) mount(r *mux.Router, routes []route, handle func(route) http.Handler) {
	subjects := map[string]*mux.Router{}
	for _, rt := range routes {
		of := subject(rt.path)
		if subjects[of] == nil {
			subjects[of] = r.MatcherFunc(router.Below(of)).Subrouter()
		}
		h := handle(rt)
		subjects[of].Path(router.WithSlash(rt.path)).Methods(router.Methods(rt.method)...).
			HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Pattern = rt.path
				h.ServeHTTP(w, r)
			})
	}
	notFound := d.edge(func(http.ResponseWriter, *http.Request) error { return noSuchPath })
	router.Otherwise(r, notFound, d.edge(func(_ http.ResponseWriter, r *http.Request) error {
		return &failure{
			status: http.StatusMethodNotAllowed, code: codeMethodNotAllowed,
			message: "this path does not have the method " + short(r.Method),
		}
	}))
}

var noSuchPath = &failure{
	status: http.StatusNotFound, code: codeNotFound, message: "there is no such path in this API",
}

func subject(path string) string {
	parts := strings.SplitN(path, "/", 4) // the first is empty
	return "/" + parts[1] + "/" + parts[2]
}
