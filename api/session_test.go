package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func TestSessionCookie(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		h.trust(h.mine, s.jwks(), nil)
		d := &door{Services: h.services, log: zaptest.NewLogger(t),
			origins: auth.NewOrigins("https://bridge.example.com/base")}
		whose := func(w http.ResponseWriter, r request) error {
			return send(w, http.StatusOK, []byte(`{"actor":"`+r.call.Actor.String()+`"}`))
		}
		m := http.NewServeMux()
		m.Handle("/orgs/{org}", d.edge(d.session(tenantByPath("org", tenantMismatch("another tenant")), whose)))
		m.Handle("/plain", d.edge(d.privateBy(tenantByCredential, whose)))
		server := httptest.NewServer(m)
		t.Cleanup(server.Close)

		path := "/orgs/" + h.mine.TenantID.String()
		jwt := s.sign(claimsFor(h.mine, nil))
		ask := func(method, path string, changes ...with) reply {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			require.NoError(t, err)
			for _, change := range changes {
				change(req)
			}
			return h.send(req)
		}
		cookie := func(values ...string) with {
			return func(r *http.Request) {
				for _, v := range values {
					r.AddCookie(&http.Cookie{Name: "session", Value: v})
				}
			}
		}
		actor := func(r reply) any { return r.is(http.StatusOK)["actor"] }
		sameOrigin, own := header("Sec-Fetch-Site", "same-origin"), header("Origin", server.URL)

		assert.Equal(t, "user:user-1", actor(ask(http.MethodGet, path, cookie(jwt))))
		assert.Equal(t, "user:user-1", actor(ask(http.MethodPut, path, cookie(jwt), sameOrigin)))
		assert.Equal(t, "user:user-1", actor(ask(http.MethodPut, path, cookie(jwt), own)))
		assert.Equal(t, "user:user-1", actor(ask(http.MethodPut, path, bearer(jwt))), "no cookie, nothing to protect")
		assert.Contains(t, actor(ask(http.MethodPut, path, cookie(h.mine.APIToken), sameOrigin)), "user:")
		assert.Equal(t, "user:user-1", actor(ask(http.MethodPut, path, cookie(jwt),
			header("Sec-Fetch-Site", "cross-site"), header("Origin", "https://bridge.example.com"))),
			"the public address is trusted")
		assert.Equal(t, "user:user-1",
			actor(ask(http.MethodPut, path, cookie(jwt), header("Origin", "https://bridge.example.com"))))

		refusals, before := h.refusals(), len(h.events(membership.ActionRefused))
		forgeries := map[string][]with{
			"nothing says where from": {},
			"no page":                 {header("Sec-Fetch-Site", "none")},
			"another site":            {header("Sec-Fetch-Site", "cross-site")},
			"a neighbour": {header("Sec-Fetch-Site", "same-site"),
				header("Origin", "https://evil.example.com")},
			"another origin":           {header("Origin", "https://evil.example.com")},
			"an origin that is hidden": {header("Origin", "null")},
			"a port beside":            {header("Origin", server.URL+"1")},
			"a site that is none":      {header("Sec-Fetch-Site", "x"), own},
		}
		for name, changes := range forgeries {
			for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodPatch, http.MethodDelete} {
				r := ask(method, path, append([]with{cookie(jwt)}, changes...)...)
				assert.Equal(t, http.StatusForbidden, r.status, "%s %s", name, r.body)
			}
			ask(http.MethodGet, path, append([]with{cookie(jwt)}, changes...)...).is(http.StatusOK)
			ask(http.MethodPut, path, append([]with{bearer(jwt), cookie(jwt)}, changes...)...).is(http.StatusOK)
		}
		assert.Equal(t, refusals+4*len(forgeries), h.refusals())
		assert.JSONEq(t, `{"kind":"cross_origin"}`, string(h.events(membership.ActionRefused)[before].After))

		// The header wins, also when it opens nothing.
		agent := s.sign(claimsFor(h.mine, map[string]any{"type": "AGENT"}))
		assert.Equal(t, "agent:user-1", actor(ask(http.MethodPut, path, bearer(agent), cookie(jwt))))
		ask(http.MethodGet, path, bearer("x.y.z"), cookie(jwt)).fails(http.StatusUnauthorized, codeUnauthenticated)
		ask(http.MethodGet, path, header("Authorization", "Basic x"), cookie(jwt)).
			fails(http.StatusUnauthorized, codeUnauthenticated)

		for _, bad := range []with{
			cookie(), cookie(""), cookie("x.y.z"), cookie(jwt, jwt), cookie(h.mine.SCIMToken), cookie(forged(jwt)),
		} {
			ask(http.MethodPut, path, bad, sameOrigin).fails(http.StatusUnauthorized, codeUnauthenticated)
		}
		ask(http.MethodPut, "/orgs/"+h.other.TenantID.String(), cookie(jwt), sameOrigin).
			fails(http.StatusForbidden, codeTenantMismatch)

		// Other routes do not look at cookies. The tenant of a JWT is its own there.
		ask(http.MethodGet, "/plain", cookie(jwt)).fails(http.StatusUnauthorized, codeUnauthenticated)
		h.do(http.MethodGet, "/v1/groups", "", header("Authorization"), cookie(jwt)).
			fails(http.StatusUnauthorized, codeUnauthenticated)
		assert.Equal(t, "user:user-1", actor(ask(http.MethodGet, "/plain", bearer(jwt))))
		ask(http.MethodGet, "/plain", bearer(s.sign(claimsFor(h.other, nil)))).
			fails(http.StatusUnauthorized, codeUnauthenticated)
		ask(http.MethodGet, "/plain", bearer(s.sign(claimsFor(h.mine, map[string]any{"tenant_id": nil})))).
			fails(http.StatusUnauthorized, codeUnauthenticated)
	})
}
