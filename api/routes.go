package api

import (
	"net/http"
	"strings"

	"github.com/gorilla/mux"
)

// route is one method of one path. Every route is in openapi.yaml, and in the
// table of the test of credentials.
type route struct {
	method, path string
	handle       handler
}

func (d *door) routes() []route {
	const (
		users  = "/v1/users"
		user   = "/v1/users/{id}"
		groups = "/v1/groups"
		group  = "/v1/groups/{id}"
		member = "/v1/groups/{id}/members/{user_id}"
		list   = "/v1/groups/{id}/members"

		connections = "/v1/connections"
		connection  = "/v1/connections/{id}"
		tokens      = "/v1/tokens"
		token       = "/v1/tokens/{id}"
		policies    = "/v1/policies"
		policy      = "/v1/policies/{id}"
	)
	return []route{
		{http.MethodGet, "/v1/openapi.yaml", openAPI},

		{http.MethodGet, users, d.private(d.listUsers, "limit", "cursor", "user_name", "email")},
		{http.MethodPost, users, d.private(d.createUser)},
		{http.MethodGet, user, d.private(d.getUser)},
		{http.MethodPatch, user, d.private(d.changeUser)},
		{http.MethodDelete, user, d.private(d.deleteUser, "reason")},

		{http.MethodGet, groups, d.private(d.listGroups, "limit", "cursor", "display_name")},
		{http.MethodPost, groups, d.private(d.createGroup)},
		{http.MethodGet, group, d.private(d.getGroup)},
		{http.MethodPatch, group, d.private(d.changeGroup)},
		{http.MethodDelete, group, d.private(d.deleteGroup, "reason")},

		{http.MethodGet, list, d.private(d.listMembers, "limit", "cursor", "membership_source", "active", "as_of")},
		{http.MethodPost, list, d.private(d.addMember)},
		{http.MethodGet, member, d.private(d.getMember)},
		{http.MethodDelete, member, d.private(d.removeMember, "reason")},

		{http.MethodGet, connections, d.private(d.listConnections, "limit", "cursor")},
		{http.MethodPost, connections, d.private(d.createConnection)},
		{http.MethodGet, connection, d.private(d.getConnection)},

		{http.MethodGet, tokens, d.private(d.listTokens, "limit", "cursor")},
		{http.MethodPost, tokens, d.private(d.createToken)},
		{http.MethodGet, token, d.private(d.getToken)},
		{http.MethodDelete, token, d.private(d.revokeToken, "reason")},
		{http.MethodPost, token + "/rotate", d.private(d.rotateToken)},
		{http.MethodGet, policies, d.private(d.listPolicies)},
		{http.MethodPost, policies, d.private(d.createPolicy)},
		{http.MethodGet, policy, d.private(d.getPolicy)},
		{http.MethodPut, policy, d.private(d.replacePolicy)},
		{http.MethodDelete, policy, d.private(d.deletePolicy, "reason")},
	}
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
	// A path is taken as it was sent: cleaning would redirect, and an escaped
	// slash would cut an id in two.
	m := mux.NewRouter().SkipClean(true).UseEncodedPath()
	paths := make(map[string]methods)
	for _, rt := range d.routes() {
		if paths[rt.path] == nil {
			paths[rt.path] = methods{}
			h := d.edge(paths[rt.path].handle)
			m.Handle(rt.path, h)
			m.Handle(rt.path+"/", h)
		}
		paths[rt.path][rt.method] = rt.handle
	}
	m.NotFoundHandler = d.edge(func(http.ResponseWriter, *http.Request) error {
		return &failure{status: http.StatusNotFound, code: codeNotFound, message: "there is no such path in this API"}
	})
	return m
}
