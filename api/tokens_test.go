package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// text returns a field of an answer that must be there.
func text(t *testing.T, v map[string]any, field string) string {
	t.Helper()
	s, _ := v[field].(string)
	require.NotEmpty(t, s, field)
	return s
}

func TestTokenLifecycle(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		expires := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
		r := h.do(http.MethodPost, "/v1/tokens", `{"name":"ci","kind":"api","permissions":["USERS:READ","USERS:READ"],
			"networks":["127.0.0.0/8","::1/128"],"expires_at":"`+expires+`","reason":"INC-1"}`)
		made := r.is(http.StatusCreated)
		assert.Equal(t, "no-store", r.header.Get("Cache-Control"))
		assertFields(t, made, "id", "name", "kind", "principal", "permissions", "roles", "networks", "created_at",
			"expires_at", "token")
		assert.Equal(t, []any{"USERS:READ"}, made["permissions"])
		assert.Equal(t, []any{"127.0.0.0/8", "::1/128"}, made["networks"])
		id, secret := text(t, made, "id"), text(t, made, "token")
		assert.Equal(t, "INC-1", h.events(membership.ActionTokenCreated)[2].Reason)
		users := func(token string) reply { return h.do(http.MethodGet, "/v1/users", "", bearer(token)) }
		users(secret).is(http.StatusOK)

		shown := h.do(http.MethodGet, "/v1/tokens/"+id, "").is(http.StatusOK)
		delete(made, "token")
		assert.Equal(t, made, shown)
		list := h.do(http.MethodGet, "/v1/tokens", "")
		assert.Equal(t, shown, list.data()[2], "after bootstrap's two")
		assert.NotContains(t, string(list.body), "hash")
		assert.NotContains(t, string(list.body), "scimbridge_")
		first := h.do(http.MethodGet, "/v1/tokens?limit=2", "").is(http.StatusOK)
		rest := h.do(http.MethodGet, "/v1/tokens?limit=2&cursor="+text(t, first, "next_cursor"), "")
		assert.Equal(t, []map[string]any{shown}, rest.data())

		rotated := h.do(http.MethodPost, "/v1/tokens/"+id+"/rotate", `{"overlap_seconds":60,"reason":"yearly"}`).
			is(http.StatusCreated)
		next := text(t, rotated, "token")
		assert.NotEqual(t, id, rotated["id"])
		users(next).is(http.StatusOK)
		users(secret).is(http.StatusOK)
		shown = h.do(http.MethodGet, "/v1/tokens/"+id, "").is(http.StatusOK)
		assert.Equal(t, rotated["id"], shown["replaced_by"])
		assert.Equal(t, "yearly", h.events(membership.ActionTokenRotated)[0].Reason)
		h.do(http.MethodPost, "/v1/tokens/"+id+"/rotate", `{"overlap_seconds":60}`).
			fails(http.StatusBadRequest, codeInvalidInput)

		last := h.do(http.MethodPost, "/v1/tokens/"+text(t, rotated, "id")+"/rotate", `{"overlap_seconds":0}`).
			is(http.StatusCreated)
		users(next).fails(http.StatusUnauthorized, codeUnauthenticated)

		path := "/v1/tokens/" + text(t, last, "id")
		h.do(http.MethodDelete, path+"?reason=leaked", "").is(http.StatusNoContent)
		users(text(t, last, "token")).fails(http.StatusUnauthorized, codeUnauthenticated)
		assert.Equal(t, "leaked", h.events(membership.ActionTokenRevoked)[0].Reason)
		h.do(http.MethodGet, path, "").fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodDelete, path, "").fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodPost, path+"/rotate", `{"overlap_seconds":0}`).fails(http.StatusNotFound, codeNotFound)

		for _, e := range append(h.events(membership.ActionTokenRotated), h.events(membership.ActionTokenCreated)...) {
			for _, s := range []string{secret, next} {
				assert.NotContains(t, string(e.Before)+string(e.After), s[strings.LastIndexByte(s, '_')+1:])
			}
		}
	})
}

func TestSCIMTokenOfAConnection(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		connection := h.make("/v1/connections", `{"name":"Entra","idp":"entra"}`)
		made := h.do(http.MethodPost, "/v1/tokens",
			`{"name":"entra","kind":"scim","connection_id":"`+strings.ToUpper(connection)+`"}`).is(http.StatusCreated)
		assertFields(t, made, "id", "name", "kind", "connection_id", "scopes", "networks", "created_at", "token")
		assert.Equal(t, connection, made["connection_id"])
		assert.Equal(t, []any{"scim"}, made["scopes"])
		made = h.do(http.MethodPost, "/v1/tokens",
			`{"name":"entra","kind":"scim","scopes":["scim:read"],"connection_id":"`+connection+`"}`).
			is(http.StatusCreated)
		assert.Equal(t, []any{"scim:read"}, made["scopes"])
	})
}

func TestNoEscalationThroughTokens(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, admin := h.token("TENANT:ADMIN", "GROUPS:READ")
		strongID, _ := h.token("GROUPS:WRITE")
		refusals := h.refusals()
		for _, r := range []reply{
			h.do(http.MethodPost, "/v1/tokens", `{"name":"x","kind":"api","permissions":["GROUPS:WRITE"]}`,
				bearer(admin)),
			h.do(http.MethodPost, "/v1/tokens", `{"name":"x","kind":"api","permissions":["*"]}`, bearer(admin)),
			h.do(http.MethodPost, "/v1/tokens",
				`{"name":"x","kind":"scim","connection_id":"`+h.mine.ConnectionID.String()+`"}`,
				bearer(admin)),
			h.do(http.MethodPost, "/v1/tokens/"+strongID.String()+"/rotate", `{"overlap_seconds":60}`, bearer(admin)),
		} {
			assert.Contains(t, r.fails(http.StatusForbidden, codeForbidden),
				"a token cannot have a permission that its creator lacks")
		}
		assert.Equal(t, refusals+4, h.refusals())
		h.do(http.MethodPost, "/v1/tokens", `{"name":"x","kind":"api","permissions":["GROUPS:READ"]}`, bearer(admin)).
			is(http.StatusCreated)
		// Revoking gives no permission.
		h.do(http.MethodDelete, "/v1/tokens/"+strongID.String(), "", bearer(admin)).is(http.StatusNoContent)
	})
}

func TestTokenRefusesBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, body := range []string{
			`{"kind":"api"}`, `{"name":"x"}`, `{"name":"x","kind":""}`, `{"name":"x","kind":"oauth"}`,
			`{"name":" ","kind":"api"}`,
			`{"name":"x","kind":"api","permissions":"*"}`, `{"name":"x","kind":"api","permissions":[null]}`,
			`{"name":"x","kind":"api","permissions":["groups:read"]}`, `{"name":"x","kind":"api","permissions":null}`,
			`{"name":"x","kind":"api","scopes":["scim"]}`, `{"name":"x","kind":"api","connection_id":"` +
				h.mine.ConnectionID.String() + `"}`,
			`{"name":"x","kind":"scim"}`, `{"name":"x","kind":"scim","connection_id":"x"}`,
			`{"name":"x","kind":"scim","connection_id":"` + h.mine.ConnectionID.String() + `","scopes":[]}`,
			`{"name":"x","kind":"scim","connection_id":"` + h.mine.ConnectionID.String() + `","permissions":["*"]}`,
			`{"name":"x","kind":"api","networks":["192.0.2.1"]}`, `{"name":"x","kind":"api","networks":[""]}`,
			`{"name":"x","kind":"api","expires_at":"2020-01-01T00:00:00Z"}`,
			`{"name":"x","kind":"api","expires_at":"tomorrow"}`,
			`{"name":"x","kind":"api","expires_at":"9999-12-31T23:59:59-23:00"}`,
			`{"name":"x","kind":"api","expires_in":60}`,
		} {
			h.do(http.MethodPost, "/v1/tokens", body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		id, _ := h.token()
		path := "/v1/tokens/" + id.String() + "/rotate"
		for _, body := range []string{
			``, `{}`, `{"overlap_seconds":-1}`, `{"overlap_seconds":7776001}`,
			`{"overlap_seconds":9223372036854775807}`,
			`{"overlap_seconds":1e99}`, `{"overlap_seconds":0.5}`, `{"overlap_seconds":"60"}`,
			`{"overlap_seconds":null}`,
		} {
			h.do(http.MethodPost, path, body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		h.do(http.MethodPost, path, `{"overlap_seconds":7776000}`).is(http.StatusCreated)
	})
}

func TestTokenFromAnotherNetwork(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		made := h.do(http.MethodPost, "/v1/tokens",
			`{"name":"x","kind":"api","permissions":["*"],"networks":["192.0.2.0/24"]}`).is(http.StatusCreated)
		r := h.do(http.MethodGet, "/v1/users", "", bearer(text(t, made, "token")),
			header("X-Forwarded-For", "192.0.2.1"))
		assert.Contains(t, r.fails(http.StatusForbidden, codeForbidden), "address")
		es := h.events(membership.ActionRefused)
		require.Len(t, es, 1)
		assert.Equal(t, "request-1", es[0].RequestID)
	})
}
