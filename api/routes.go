package api

import (
	"net/http"
	"slices"
	"strings"
)

// route is one method of one path. Every route is in openapi.yaml, and in the
// table of the test of credentials.
type route struct {
	method, path string
	handle       handler
}

// OpenPaths are those that want no credential.
var OpenPaths = []string{"/v1/openapi.yaml", "/v1/docs"}

// routes are all of them. Each subject's stand beside its handlers.
func (d *door) routes() []route {
	return slices.Concat(
		[]route{{http.MethodGet, "/v1/openapi.yaml", openAPI}, {http.MethodGet, "/v1/docs", docs}},
		d.userRoutes(),
		d.groupRoutes(),
		d.memberRoutes(),
		d.linkRoutes(),
		d.connectionRoutes(),
		d.removalAllowanceRoutes(),
		d.clientRoutes(),
		d.tokenRoutes(),
		d.policyRoutes(),
		d.auditRoutes(),
		d.issuerRoutes(),
		d.groupAssignmentRoutes(),
		d.customGroupRoutes(),
		d.notificationRoutes(),
		d.roleRoutes(),
		d.organizationUserRoutes(),
	)
}

// Routes lists every route of the door, each as "METHOD /path": for tests that
// must not miss one.
func Routes() (all []string) {
	for _, rt := range (&door{}).routes() {
		all = append(all, rt.method+" "+rt.path)
	}
	return all
}

// methods are the handlers of one path. HEAD is GET without the body, which
// net/http leaves out.
type methods map[string]handler

func (ms methods) handle(w http.ResponseWriter, r *http.Request) error {
	h, ok := ms[r.Method]
	if r.Method == http.MethodHead {
		h, ok = ms[http.MethodGet]
	}
	if !ok {
		w.Header().Set("Allow", ms.allow())
		return &failure{
			status: http.StatusMethodNotAllowed, code: codeMethodNotAllowed,
			message: "this path does not have the method " + short(r.Method),
		}
	}
	return h(w, r)
}

// allow is the value of the header Allow (RFC 9110 section 10.2.1).
func (ms methods) allow() string {
	var names []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, ok := ms[m]; !ok {
			continue
		}
		names = append(names, m)
		if m == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	return strings.Join(names, ", ")
}

func (d *door) router() http.Handler {
	all := newPaths()
	known := make(map[string]methods)
	for _, rt := range d.routes() {
		if known[rt.path] == nil {
			known[rt.path] = methods{}
			all.add(rt.path, d.edge(known[rt.path].handle))
		}
		known[rt.path][rt.method] = rt.handle
	}
	none := d.edge(func(http.ResponseWriter, *http.Request) error {
		return &failure{status: http.StatusNotFound, code: codeNotFound, message: "there is no such path in this API"}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !all.serve(w, r) {
			none.ServeHTTP(w, r)
		}
	})
}
