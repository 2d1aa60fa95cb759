package scim

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gorilla/mux"

	"github.com/scimbridge/scimbridge/membership"
)

// handler answers an exchange, or returns the error to answer with.
type handler func(*exchange) error

// methods are the handlers of one endpoint. They are matched here and not by
// the router, which would not tell a wrong verb's caller the right ones.
type methods map[string]handler

// ServeHTTP lets methods stand as the handler of a route; door.route calls them.
func (methods) ServeHTTP(http.ResponseWriter, *http.Request) {}

// newRoutes lists every endpoint of RFC 7644 section 3.2; the first path that
// fits wins.
func (d *door) newRoutes() *mux.Router {
	r := mux.NewRouter().SkipClean(true)
	for _, endpoint := range []struct {
		path string
		methods
	}{
		{"", methods{"GET": d.searchAll}},
		{"/.search", methods{"POST": d.searchAll}},
		{"/Users", methods{"GET": d.listUsers, "POST": d.createUser}},
		{"/Users/.search", methods{"POST": d.listUsers}},
		{"/Users/{id}", methods{"GET": d.getUser, "PUT": d.replaceUser, "PATCH": d.patchUser, "DELETE": d.deleteUser}},
		{"/Groups", methods{"GET": d.listGroups, "POST": d.createGroup}},
		{"/Groups/.search", methods{"POST": d.listGroups}},
		{"/Groups/{id}", methods{"GET": d.getGroup, "PUT": d.replaceGroup, "PATCH": d.patchGroup, "DELETE": d.deleteGroup}},
		{"/ServiceProviderConfig", methods{"GET": d.getServiceProviderConfig}},
		{"/ResourceTypes", methods{"GET": d.listResourceTypes}},
		{"/ResourceTypes/{id}", methods{"GET": d.getResourceType}},
		{"/Schemas", methods{"GET": d.listSchemas}},
		{"/Schemas/{id}", methods{"GET": d.getSchema}},
		{"/Bulk", methods{"POST": d.bulk}},
		{"/Me", methods{"GET": nobody, "POST": nobody, "PUT": nobody, "PATCH": nobody, "DELETE": nobody}},
	} {
		r.Handle(root+endpoint.path, endpoint.methods)
	}
	return r
}

// Routes lists every route of the door, each as "METHOD /path": for tests that
// must not miss one.
func Routes() (all []string) {
	_ = (&door{}).newRoutes().Walk(func(r *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, _ := r.GetPathTemplate() // every endpoint has a path
		for verb := range r.GetHandler().(methods) {
			all = append(all, verb+" "+path)
		}
		return nil
	})
	slices.Sort(all)
	return all
}

func (d *door) route(x *exchange) error {
	var match mux.RouteMatch
	if !d.routes.Match(x.r, &match) || match.MatchErr != nil {
		return membership.NotFound("endpoint")
	}
	m, ok := match.Handler.(methods)
	if !ok {
		return membership.NotFound("endpoint")
	}
	x.r = mux.SetURLVars(x.r, match.Vars)
	verb := x.r.Method
	if verb == http.MethodHead {
		verb = http.MethodGet // net/http leaves the body out
	}
	h, ok := m[verb]
	if !ok {
		return methodNotAllowed(x, m)
	}
	return h(x)
}

func methodNotAllowed(x *exchange, m methods) error {
	var allow []string
	for verb := range m {
		allow = append(allow, verb)
		if verb == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	slices.Sort(allow)
	x.w.Header().Set("Allow", strings.Join(allow, ", "))
	return &scimError{status: http.StatusMethodNotAllowed, detail: x.r.Method + " is not allowed here"}
}

// nobody is the answer on /Me (RFC 7644 section 3.11).
func nobody(*exchange) error {
	return &scimError{status: http.StatusNotImplemented, detail: "a connection's credential stands for no user: there is no /Me"}
}

// id reads the id of the path. Ids compare exactly (RFC 7643 section 3.1), so
// any other spelling is nobody's.
func (x *exchange) id(what string) (membership.ID, error) {
	id, ok := exactID(mux.Vars(x.r)["id"])
	if !ok {
		return membership.ID{}, membership.NotFound(what)
	}
	return id, nil
}

// exactID reads an id in its one canonical form.
func exactID(s string) (membership.ID, bool) {
	id, err := membership.ParseID(s)
	if err != nil {
		return membership.ID{}, false
	}
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'F' {
			return membership.ID{}, false
		}
	}
	return id, true
}
