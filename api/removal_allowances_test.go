package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestRemovalAllowances(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		path := "/v1/connections/" + h.mine.ConnectionID.String() + "/removal-allowances"
		require.Empty(t, h.do(http.MethodGet, path, "").data())

		any1 := h.do(http.MethodPost, path, `{}`).is(http.StatusCreated)
		assertFields(t, any1, "id", "connection_id", "allowed_by", "created_at", "expires_at")
		assert.Equal(t, h.mine.ConnectionID.String(), any1["connection_id"])
		assert.Equal(t, 24*time.Hour, life(t, any1))

		group := h.provisionGroup("Staff")
		one := h.do(http.MethodPost, path, `{"group_id":"`+group+`","expires_in_seconds":90,"reason":"INC-1"}`).
			is(http.StatusCreated)
		assert.Equal(t, group, one["group_id"])
		assert.Equal(t, "INC-1", one["reason"])
		assert.Equal(t, 90*time.Second, life(t, one))
		assert.Equal(t, []map[string]any{any1, one}, h.do(http.MethodGet, path, "").data())
		events := h.events(membership.ActionRemovalAllowed)
		require.Len(t, events, 2)
		assert.Equal(t, "INC-1", events[1].Reason)
		assert.Equal(t, group, events[1].Group.String())
		assert.JSONEq(t, `{"allowance_id":"`+one["id"].(string)+`","connection_id":"`+h.mine.ConnectionID.String()+
			`","expires_at":"`+one["expires_at"].(string)+`"}`, string(events[1].After))

		h.do(http.MethodDelete, path+"/"+any1["id"].(string)+"?reason=INC-2", "").is(http.StatusNoContent)
		h.do(http.MethodDelete, path+"/"+any1["id"].(string), "").fails(http.StatusNotFound, codeNotFound)
		assert.Equal(t, []map[string]any{one}, h.do(http.MethodGet, path, "").data())
		withdrawn := h.events(membership.ActionAllowanceGone)
		require.Len(t, withdrawn, 1)
		assert.Equal(t, "INC-2", withdrawn[0].Reason)

		for _, body := range []string{
			``, `[]`, `{"group_id":null}`, `{"group_id":"staff"}`, `{"expires_in_seconds":0}`,
			`{"expires_in_seconds":-1}`,
			`{"expires_in_seconds":604801}`, `{"expires_in_seconds":1.5}`, `{"requests":2}`,
		} {
			h.do(http.MethodPost, path, body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		for _, id := range []string{h.group("local"), membership.NewID().String(), membership.ID{}.String()} {
			assert.Equal(t, "group not found",
				h.do(http.MethodPost, path, `{"group_id":"`+id+`"}`).fails(http.StatusNotFound, codeNotFound))
		}
		// An allowance is found under its own connection only.
		second := h.make("/v1/connections", `{"name":"Second"}`)
		h.do(http.MethodDelete, "/v1/connections/"+second+"/removal-allowances/"+one["id"].(string), "").
			fails(http.StatusNotFound, codeNotFound)
		require.Empty(t, h.do(http.MethodGet, "/v1/connections/"+second+"/removal-allowances", "").data())
		require.Len(t, h.do(http.MethodGet, path, "").data(), 1)
	})
}

func life(t *testing.T, a map[string]any) time.Duration {
	t.Helper()
	var at [2]time.Time
	for i, name := range []string{"created_at", "expires_at"} {
		var err error
		at[i], err = time.Parse(time.RFC3339, a[name].(string))
		require.NoError(t, err)
	}
	return at[1].Sub(at[0])
}
