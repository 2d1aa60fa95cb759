package server

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// The command line erases a person of whom a request still waits in the server.
func TestErasureByAnotherProcess(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		scim := "Bearer " + h.mine.SCIMToken
		h.window(h.mine, 1)
		w := h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"ann"}`, scim)
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		user := path(w.Header().Get("Location"))
		require.Equal(t, http.StatusNoContent, h.send(http.MethodDelete, "/scim/v2"+user, "", scim).Code)
		require.Len(t, h.list(h.mine, "user_name=ann"), 1)
		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"ann","active":"?"}`, scim) // refused; it waits

		id, err := membership.ParseID(idOf(user))
		require.NoError(t, err)
		command := membership.NewDirectory(h.store, dbtest.AllowAll{},
			membership.Options{Eraser: RequestEraser(h.config, h.store)})
		_, err = command.EraseUser(t.Context(), membership.Call{
			Tenant: h.mine.TenantID, Reason: "r", Actor: membership.Actor{Kind: membership.ActorOperator, ID: "x"},
			Credential: membership.Credential{Kind: membership.CredentialSystem},
		}, id)
		require.NoError(t, err)
		all := h.list(h.mine, "")
		require.Len(t, all, 3)
		assert.Equal(t, "refused", all[0]["outcome"])
		assert.Empty(t, h.list(h.mine, "user_name=ann"))
		text, _ := h.body(h.mine, all[0]["id"])
		assert.Empty(t, text)
	})
}
