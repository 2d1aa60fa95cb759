package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestGroupLifecycle(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.do(http.MethodPost, "/v1/groups", `{"display_name":"Engineering"}`).is(http.StatusCreated)
		assertFields(t, g, "id", "display_name", "kind", "origin", "permissions", "max_grant_seconds",
			"grants_must_end", "created_at", "updated_at")
		assert.Equal(t, "Engineering", g["display_name"])
		assert.Equal(t, "custom", g["kind"])
		assert.Equal(t, "local", g["origin"])
		created := recently(t, g["created_at"])
		id := g["id"].(string)
		path := "/v1/groups/" + id
		assert.Equal(t, g, h.do(http.MethodGet, path, "").is(http.StatusOK))

		c := h.do(http.MethodPatch, path, `{"display_name":"R&D"}`).is(http.StatusOK)
		assert.Equal(t, "R&D", c["display_name"])
		assert.True(t, recently(t, c["updated_at"]).After(created))

		user := h.user("ada")
		h.member(id, user)
		h.do(http.MethodDelete, path+"?reason=merged", "").is(http.StatusNoContent)
		for _, gone := range []string{path, path + "/members", path + "/members/" + user} {
			h.do(http.MethodGet, gone, "").fails(http.StatusNotFound, codeNotFound)
		}
		assert.Equal(t, "merged", h.events(membership.ActionGrantClosed)[0].Reason)
		h.do(http.MethodGet, "/v1/users/"+user, "").is(http.StatusOK)
	})
}

// Rule 33: changing the kind closes nothing. (Rule 12 has its test with the
// members.)
func TestGroupKind(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		user := h.user("ada")
		group := h.group("Group")
		h.member(group, user)
		g := h.do(http.MethodPatch, "/v1/groups/"+group, `{"kind":"enterprise"}`).is(http.StatusOK)
		assert.Equal(t, "enterprise", g["kind"])
		require.Len(t, h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data(), 1)
		h.do(http.MethodDelete, "/v1/groups/"+group+"/members/"+user, "").is(http.StatusNoContent)
		h.do(http.MethodPost, "/v1/groups/"+group+"/members", `{"user_id":"`+user+`"}`).
			fails(http.StatusForbidden, codeGroupManaged)

		enterprise := h.do(http.MethodPost, "/v1/groups", `{"display_name":"E","kind":"enterprise"}`).
			is(http.StatusCreated)
		assert.Equal(t, "enterprise", enterprise["kind"])
		for _, body := range []string{
			`{"display_name":"G","kind":"local"}`, `{"display_name":"G","kind":""}`, `{"display_name":"G","kind":null}`,
			`{"kind":"custom"}`, `{"display_name":" "}`, `{"display_name":["G"]}`,
		} {
			h.do(http.MethodPost, "/v1/groups", body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		h.do(http.MethodPatch, "/v1/groups/"+group, `{"kind":""}`).fails(http.StatusBadRequest, codeInvalidInput)
		h.do(http.MethodPatch, "/v1/groups/"+group, `{"display_name":null}`).
			fails(http.StatusBadRequest, codeInvalidInput)
	})
}

func TestListGroups(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		local, synced, third := h.group("Owners"), h.provisionGroup("owners"), h.group("Others")
		groups := h.do(http.MethodGet, "/v1/groups", "").data()
		require.Len(t, groups, 3)
		assert.Equal(t, third, groups[2]["id"])

		// Rule 30: the two of one name are told apart by their origin.
		owners := h.do(http.MethodGet, "/v1/groups?display_name=OWNERS", "").data()
		require.Len(t, owners, 2)
		assert.Equal(t, []any{local, "local"}, []any{owners[0]["id"], owners[0]["origin"]})
		assert.Equal(t, []any{synced, "scim"}, []any{owners[1]["id"], owners[1]["origin"]})

		assert.Len(t, h.do(http.MethodGet, "/v1/groups?display_name=owners&origin=scim&kind=custom", "").data(), 1)
		assert.Len(t, h.do(http.MethodGet, "/v1/groups?display_name_prefix=OWN", "").data(), len(owners))
		assert.Len(t, h.do(http.MethodGet, "/v1/groups?display_name_prefix=own&origin=scim", "").data(), 1)
		assert.Len(t, h.do(http.MethodGet, "/v1/groups?origin=local", "").data(), 2)
		assert.Empty(t, h.do(http.MethodGet, "/v1/groups?kind=enterprise", "").data())

		first := h.do(http.MethodGet, "/v1/groups?limit=2", "").is(http.StatusOK)
		assert.Len(t, first["data"], 2)
		rest := h.do(http.MethodGet, "/v1/groups?cursor="+first["next_cursor"].(string), "")
		require.Len(t, rest.data(), 1)
		assert.Equal(t, third, rest.data()[0]["id"])

		h.do(http.MethodDelete, "/v1/groups/"+synced, "").fails(http.StatusForbidden, codeGroupManaged)
		h.do(http.MethodGet, "/v1/groups?user_name=x", "").fails(http.StatusBadRequest, codeInvalidInput)
	})
}
