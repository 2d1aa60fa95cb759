package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/scimbridge/scimbridge/membership"
)

// Routes outside /v1 name their tenant in their path, or leave it to the
// credential.
func TestHowRoutesNameTheirTenant(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		d := &door{Services: h.services, log: zaptest.NewLogger(t)}
		whose := func(w http.ResponseWriter, r request) error {
			return send(w, http.StatusOK, []byte(`"`+r.call.Tenant.String()+`"`))
		}
		nothing := &failure{status: http.StatusNotFound, code: codeNotFound, message: "there is no such organization"}
		m := http.NewServeMux()
		m.Handle("/orgs/{org}", d.edge(d.privateBy(tenantByPath("org", nothing), whose)))
		m.Handle("/own", d.edge(d.privateBy(tenantByCredential, whose)))
		server := httptest.NewServer(m)
		t.Cleanup(server.Close)
		get := func(path, token, tenant string) reply {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			require.NoError(t, err)
			if token != "" {
				bearer(token)(req)
			}
			if tenant != "" {
				req.Header.Set(tenantHeader, tenant)
			}
			return h.send(req)
		}
		mine, other, token := h.mine.TenantID.String(), h.other.TenantID.String(), h.mine.APIToken
		before := len(h.events(membership.ActionRefused))

		assert.Equal(t, `"`+mine+`"`, string(get("/orgs/"+mine, token, "").body))
		assert.Equal(t, `"`+mine+`"`, string(get("/own", token, "").body))
		assert.Equal(t, `"`+mine+`"`, string(get("/own", token, mine).body))
		get("/own", token, "acme").fails(http.StatusBadRequest, codeInvalidInput)
		get("/orgs/acme", token, "").fails(http.StatusNotFound, codeNotFound)
		get("/orgs/"+membership.ID{}.String(), token, "").fails(http.StatusNotFound, codeNotFound)
		for _, path := range []string{"/orgs/" + mine, "/orgs/acme", "/own"} {
			get(path, "", "acme").fails(http.StatusUnauthorized, codeUnauthenticated)
		}
		assert.Len(t, h.events(membership.ActionRefused), before)

		get("/orgs/"+other, token, "").fails(http.StatusNotFound, codeNotFound)
		get("/own", token, other).fails(http.StatusForbidden, codeTenantMismatch)
		assert.Len(t, h.events(membership.ActionRefused), before+2, "an attempt on another tenant is told to one's own")
	})
}
