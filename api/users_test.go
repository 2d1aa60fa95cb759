package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestUserLifecycle(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		u := h.do(http.MethodPost, "/v1/users", `{"user_name":"ada","email":"ada@example.com","name":"Ada"}`).
			is(http.StatusCreated)
		assertFields(t, u, "id", "user_name", "email", "name", "active", "origin", "created_at", "updated_at")
		assert.Equal(t, "ada", u["user_name"])
		assert.Equal(t, "ada@example.com", u["email"])
		assert.Equal(t, "Ada", u["name"])
		assert.Equal(t, true, u["active"])
		assert.Equal(t, "local", u["origin"])
		created := recently(t, u["created_at"])
		assert.Equal(t, u["created_at"], u["updated_at"])
		path := "/v1/users/" + u["id"].(string)
		assert.Equal(t, u, h.do(http.MethodGet, path, "").is(http.StatusOK))

		c := h.do(http.MethodPatch, path, `{"name":"Ada L.","reason":"married"}`).is(http.StatusOK)
		assert.Equal(t, "Ada L.", c["name"])
		assert.Equal(t, "ada", c["user_name"])
		assert.True(t, recently(t, c["updated_at"]).After(created))
		events := h.events(membership.ActionUserUpdated)
		require.Len(t, events, 1)
		assert.Equal(t, "married", events[0].Reason)

		assert.Equal(t, c, h.do(http.MethodPatch, path, `{}`).is(http.StatusOK), "nothing to change")
		assert.Equal(t, c, h.do(http.MethodPatch, path, `{"name":"Ada L."}`).is(http.StatusOK))
		assert.Len(t, h.events(membership.ActionUserUpdated), 1, "a change that did nothing leaves no event")

		h.do(http.MethodDelete, path+"?reason=left", "").is(http.StatusNoContent)
		h.do(http.MethodGet, path, "").fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodDelete, path, "").fails(http.StatusNotFound, codeNotFound)
		assert.Equal(t, "left", h.events(membership.ActionUserDeleted)[0].Reason)

		inactive := h.do(http.MethodPost, "/v1/users", `{"user_name":"ADA","email":"","name":"","active":false}`).
			is(http.StatusCreated)
		assert.Equal(t, false, inactive["active"], "the name is free again")
	})
}

func TestUserRefusesBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		path := "/v1/users/" + h.user("ada")
		h.do(http.MethodPost, "/v1/users", `{"user_name":"ADA","email":"","name":""}`).
			fails(http.StatusConflict, codeAlreadyExists)
		h.user("grace")
		h.do(http.MethodPatch, path, `{"user_name":"Grace"}`).fails(http.StatusConflict, codeAlreadyExists)

		for _, body := range []string{
			`{"email":"a@example.com","name":"A"}`, `{"user_name":"a","name":"A"}`,
			`{"user_name":"a","email":"a@example.com"}`,
			`{"user_name":" ","email":"","name":""}`, `{"user_name":"a","email":"no address","name":""}`,
			`{"user_name":"a\u0000","email":"","name":""}`, `{"user_name":"` + strings.Repeat("a", 801) +
				`","email":"","name":""}`,
			`{"user_name":"a","email":"","name":"","origin":"scim"}`,
			`{"user_name":"a","email":"","name":"","active":0}`,
		} {
			h.do(http.MethodPost, "/v1/users", body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		for _, body := range []string{
			`{"name":null}`, `{"active":null}`, `{"user_name":""}`, `{"email":7}`, `{"id":"x"}`,
			`{"name":"a","name":"b"}`, `[]`,
			`null`, ``,
		} {
			h.do(http.MethodPatch, path, body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		assert.Len(t, h.do(http.MethodGet, "/v1/users", "").data(), 2)
		assert.Empty(t, h.events(membership.ActionUserUpdated))
	})
}

func TestListUsers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, grace := h.user("ada"), h.provisionUser("grace")
		users := h.do(http.MethodGet, "/v1/users", "").data()
		require.Len(t, users, 2)
		assert.Equal(t, ada, users[0]["id"])
		assert.Equal(t, grace, users[1]["id"])
		assert.Equal(t, "scim", users[1]["origin"])

		one := func(query, want string) {
			t.Helper()
			us := h.do(http.MethodGet, "/v1/users?"+query, "").data()
			require.Len(t, us, 1, query)
			assert.Equal(t, want, us[0]["id"], query)
		}
		one("user_name=ADA", ada)
		one("user_name_prefix=AD", ada)
		one("user_name_prefix=%20gR&email=grace%40example.com", grace)
		assert.Empty(t, h.do(http.MethodGet, "/v1/users?user_name_prefix=%20", "").data())
		assert.Empty(t, h.do(http.MethodGet, "/v1/users?user_name_prefix=adaa", "").data())
		one("email=Grace%40Example.com", grace)
		one("email=Grace%40Example.com&user_name=GRACE&origin=scim&active=true", grace)
		one("origin=local", ada)
		assert.Empty(t, h.do(http.MethodGet, "/v1/users?active=false", "").data())
		assert.Empty(t, h.do(http.MethodGet, "/v1/users?user_name=nobody", "").data())
		assert.Empty(t, h.do(http.MethodGet, "/v1/users?user_name=ada&email=grace%40example.com", "").data())

		first := h.do(http.MethodGet, "/v1/users?limit=1", "")
		require.Len(t, first.data(), 1)
		cursor, _ := first.is(http.StatusOK)["next_cursor"].(string)
		require.NotEmpty(t, cursor)
		last := h.do(http.MethodGet, "/v1/users?limit=1&cursor="+cursor, "")
		require.Len(t, last.data(), 1)
		assert.Equal(t, grace, last.data()[0]["id"])
		assertFields(t, last.is(http.StatusOK), "data")

		h.do(http.MethodGet, "/v1/users?username=ada", "").fails(http.StatusBadRequest, codeInvalidInput)
		h.do(http.MethodGet, "/v1/users?user_name=", "").fails(http.StatusBadRequest, codeInvalidInput)
	})
}

// Rule 26: a native suspension wins over every provider.
func TestSuspensionWins(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		user := h.provisionUser("grace")
		group := h.provisionGroup("Group", user)
		path := "/v1/users/" + user
		active := func() any { return h.do(http.MethodGet, path, "").is(http.StatusOK)["active"] }
		says := func(active bool) {
			_, err := h.directory.UpdateProvisionedUser(t.Context(), h.provider(), h.ids(user)[0], 0,
				func(l *membership.UserLink) error { l.Active = active; return nil })
			require.NoError(t, err)
		}
		u := h.do(http.MethodPatch, path, `{"active":false,"reason":"breach"}`).is(http.StatusOK)
		assert.Equal(t, false, u["active"])
		assert.Equal(t, "breach", h.events(membership.ActionUserSuspended)[0].Reason)
		says(false)
		says(true)
		assert.Equal(t, false, active(), "no SCIM write undoes it")
		assert.Equal(t, false, h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data()[0]["active"])

		u = h.do(http.MethodPatch, path, `{"active":true}`).is(http.StatusOK)
		assert.Equal(t, true, u["active"])

		says(false)
		h.do(http.MethodPatch, path, `{"active":true}`).fails(http.StatusForbidden, codeForbidden)
		assert.Equal(t, false, active())

		h.do(http.MethodDelete, path, "").fails(http.StatusForbidden, codeForbidden)
		h.do(http.MethodGet, path, "").is(http.StatusOK)
	})
}
