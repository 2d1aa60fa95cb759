package api

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestGroupLinks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		bjensen, group := h.provisionUser("bjensen"), h.group("Owners")
		h.member(group, h.user("local"))
		links, connection := "/v1/groups/"+group+"/links", h.mine.ConnectionID.String()
		assert.Empty(t, h.do(http.MethodGet, links, "").data())

		assert.Equal(t,
			map[string]any{"members": 1., "local": 1., "other_connections": 0., "unseen": 1., "could_gain": 1.},
			h.do(http.MethodPost, links, `{"connection_id":"`+connection+`","dry_run":true}`).is(http.StatusOK))
		assert.Empty(t, h.events(membership.ActionGroupLinked))
		body := `{"connection_id":"` + connection + `","external_id":"x","reason":"INC-1"}`
		l := h.do(http.MethodPost, links, body, header("Idempotency-Key", "link-1")).is(http.StatusCreated)
		assertFields(t, l, "connection_id", "external_id", "display_name", "version", "created_at", "last_modified")
		assert.Equal(t, "Owners", l["display_name"])
		again := h.do(http.MethodPost, links, body, header("Idempotency-Key", "link-1"))
		assert.Equal(t, l, again.is(http.StatusCreated))
		assert.Equal(t, "true", again.header.Get(replayedHeader))
		assert.Equal(t, []map[string]any{l}, h.do(http.MethodGet, links, "").data())
		require.Len(t, h.events(membership.ActionGroupLinked), 1)
		for _, dry := range []string{"true", "false"} {
			h.do(http.MethodPost, links, `{"connection_id":"`+connection+`","dry_run":`+dry+`}`).
				fails(http.StatusConflict, codeAlreadyExists)
		}
		for _, bad := range []string{
			`{}`, `{"connection_id":"x"}`, `{"connection_id":null}`,
			`{"connection_id":"` + connection + `","dry_run":"yes"}`,
			`{"connection_id":"` + connection + `","display_name":"x"}`,
		} {
			h.do(http.MethodPost, links, bad).fails(http.StatusBadRequest, codeInvalidInput)
		}

		var delta membership.MemberDelta
		delta.Add(h.ids(bjensen)...)
		_, err := h.directory.UpdateProvisionedGroup(t.Context(), h.provider(), h.ids(group)[0],
			membership.GroupUpdate{Members: delta})
		require.NoError(t, err)
		h.do(http.MethodDelete, "/v1/groups/"+group, "").fails(http.StatusForbidden, "group_managed_by_idp")

		of := links + "/" + connection
		for _, q := range []string{"", "?members=freeze", "?members=release&dry_run=yes", "?dry_run=true"} {
			h.do(http.MethodDelete, of+q, "").fails(http.StatusBadRequest, codeInvalidInput)
		}
		assert.Equal(t, map[string]any{
			"members": "release", "grants": 1., "memberships_ended": 1., "local_grants_opened": 0.,
			"local_grants_ending": 0.,
			"group_deleted":       false,
		}, h.do(http.MethodDelete, of+"?members=release&dry_run=true", "").is(http.StatusOK))
		assert.Equal(t, map[string]any{
			"members": "convert", "grants": 1., "memberships_ended": 0., "local_grants_opened": 1.,
			"local_grants_ending": 0.,
			"group_deleted":       false,
		}, h.do(http.MethodDelete, of+"?members=convert&dry_run=true", "").is(http.StatusOK))
		h.do(http.MethodDelete, of+"?members=convert&reason=INC-2", "").is(http.StatusNoContent)
		assert.Empty(t, h.do(http.MethodGet, links, "").data())
		for _, m := range h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data() {
			assert.Equal(t, "local", m["membership_source"])
		}
		assert.Equal(t, "link not found", h.do(http.MethodDelete, of+"?members=convert", "").
			fails(http.StatusNotFound, codeNotFound))
		h.do(http.MethodDelete, "/v1/groups/"+group, "").is(http.StatusNoContent)
	})
}

func TestUserLinks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ls := h.do(http.MethodGet, "/v1/users/"+h.provisionUser("bjensen")+"/links", "").data()
		require.Len(t, ls, 1)
		assertFields(t, ls[0], "connection_id", "external_id", "user_name", "active", "version", "created_at",
			"last_modified")
		assert.Equal(t, h.mine.ConnectionID.String(), ls[0]["connection_id"])
		assert.Empty(t, h.do(http.MethodGet, "/v1/users/"+h.user("local")+"/links", "").data())
	})
}
