package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// custom sends a request to add users to a group of an organization.
func (h *house) custom(org, group, body string, changes ...with) reply {
	h.t.Helper()
	return h.do(http.MethodPost, "/csp/gateway/am/api/orgs/"+org+"/groups/"+group+"/users", body,
		append([]with{header("X-Tenant-ID")}, changes...)...)
}

// The request is the published example of POST …/orgs/{orgId}/groups/{groupId}/users.
func TestAddToCustomGroupAsPublished(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		org, group := h.mine.TenantID.String(), h.group("G")
		h.user("ada")
		h.make("/v1/users", `{"user_name":"string","email":"","name":""}`)
		v := h.custom(org, group, `{"invitedBy":"string","notifyUsers":false,"usernamesToAdd":["string"]}`).
			is(http.StatusOK)
		assert.Equal(t, map[string]any{"failed": []any{}, "succeeded": []any{"string"}}, v)

		// Partial success, in the order of the request.
		v = h.custom(org, group, `{"usernamesToAdd":["nobody","ADA","string","ada","","\u0000"]}`).is(http.StatusOK)
		assert.Equal(t, map[string]any{
			"failed": []any{"nobody", "string", "", "\u0000"}, "succeeded": []any{"ADA"},
		}, v)

		message := func(r reply, status int, code string) string { return r.fails(status, code) }
		body := `{"usernamesToAdd":["ada"]}`
		enterprise := h.make("/v1/groups", `{"display_name":"E","kind":"enterprise"}`)
		refusals := len(h.events(membership.ActionRefused))
		assert.Equal(t, "Adding users to enterprise groups is not allowed",
			message(h.custom(org, enterprise, body), 400, codeGroupManaged))
		assert.Len(t, h.events(membership.ActionRefused), refusals+1)
		gone := h.group("Gone")
		h.do(http.MethodDelete, "/v1/groups/"+gone, "").is(http.StatusNoContent)
		assert.Equal(t, "Group not part of the organization", message(h.custom(org, gone, body), 400, codeInvalidInput))
		theirs := h.make("/v1/groups", `{"display_name":"T"}`, as(h.other))
		h.do(http.MethodDelete, "/v1/groups/"+theirs, "", as(h.other)).is(http.StatusNoContent)
		for _, id := range []string{theirs, membership.NewID().String(), "x",
			h.make("/v1/groups", `{"display_name":"T"}`, as(h.other))} {
			assert.Equal(t, "Group with this identifier is not found.",
				message(h.custom(org, id, body), 404, codeNotFound))
		}
		for _, id := range []string{h.other.TenantID.String(), membership.NewID().String(), "x"} {
			assert.Equal(t, "Organization with this identifier is not found.",
				message(h.custom(id, group, body), 404, codeNotFound))
		}

		for _, bad := range []string{
			`{}`, `{"usernamesToAdd":[]}`, `{"usernamesToAdd":"ada"}`, `{"usernamesToAdd":["ada"],"invitedBy":1}`,
			`{"usernamesToAdd":["ada"],"x":1}`,
			`{"usernamesToAdd":["ada"],"invitedBy":"` + strings.Repeat("x", membership.MaxText+1) + `"}`,
			`{"usernamesToAdd":["` + strings.Repeat(`x","`, maxMany) + `x"]}`,
		} {
			h.custom(org, group, bad).fails(http.StatusBadRequest, codeInvalidInput)
		}
		h.custom(org, group, body, header("Authorization")).fails(http.StatusUnauthorized, codeUnauthenticated)
		_, writer := h.token("GROUPS:WRITE")
		assert.Contains(t, h.custom(org, group, body, bearer(writer)).fails(http.StatusForbidden, codeForbidden),
			"org_owner")
	})
}

// A policy's no for one user fails that user, and leaves its event.
func TestAddToCustomGroupAsksAboutEachUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		org, group := h.mine.TenantID.String(), h.group("G")
		h.user("ada")
		bob := h.user("bob")
		h.make("/v1/policies",
			`{"id":"no-bob","cedar":"forbid (principal, action == Action::\"members.add\", resource) `+
				`when { context.user.user_name == \"bob\" };"}`)
		v := h.custom(org, group, `{"usernamesToAdd":["bob","ada"]}`).is(http.StatusOK)
		assert.Equal(t, map[string]any{"failed": []any{"bob"}, "succeeded": []any{"ada"}}, v)
		refusals := h.events(membership.ActionRefused)
		require.Len(t, refusals, 1)
		assert.Equal(t, bob, refusals[0].User.String())
		_, writer := h.token("GROUPS:WRITE")
		h.custom(org, group, `{"usernamesToAdd":["ada"]}`, bearer(writer)).fails(http.StatusForbidden, codeForbidden)
	})
}

// Who invited is named when it is a user of the tenant; addresses stay out of
// the history.
func TestInvitedBy(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		org, group, grace := h.mine.TenantID.String(), h.group("G"), h.user("grace")
		for name, by := range map[string]string{
			"a": "GRACE@example.com", "b": "Grace", "c": strings.ToUpper(grace), "d": "stranger@example.com", "e": "",
		} {
			h.user(name)
			h.custom(org, group, `{"usernamesToAdd":["`+name+`"],"invitedBy":"`+by+`","notifyUsers":true}`).
				is(http.StatusOK)
		}
		var named int
		for _, e := range h.events(membership.ActionGrantOpened) {
			if e.Reason != "" {
				assert.Equal(t, "invited by user:"+grace, e.Reason)
				named++
			}
		}
		assert.Equal(t, 3, named)
		waiting := h.do(http.MethodGet, "/v1/notifications", "").data()
		require.Len(t, waiting, 5)
		for _, n := range waiting {
			assert.NotContains(t, n, "@")
			assert.Equal(t, membership.NotifyMembersAdded, n["kind"])
			payload, ok := n["payload"].(map[string]any)
			require.True(t, ok)
			assert.Equal(t, group, payload["group_id"])
			assert.Len(t, payload["user_ids"], 1)
		}
	})
}

func TestNotifications(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		org, group := h.mine.TenantID.String(), h.group("G")
		for _, name := range []string{"a", "b", "c"} {
			h.user(name)
			h.custom(org, group, `{"usernamesToAdd":["`+name+`"],"notifyUsers":true}`).is(http.StatusOK)
		}
		h.custom(org, group, `{"usernamesToAdd":["a"],"notifyUsers":true}`).is(http.StatusOK) // no user was added
		assert.Empty(t, h.do(http.MethodGet, "/v1/notifications", "", as(h.other)).data())

		first := h.do(http.MethodGet, "/v1/notifications?limit=2", "").is(http.StatusOK)
		rest := h.do(http.MethodGet, "/v1/notifications?cursor="+first["next_cursor"].(string), "").data()
		require.Len(t, rest, 1)
		id := rest[0]["id"].(string)
		h.do(http.MethodDelete, "/v1/notifications/"+id, "", as(h.other)).fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodDelete, "/v1/notifications/"+id, "").is(http.StatusNoContent)
		h.do(http.MethodDelete, "/v1/notifications/"+id, "").fails(http.StatusNotFound, codeNotFound)
		assert.Len(t, h.do(http.MethodGet, "/v1/notifications", "").data(), 2)
		assert.Len(t, h.events(membership.ActionNotificationDelivered), 1)
	})
}

func TestAddThousandsToCustomGroup(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		n := maxMany
		if h.store.Engine() == "postgres" {
			n = 2000
		}
		users, names := make([]membership.User, n), make([]string, n)
		for i := range users {
			users[i] = membership.User{
				ID: membership.NewID(), Origin: membership.SourceLocal, Active: true, CreatedAt: recentTime(),
				UpdatedAt: recentTime(),
			}
			names[i] = users[i].ID.String() + strings.Repeat("-", 100)
			users[i].UserName = names[i]
		}
		require.NoError(t, h.store.Update(t.Context(), h.mine.TenantID, func(tx membership.Tx) error {
			return tx.InsertUsers(t.Context(), users)
		}))
		body, err := json.Marshal(map[string]any{"usernamesToAdd": names})
		require.NoError(t, err)
		v := h.custom(h.mine.TenantID.String(), h.group("G"), string(body)).is(http.StatusOK)
		assert.Len(t, v["succeeded"], n)
		assert.Empty(t, v["failed"])
	})
}
