package scim

import (
	"net/http"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// handler answers an exchange, or returns the error to answer with.
type handler func(*exchange) error

// methods are the handlers of one endpoint.
type methods map[string]handler

// newEndpoints lists every endpoint of RFC 7644 section 3.2 by its path below
// the root. Of a path that has one of its own and is below {id} as well, its own
// counts.
func (d *door) newEndpoints() map[string]methods {
	return map[string]methods{
		"":               {"GET": d.searchAll},
		"/.search":       {"POST": d.searchAll},
		"/Users":         {"GET": d.listUsers, "POST": d.createUser},
		"/Users/.search": {"POST": d.listUsers},
		"/Users/{id}": {"GET": d.getUser, "PUT": d.replaceUser, "PATCH": d.patchUser,
			"DELETE": d.deleteUser},
		"/Groups":         {"GET": d.listGroups, "POST": d.createGroup},
		"/Groups/.search": {"POST": d.listGroups},
		"/Groups/{id}": {"GET": d.getGroup, "PUT": d.replaceGroup, "PATCH": d.patchGroup,
			"DELETE": d.deleteGroup},
		"/ServiceProviderConfig": {"GET": d.getServiceProviderConfig},
		"/ResourceTypes":         {"GET": d.listResourceTypes},
		"/ResourceTypes/{id}":    {"GET": d.getResourceType},
		"/Schemas":               {"GET": d.listSchemas},
		"/Schemas/{id}":          {"GET": d.getSchema},
		"/Bulk":                  {"POST": d.bulk},
		"/Me":                    {"GET": noMe, "POST": noMe, "PUT": noMe, "PATCH": noMe, "DELETE": noMe},
	}
}

// Routes lists every route of the door, each as "METHOD /path": for tests that
// must not miss one.
func Routes() (all []string) {
	for path, ms := range (&door{}).newEndpoints() {
		for verb := range ms {
			all = append(all, verb+" "+root+path)
		}
	}
	slices.Sort(all)
	return all
}

// endpoint finds the endpoint of a path, in any letter case, and the value of {id},
// as it was sent.
func (d *door) endpoint(path string) (m methods, id string, ok bool) {
	path, ok = strings.CutPrefix(path, root)
	if !ok {
		return nil, "", false
	}
	if m, id, ok = d.endpointAt(path); ok {
		return m, id, true
	}
	return d.endpointAt(d.canonical(path))
}

// endpointAt is endpoint for a path below the root in the one letter case.
func (d *door) endpointAt(path string) (m methods, id string, ok bool) {
	if m, ok = d.endpoints[path]; ok && !strings.HasSuffix(path, "/{id}") {
		return m, "", true
	}
	last := strings.LastIndexByte(path, '/') + 1
	if last == 0 || last == len(path) {
		return nil, "", false
	}
	m, ok = d.endpoints[path[:last]+"{id}"]
	return m, path[last:], ok
}

// canonical returns a path with the names of endpoints as they are listed, if
// there is one in another letter case: providers and people write /users.
func (d *door) canonical(path string) string {
	parent := path[:strings.LastIndexByte(path, '/')+1]
	of := path
	for name := range d.endpoints {
		if name, below := strings.CutSuffix(name, "{id}"); !below && strings.EqualFold(name, path) {
			return name
		} else if below && strings.EqualFold(name, parent) {
			of = name + path[len(name):]
		}
	}
	return of
}

func (d *door) route(x *exchange) error {
	m, id, ok := d.endpoint(x.r.URL.Path)
	if !ok {
		return membership.NotFound("endpoint")
	}
	x.pathID = id
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
	return &scimError{status: http.StatusMethodNotAllowed, detail: x.r.Method + " is not allowed here",
		format: "the method is not allowed here"}
}

// noMe is the answer on /Me (RFC 7644 section 3.11).
func noMe(*exchange) error {
	return &scimError{status: http.StatusNotImplemented,
		detail: "a connection's credential stands for no user: there is no /Me"}
}

// id reads the id of the path. Ids compare exactly (RFC 7643 section 3.1), so
// any other spelling is not found.
func (x *exchange) id(what string) (membership.ID, error) {
	id, ok := exactID(x.pathID)
	if !ok {
		return membership.ID{}, membership.NotFound(what)
	}
	return id, nil
}

// exactID reads an id in its one canonical form.
func exactID[T string | []byte](s T) (membership.ID, bool) {
	id, err := membership.ParseIDOf(s)
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
