package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGroupsOfAUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		user, other := h.provisionUser("ada"), h.user("other")
		path := "/v1/users/" + user + "/groups"
		assert.Empty(t, h.do(http.MethodGet, path, "").data())
		local, left := h.group("Local"), h.group("Left")
		synced := h.provisionGroup("Synced", user)
		last := h.group("Last")
		for _, g := range []string{local, left, last} {
			h.member(g, user)
		}
		h.member(local, other)
		h.do(http.MethodDelete, "/v1/groups/"+left+"/members/"+user, "").is(http.StatusNoContent)
		h.make("/v1/groups/"+synced+"/members", `{"user_id":"`+user+`","also_local":true}`)

		gs := h.do(http.MethodGet, path, "").data()
		require.Len(t, gs, 3)
		assertFields(t, gs[0], "id", "display_name", "membership_source", "joined_at", "sources")
		for i, want := range []struct{ id, name, source string }{
			{local, "Local", "local"}, {synced, "Synced", "scim"}, {last, "Last", "local"},
		} {
			assert.Equal(t, want.id, gs[i]["id"])
			assert.Equal(t, want.name, gs[i]["display_name"])
			assert.Equal(t, want.source, gs[i]["membership_source"])
			m := h.do(http.MethodGet, "/v1/groups/"+want.id+"/members/"+user, "").is(http.StatusOK)
			assert.Equal(t, m["joined_at"], gs[i]["joined_at"])
			assert.Equal(t, m["sources"], gs[i]["sources"], "the same evidence from both sides")
		}

		first := h.do(http.MethodGet, path+"?limit=2", "")
		assert.Equal(t, gs[:2], first.data())
		cursor, _ := first.is(http.StatusOK)["next_cursor"].(string)
		rest := h.do(http.MethodGet, path+"?limit=2&cursor="+cursor, "")
		assert.Equal(t, gs[2:], rest.data())
		assertFields(t, rest.is(http.StatusOK), "data")

		h.make("/v1/policies", policyBody(map[string]string{
			"id": "quiet",
			"cedar": `forbid (principal, action == Action::"members.read", resource) when { resource.display_name ` +
				`== "Local" };`,
		}))
		assert.Equal(t, gs[1:], h.do(http.MethodGet, path, "").data(),
			"a group whose members nobody may read does not show here")
		first = h.do(http.MethodGet, path+"?limit=1", "")
		assert.Empty(t, first.data())
		cursor, _ = first.is(http.StatusOK)["next_cursor"].(string)
		assert.Equal(t, gs[1:2], h.do(http.MethodGet, path+"?limit=1&cursor="+cursor, "").data())
	})
}
