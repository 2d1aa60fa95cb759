package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestConnections(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.do(http.MethodPost, "/v1/connections", `{"name":"Plain"}`).is(http.StatusCreated)
		assertFields(t, c, "id", "name", "idp", "link_existing_users", "group_kind", "paused", "created_at")
		assert.Equal(t, "generic", c["idp"])
		assert.Equal(t, true, c["link_existing_users"])
		assert.Equal(t, "custom", c["group_kind"])
		assert.Equal(t, false, c["paused"])
		assert.Equal(t, c, h.do(http.MethodGet, "/v1/connections/"+c["id"].(string), "").is(http.StatusOK))

		e := h.do(http.MethodPost, "/v1/connections",
			`{"name":"Entra","idp":"entra","link_existing_users":false,"group_kind":"enterprise","reason":"INC-1"}`).is(http.StatusCreated)
		assert.Equal(t, "entra", e["idp"])
		assert.Equal(t, false, e["link_existing_users"])
		assert.Equal(t, "enterprise", e["group_kind"])
		created := h.events(membership.ActionConnectionCreated)
		require.Len(t, created, 3)
		assert.Equal(t, "INC-1", created[2].Reason)
		assert.JSONEq(t, `{"connection_id":"`+e["id"].(string)+`","name":"Entra","idp":"entra",
			"link_existing_users":false,"group_kind":"enterprise"}`, string(created[2].After))

		list := h.do(http.MethodGet, "/v1/connections", "").data()
		require.Len(t, list, 3, "bootstrap made the first")
		assert.Equal(t, []map[string]any{c, e}, list[1:])
		first := h.do(http.MethodGet, "/v1/connections?limit=1", "").is(http.StatusOK)
		next, _ := first["next_cursor"].(string)
		assert.Equal(t, []map[string]any{c}, h.do(http.MethodGet, "/v1/connections?limit=1&cursor="+next, "").data())

		for _, body := range []string{
			`{}`, `{"name":""}`, `{"name":"a\u0000"}`, `{"name":"` + strings.Repeat("a", 801) + `"}`, `{"name":"x","idp":"ldap"}`, `{"name":"x","idp":""}`,
			`{"name":"x","group_kind":""}`, `{"name":"x","group_kind":"big"}`, `{"name":"x","link_existing_users":null}`,
			`{"name":"x","cursor_key":"x"}`,
		} {
			h.do(http.MethodPost, "/v1/connections", body).fails(http.StatusBadRequest, codeInvalidInput)
		}
	})
}
