package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

func TestIssuersOverHTTP(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		i := h.do(http.MethodPost, "/v1/issuers",
			`{"issuer":"`+login+`","audiences":["b","a","b"],"jwks":`+s.jwks()+`,"reason":"why"}`).
			is(http.StatusCreated)
		assertFields(t, i, "id", "issuer", "audiences", "jwks", "tenant_claim", "default_principal", "permissions",
			"max_age_seconds", "created_at", "updated_at")
		assert.Equal(t, []any{"a", "b"}, i["audiences"])
		assert.Equal(t, "USER", i["default_principal"])
		assert.Equal(t, []any{"AUDIT:READ", "GROUPS:READ", "GROUPS:WRITE", "REQUESTS:READ",
			"USERS:READ", "USERS:WRITE"}, i["permissions"])
		assert.InDelta(t, 86400, i["max_age_seconds"], 0)
		recently(t, i["created_at"])
		path := "/v1/issuers/" + i["id"].(string)
		assert.Equal(t, i, h.do(http.MethodGet, path, "").is(http.StatusOK))
		assert.Equal(t, []map[string]any{i}, h.do(http.MethodGet, "/v1/issuers", "").data())

		h.do(http.MethodPatch, path, `{"max_age_seconds":86400}`).is(http.StatusOK) // it is so already
		changed := h.do(http.MethodPatch, path,
			`{"jwks_uri":"https://example.com/keys","tenant_value":"acme","principal_claim":"p",
			"permissions_claim":"q","roles_claim":"r","default_principal":"AGENT","permissions":[],
			"max_age_seconds":60,"reason":"turn"}`).
			is(http.StatusOK)
		assertFields(t, changed, "id", "issuer", "audiences", "jwks_uri", "tenant_claim", "tenant_value",
			"principal_claim",
			"permissions_claim", "roles_claim", "default_principal", "permissions", "max_age_seconds", "created_at",
			"updated_at")
		assert.Equal(t, changed, h.do(http.MethodGet, path, "").is(http.StatusOK))
		h.do(http.MethodPost, "/v1/issuers", issuerBody(login)).fails(http.StatusConflict, codeAlreadyExists)
		second := h.make("/v1/issuers", issuerBody("second"))
		h.do(http.MethodPatch, "/v1/issuers/"+second, `{"issuer":"`+login+`"}`).
			fails(http.StatusConflict, codeAlreadyExists)

		h.do(http.MethodDelete, path+"?reason=gone", "").is(http.StatusNoContent)
		h.do(http.MethodDelete, path, "").fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodPatch, path, `{}`).fails(http.StatusNotFound, codeNotFound)

		created, updated, deleted := h.events(membership.ActionIssuerCreated), h.events(membership.ActionIssuerUpdated),
			h.events(membership.ActionIssuerDeleted)
		require.Len(t, created, 2)
		require.Len(t, updated, 1, "what changes nothing is no event")
		require.Len(t, deleted, 1)
		assert.Equal(t, "why", created[0].Reason)
		assert.Contains(t, string(created[0].After), `"jwks_sha256"`)
		assert.JSONEq(t, string(created[0].After), string(updated[0].Before))
		assert.JSONEq(t,
			`{"issuer_id":"`+i["id"].(string)+`","issuer":"`+login+`","audiences":["a","b"],"permissions":null,
			"tenant_claim":"tenant_id","default_principal":"AGENT","max_age_seconds":60,
				"jwks_uri":"https://example.com/keys",
			"tenant_value":"acme","principal_claim":"p","permissions_claim":"q","roles_claim":"r"}`,
			string(updated[0].After))
		assert.JSONEq(t, string(updated[0].After), string(deleted[0].Before))
		assert.Equal(t, "gone", deleted[0].Reason)
	})
}

func TestIssuersThatAreRefused(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		private, err := json.Marshal(s.key)
		require.NoError(t, err)
		long := strings.Repeat("a", 501)
		for name, changes := range map[string]map[string]any{
			"no issuer":          {"issuer": nil},
			"empty issuer":       {"issuer": ""},
			"long issuer":        {"issuer": long},
			"control characters": {"issuer": "a\nb"},
			"blanks around it":   {"issuer": " a"},
			"no audience":        {"audiences": nil},
			"empty audiences":    {"audiences": []string{}},
			"empty audience":     {"audiences": []string{""}},
			"too many audiences": {"audiences": words(21)},
			"no keys":            {"jwks": nil},
			"keys twice":         {"jwks_uri": "https://example.com/keys"},
			"keys that are none": {"jwks": map[string]any{"keys": []any{}}},
			"keys as text":       {"jwks": "{}"},
			"a private key":      {"jwks": map[string]any{"keys": []any{json.RawMessage(private)}}},
			"a secret": {
				"jwks": map[string]any{"keys": []any{map[string]any{"kty": "oct", "k": "c2VjcmV0", "kid": "k"}}},
			},
			"endless keys":         {"jwks": map[string]any{"keys": []any{}, "x": strings.Repeat("a", 64<<10)}},
			"a URI that is none":   {"jwks": nil, "jwks_uri": "keys"},
			"a file":               {"jwks": nil, "jwks_uri": "file:///etc/passwd"},
			"a URI with a user":    {"jwks": nil, "jwks_uri": "https://a:b@example.com/keys"},
			"a long claim":         {"roles_claim": long},
			"principal of nobody":  {"default_principal": "OPERATOR"},
			"unknown permission":   {"permissions": []string{"MOON:REACH"}},
			"no age":               {"max_age_seconds": 0},
			"an endless age":       {"max_age_seconds": int64(1) << 62},
			"an unknown field":     {"allow": true},
			"permissions as texts": {"permissions": "*"},
		} {
			body := map[string]any{"issuer": "x", "audiences": []string{audience}, "jwks": json.RawMessage(s.jwks())}
			maps.Copy(body, changes)
			maps.DeleteFunc(body, func(_ string, v any) bool { return v == nil })
			r := h.do(http.MethodPost, "/v1/issuers", jsonOf(body))
			assert.Equal(t, http.StatusBadRequest, r.status, "%s: %s", name, r.body)
		}
		assert.Empty(t, h.do(http.MethodGet, "/v1/issuers", "").data())

		for n := range auth.MaxIssuers {
			h.make("/v1/issuers", issuerBody("i"+strings.Repeat("x", n)))
		}
		assert.Contains(t, h.do(http.MethodPost, "/v1/issuers", issuerBody("more")).
			fails(http.StatusBadRequest, codeInvalidInput), "50")
	})
}

// A caller who may administer the tenant and no more cannot give themselves more by
// an issuer of their own.
func TestIssuersGiveNoMoreThanTheirMakerHas(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		s := newSigner(t, "k1")
		_, admin := h.token("TENANT:ADMIN")
		body := func(permissions string) string {
			return `{"issuer":"` + login + `","audiences":["a"],"jwks":` + s.jwks() + `,"permissions":` +
				permissions + `}`
		}
		refusals := h.refusals()
		for _, permissions := range []string{`["USERS:READ"]`, `["*"]`} {
			h.do(http.MethodPost, "/v1/issuers", body(permissions), bearer(admin)).
				fails(http.StatusForbidden, codeForbidden)
		}
		id := h.make("/v1/issuers", body(`["TENANT:ADMIN"]`), bearer(admin))
		h.do(http.MethodPatch, "/v1/issuers/"+id, `{"permissions":["*"]}`, bearer(admin)).
			fails(http.StatusForbidden, codeForbidden)
		h.do(http.MethodPatch, "/v1/issuers/"+id, `{"permissions":["*"]}`).is(http.StatusOK)
		h.do(http.MethodPatch, "/v1/issuers/"+id, `{"jwks":`+newSigner(t, "mine").jwks()+`}`, bearer(admin)).
			fails(http.StatusForbidden, codeForbidden)
		assert.Equal(t, refusals+4, h.refusals())

		// So it is with the roles of tokens.
		h.do(http.MethodPost, "/v1/tokens", `{"name":"t","kind":"api","roles":["org_owner"]}`, bearer(admin)).
			fails(http.StatusForbidden, codeForbidden)
		h.do(http.MethodPost, "/v1/tokens", `{"name":"t","kind":"api","roles":["cook"]}`, bearer(admin)).
			is(http.StatusCreated)
	})
}

func TestChangesOfIssuersTakeEffect(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		now := time.Now()
		keys := auth.NewKeySets(outbound.New(nil), time.Now, nil)
		replica := h.services
		replica.Verifier = auth.Native{JWTs: auth.NewJWTs(h.store, keys, func() time.Time { return now })}
		elsewhere := httptest.NewServer(New(replica, Config{}))
		t.Cleanup(elsewhere.Close)
		s := newSigner(t, "k1")
		jwt := s.sign(claimsFor(h.mine, nil))
		there := *h
		there.server = elsewhere
		ask := func(h *house) int { return h.do(http.MethodGet, "/v1/groups", "", bearer(jwt)).status }

		assert.Equal(t, 401, ask(h))
		assert.Equal(t, 401, ask(&there))
		id := h.trust(h.mine, s.jwks(), nil)
		assert.Equal(t, 200, ask(h), "on the same server at once")
		assert.Equal(t, 200, ask(&there), "nothing was remembered of a tenant without issuers")

		h.do(http.MethodPatch, "/v1/issuers/"+id, `{"audiences":["elsewhere"]}`).is(http.StatusOK)
		assert.Equal(t, 401, ask(h))
		assert.Equal(t, 200, ask(&there))
		now = now.Add(2 * time.Second)
		assert.Equal(t, 401, ask(&there))

		h.do(http.MethodPatch, "/v1/issuers/"+id, `{"audiences":["`+audience+`"]}`).is(http.StatusOK)
		now = now.Add(2 * time.Second)
		assert.Equal(t, 200, ask(h))
		assert.Equal(t, 200, ask(&there))
		h.do(http.MethodDelete, "/v1/issuers/"+id, "").is(http.StatusNoContent)
		assert.Equal(t, 401, ask(h))
		now = now.Add(2 * time.Second)
		assert.Equal(t, 401, ask(&there))
	})
}

func TestPrincipalAndRolesOfTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		token := h.do(http.MethodPost, "/v1/tokens",
			`{"name":"t","kind":"api","permissions":["GROUPS:WRITE"],"principal":"AGENT","roles":["b","a"]}`).
			is(http.StatusCreated)
		assert.Equal(t, "AGENT", token["principal"])
		assert.Equal(t, []any{"a", "b"}, token["roles"])
		h.make("/v1/groups", `{"display_name":"G"}`, bearer(token["token"].(string)))
		id := token["id"].(string)
		assert.Equal(t, "agent:"+id, h.events(membership.ActionGroupCreated)[0].Actor.String())
		rotated := h.do(http.MethodPost, "/v1/tokens/"+id+"/rotate", `{"overlap_seconds":0}`).is(http.StatusCreated)
		assert.Equal(t, "AGENT", rotated["principal"])
		assert.Equal(t, []any{"a", "b"}, rotated["roles"])

		owner := h.do(http.MethodPost, "/v1/tokens", `{"name":"t","kind":"api","roles":["org_owner"]}`).
			is(http.StatusCreated)
		h.do(http.MethodGet, "/v1/issuers", "", bearer(owner["token"].(string))).is(http.StatusOK)
		for _, bad := range []string{
			`"kind":"api","principal":"OPERATOR"`, `"kind":"api","roles":[""]`, `"kind":"api","roles":["a\u0001"]`,
			`"kind":"scim","connection_id":"` + h.mine.ConnectionID.String() + `","principal":"AGENT"`,
			`"kind":"scim","connection_id":"` + h.mine.ConnectionID.String() + `","roles":["a"]`,
		} {
			h.do(http.MethodPost, "/v1/tokens", `{"name":"t",`+bad+`}`).fails(http.StatusBadRequest, codeInvalidInput)
		}
	})
}
