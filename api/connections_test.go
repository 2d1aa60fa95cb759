package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// withoutHealth is a connection as the answers of changes have it.
func withoutHealth(c map[string]any) map[string]any {
	delete(c, "health")
	return c
}

func TestConnections(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		c := h.do(http.MethodPost, "/v1/connections", `{"name":"Plain"}`).is(http.StatusCreated)
		assertFields(t, c, "id", "name", "idp", "link_existing_users", "group_kind", "paused", "state", "created_at")
		assert.Equal(t, "generic", c["idp"])
		assert.Equal(t, true, c["link_existing_users"])
		assert.Equal(t, "custom", c["group_kind"])
		assert.Equal(t, false, c["paused"])
		assert.Equal(t, c,
			withoutHealth(h.do(http.MethodGet, "/v1/connections/"+c["id"].(string), "").is(http.StatusOK)))

		e := h.do(http.MethodPost, "/v1/connections",
			`{"name":"Entra","idp":"entra","link_existing_users":false,"group_kind":"enterprise","reason":"INC-1"}`).
			is(http.StatusCreated)
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
		assert.Equal(t, []map[string]any{c, e}, []map[string]any{withoutHealth(list[1]), withoutHealth(list[2])})
		first := h.do(http.MethodGet, "/v1/connections?limit=1", "").is(http.StatusOK)
		next, _ := first["next_cursor"].(string)
		second := h.do(http.MethodGet, "/v1/connections?limit=1&cursor="+next, "").data()
		require.Len(t, second, 1)
		assert.Equal(t, c, withoutHealth(second[0]))

		for _, body := range []string{
			`{}`, `{"name":""}`, `{"name":"a\u0000"}`, `{"name":"` + strings.Repeat("a", 801) + `"}`,
			`{"name":"x","idp":"ldap"}`, `{"name":"x","idp":""}`,
			`{"name":"x","group_kind":""}`, `{"name":"x","group_kind":"big"}`,
			`{"name":"x","link_existing_users":null}`,
			`{"name":"x","cursor_key":"x"}`,
		} {
			h.do(http.MethodPost, "/v1/connections", body).fails(http.StatusBadRequest, codeInvalidInput)
		}
	})
}

func TestChangeConnection(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		path := "/v1/connections/" + h.make("/v1/connections", `{"name":"Plain"}`)
		change := func(body string) map[string]any { return h.do(http.MethodPatch, path, body).is(http.StatusOK) }
		c := change(`{"name":"Entra","idp":"entra","link_existing_users":false,"group_kind":"enterprise",` +
			`"reason":"INC-1"}`)
		assert.Equal(t, "Entra", c["name"])
		assert.Equal(t, "entra", c["idp"])
		assert.Equal(t, false, c["link_existing_users"])
		assert.Equal(t, "enterprise", c["group_kind"])
		assert.Equal(t, c, withoutHealth(h.do(http.MethodGet, path, "").is(http.StatusOK)))
		updated := h.events(membership.ActionConnectionUpdated)
		require.Len(t, updated, 1)
		assert.Equal(t, "INC-1", updated[0].Reason)
		assert.JSONEq(t, `{"connection_id":"`+c["id"].(string)+
			`","name":"Plain","idp":"generic","link_existing_users":true,"group_kind":"custom"}`,
			string(updated[0].Before))
		assert.JSONEq(t, `{"connection_id":"`+c["id"].(string)+
			`","name":"Entra","idp":"entra","link_existing_users":false,"group_kind":"enterprise"}`,
			string(updated[0].After))

		c = change(`{"paused":true}`)
		assert.Equal(t, true, c["paused"])
		assert.Equal(t, "paused", c["state"])
		change(`{"paused":true,"name":"Entra"}`)
		change(`{}`)
		assert.Len(t, h.events(membership.ActionConnectionPaused), 1, "a change that did nothing is no event")
		assert.Len(t, h.events(membership.ActionConnectionUpdated), 1)
		assert.Equal(t, "active", change(`{"paused":false}`)["state"])
		assert.Len(t, h.events(membership.ActionConnectionResumed), 1)

		for _, body := range []string{
			`{"name":""}`, `{"name":null}`, `{"idp":"ldap"}`, `{"group_kind":"big"}`, `{"group_kind":""}`,
			`{"paused":"yes"}`,
			`{"state":"paused"}`,
		} {
			h.do(http.MethodPatch, path, body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		h.do(http.MethodGet, "/v1/connections?removed=maybe", "").fails(http.StatusBadRequest, codeInvalidInput)
	})
}

// The replica that was asked answers the very next request of the provider.
func TestPausedConnection(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group := h.provisionGroup("Engineering", h.provisionUser("bjensen"))
		path := "/v1/connections/" + h.mine.ConnectionID.String()
		paused := func() bool {
			p, err := h.verifier.Verify(t.Context(), "Bearer "+h.mine.SCIMToken)
			require.NoError(t, err)
			return p.Paused
		}
		assert.False(t, paused())
		h.do(http.MethodPatch, path, `{"paused":true}`).is(http.StatusOK)
		assert.True(t, paused())
		assert.Len(t, h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data(), 1, "grants stay")
		h.do(http.MethodPatch, path, `{"paused":false}`).is(http.StatusOK)
		assert.False(t, paused())
	})
}

func TestRemoveConnection(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bjensen, local := h.provisionUser("bjensen"), h.user("local")
		group := h.provisionGroup("Engineering", bjensen)
		h.member(group, local)
		path := "/v1/connections/" + h.mine.ConnectionID.String()
		for _, q := range []string{"", "?members=drop", "?members=release&dry_run=yes", "?dry_run=true"} {
			h.do(http.MethodDelete, path+q, "").fails(http.StatusBadRequest, codeInvalidInput)
		}
		message := h.do(http.MethodDelete, path, "").fails(http.StatusBadRequest, codeInvalidInput)
		for _, way := range []string{"release", "convert", "freeze"} {
			assert.Contains(t, message, way)
		}
		n := h.do(http.MethodDelete, path+"?members=release&dry_run=true", "").is(http.StatusOK)
		assert.Equal(t, map[string]any{
			"members": "release", "users": 1., "groups": 1., "grants": 1., "credentials": 1., "memberships_ended": 1.,
			"local_grants_opened": 0., "local_grants_ending": 0.,
			"users_left_without_groups": 1., "users_deactivated": 0.,
			"users_without_provider": 1.,
			"groups_deleted":         0.,
		}, n)
		assert.Len(t, h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data(), 2, "a dry run does nothing")
		_, err := h.verifier.Verify(t.Context(), "Bearer "+h.mine.SCIMToken)
		require.NoError(t, err)

		h.do(http.MethodDelete, path+"?members=freeze&reason=INC-1", "").is(http.StatusNoContent)
		_, err = h.verifier.Verify(t.Context(), "Bearer "+h.mine.SCIMToken)
		require.ErrorIs(t, err, auth.ErrUnauthenticated, "at once where it was asked for")
		c := h.do(http.MethodGet, path, "").is(http.StatusOK)
		assert.Equal(t, "frozen", c["state"])
		assert.NotEmpty(t, c["removed_at"])
		assert.Len(t, h.do(http.MethodGet, "/v1/connections", "").data(), 1)
		h.do(http.MethodPost, "/v1/tokens",
			`{"name":"x","kind":"scim","connection_id":"`+h.mine.ConnectionID.String()+`"}`).
			fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodPatch, path, `{"paused":true}`).fails(http.StatusNotFound, codeNotFound)

		h.do(http.MethodDelete, path+"?members=convert", "").is(http.StatusNoContent)
		for _, m := range h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data() {
			assert.Equal(t, "local", m["membership_source"])
		}
		assert.Empty(t, h.do(http.MethodGet, "/v1/connections", "").data())
		assert.Equal(t, "removed", h.do(http.MethodGet, "/v1/connections?removed=true", "").data()[0]["state"])
		h.do(http.MethodDelete, path+"?members=release", "").fails(http.StatusNotFound, codeNotFound)
		frozen := h.events(membership.ActionConnectionFrozen)
		require.Len(t, frozen, 1)
		assert.Equal(t, "INC-1", frozen[0].Reason)
		assert.Len(t, h.events(membership.ActionTokenRevoked), 1)
	})
}
