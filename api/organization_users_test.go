package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func (h *house) place(body string, changes ...with) reply {
	h.t.Helper()
	return h.do(http.MethodPut, "/api/v1/organizations/"+h.mine.TenantID.String()+"/users", body,
		append([]with{header("X-Tenant-ID")}, changes...)...)
}

// The answers are those of the published schema of PUT
// /api/v1/organizations/{organization_id}/users.
func TestAddOrganizationUsersAsPublished(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada := h.user("ada")
		role := h.do(http.MethodPost, "/v1/roles", `{"name":"Editor","permissions":[`+
			`{"name":"docs.write","description":"Write","access":true},`+
			`{"name":"docs.delete","access":false,"description":null}]}`).
			is(http.StatusCreated)
		body := `[{"email":"NEW@example.com","project_ids":null,"user_id":null,"role_id":null},` +
			`{"user_id":"` + ada + `","email":"ADA@example.com","project_ids":["p2","p1"],"role_id":"` +
			role["id"].(string) + `"}]`
		all := h.place(body).array()
		require.Len(t, all, 2)
		fields := []string{
			"id", "created_at", "updated_at", "email", "user_id", "organization_id", "pending",
			"invited_by_user_id", "invited_by_user_email", "roles",
		}
		invited, placed := all[0], all[1]
		assertFields(t, invited, fields...)
		assertFields(t, placed, fields...)
		assert.Equal(t, true, invited["pending"])
		assert.Equal(t, "NEW@example.com", invited["email"])
		assert.Equal(t, []any{}, invited["roles"])
		assert.Nil(t, invited["invited_by_user_id"], "a token is no user")
		assert.Nil(t, invited["invited_by_user_email"])
		recently(t, invited["created_at"])
		assert.Equal(t, ada, placed["user_id"])
		assert.Equal(t, false, placed["pending"])
		assert.Equal(t, h.mine.TenantID.String(), placed["organization_id"])
		roles := placed["roles"].([]any)
		require.Len(t, roles, 1)
		a := roles[0].(map[string]any)
		assertFields(t, a, "id", "created_at", "updated_at", "user_id", "organization_id", "role_id", "role")
		assert.Equal(t, ada, a["user_id"])
		assert.Equal(t, role["id"], a["role_id"])
		r := a["role"].(map[string]any)
		assertFields(t, r, "id", "created_at", "updated_at", "name", "organization_id", "permissions")
		assert.Equal(t, role["permissions"], r["permissions"])
		for _, p := range r["permissions"].([]any) {
			assertFields(t, p.(map[string]any), "id", "created_at", "updated_at", "name", "description", "access")
		}

		// The same again: the same answer, and not one event.
		count := func() (n int) {
			for _, action := range []membership.Action{
				membership.ActionUserCreated, membership.ActionOrganizationMemberAdded,
				membership.ActionOrganizationMemberUpdated,
				membership.ActionRoleAssigned,
			} {
				n += len(h.events(action))
			}
			return n
		}
		before := count()
		assert.Equal(t, all, h.place(body).array())
		assert.Equal(t, before, count())
		h.place(strings.Replace(body, `["p2","p1"]`, `["p3"]`, 1)).array()
		assert.Equal(t, before+1, count())

		byCookie := func(site string) reply {
			return h.place(body, header("Authorization"), header("Cookie", "session="+h.mine.APIToken),
				header("Sec-Fetch-Site", site))
		}
		byCookie("cross-site").fails(http.StatusForbidden, codeForbidden)
		byCookie("same-origin").array()
		h.place(strings.Replace(body, `["p2","p1"]`, `["p3"]`, 1)).array()

		seen := h.do(http.MethodGet, "/v1/users/"+ada+"/organization", "").is(http.StatusOK)
		assert.Equal(t, []any{"p3"}, seen["project_ids"])
		assert.Equal(t, placed["id"], seen["id"])

		for _, bad := range []string{
			``, `{}`, `[]`, `[{}]`, `[{"project_ids":null}]`, `[{"email":"x","project_ids":null}]`, `[{"email":"a@b"}]`,
			`[{"email":"a@b","project_ids":"p"}]`, `[{"email":"a@b","project_ids":[""]}]`,
			`[{"user_id":"x","project_ids":null}]`,
			`[{"user_id":"` + ada + `","email":"other@example.com","project_ids":null}]`,
			`[{"email":"a@b","project_ids":null,"role":"x"}]`,
			`[{"email":"a@b","project_ids":null},{"email":"A@b","project_ids":[]}]`,
		} {
			h.place(bad).fails(http.StatusBadRequest, codeInvalidInput)
		}
		nobody := membership.NewID().String()
		h.place(`[{"email":"z@b","project_ids":null},{"user_id":"`+nobody+`","project_ids":null}]`).
			fails(http.StatusNotFound, codeNotFound)
		h.place(`[{"email":"z@b","project_ids":null,"role_id":"`+nobody+`"}]`).fails(http.StatusNotFound, codeNotFound)
		assert.Empty(t, h.do(http.MethodGet, "/v1/users?email=z@b", "").data(), "all or nothing")
		h.do(http.MethodPut, "/api/v1/organizations/"+h.other.TenantID.String()+"/users", body, header("X-Tenant-ID")).
			fails(http.StatusForbidden, codeTenantMismatch)
		_, weak := h.token("USERS:WRITE")
		h.place(body, bearer(weak)).fails(http.StatusForbidden, codeForbidden)
		h.place(`[{"email":"w@b","project_ids":null}]`, bearer(weak)).array()
	})
}

func TestTwoInvitationsAtOnceMakeOneUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		body := `[{"email":"a@example.com","project_ids":null},{"email":"b@example.com","project_ids":null}]`
		var wg sync.WaitGroup
		status := make([]int, 4)
		for i := range status {
			wg.Go(func() {
				req, err := http.NewRequest(http.MethodPut,
					h.server.URL+"/api/v1/organizations/"+h.mine.TenantID.String()+"/users",
					strings.NewReader(body))
				if err != nil {
					return
				}
				as(h.mine)(req)
				resp, err := http.DefaultClient.Do(req)
				if err == nil {
					status[i] = resp.StatusCode
					resp.Body.Close()
				}
			})
		}
		wg.Wait()
		assert.Equal(t, []int{200, 200, 200, 200}, status)
		assert.Len(t, h.do(http.MethodGet, "/v1/users", "").data(), 2)
		assert.Len(t, h.events(membership.ActionOrganizationMemberAdded), 2)
	})
}

func TestAddThousandsOfOrganizationUsers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		n := maxMany
		items := make([]string, n)
		for i := range items {
			items[i] = fmt.Sprintf(`{"email":"user%d@example.com","project_ids":["p"]}`, n-i)
		}
		all := h.place("[" + strings.Join(items, ",") + "]").array()
		require.Len(t, all, n)
		assert.Equal(t, fmt.Sprintf("user%d@example.com", n), all[0]["email"])
		h.place("["+strings.Join(append(items, items[0]), ",")+"]").fails(http.StatusBadRequest, codeInvalidInput)
	})
}

// A user who signs up with the address of an invitation is the one invited.
func TestSignUpClaimsAnInvitation(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		invited := h.place(`[{"email":"ann@example.com","project_ids":null}]`).array()[0]
		id := invited["user_id"].(string)
		u := h.do(http.MethodGet, "/v1/users/"+id, "").is(http.StatusOK)
		assert.Equal(t, true, u["pending"])
		assert.Equal(t, false, u["active"])
		h.do(http.MethodPatch, "/v1/users/"+id, `{"active":true}`).fails(http.StatusForbidden, codeForbidden)
		assert.Equal(t, id, h.make("/v1/users", `{"user_name":"ann","email":"Ann@Example.com","name":"Ann"}`))
		u = h.do(http.MethodGet, "/v1/users/"+id, "").is(http.StatusOK)
		assert.Equal(t, true, u["active"])
		assert.NotContains(t, u, "pending")
		assert.Len(t, h.events(membership.ActionUserClaimed), 1)
		h.do(http.MethodPost, "/v1/users", `{"user_name":"ANN","email":"","name":""}`).
			fails(http.StatusConflict, codeAlreadyExists)
		again := h.place(`[{"email":"ann@example.com","project_ids":null}]`).array()[0]
		assert.Equal(t, invited["id"], again["id"])
		assert.Equal(t, false, again["pending"])
	})
}

func TestRoles(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r := h.do(http.MethodPost, "/v1/roles", `{"name":"R","permissions":[{"name":"a","access":true}]}`).
			is(http.StatusCreated)
		assertFields(t, r, "id", "name", "permissions", "created_at", "updated_at")
		path := "/v1/roles/" + r["id"].(string)
		c := h.do(http.MethodPatch, path, `{"permissions":[{"name":"b","access":false},{"name":"a","access":true}]}`).
			is(http.StatusOK)
		kept := c["permissions"].([]any)[1]
		assert.Equal(t, r["permissions"].([]any)[0], kept)
		h.do(http.MethodPatch, path, `{"name":"R"}`).is(http.StatusOK)
		assert.Len(t, h.events(membership.ActionRoleUpdated), 1, "nothing was changed")
		for _, bad := range []string{
			`{}`, `{"name":""}`, `{"name":"` + strings.Repeat("ä", 3001) + `"}`,
			`{"name":"R","permissions":[{"name":"a"}]}`,
			`{"name":"R","permissions":["a"]}`,
			`{"name":"R","permissions":[{"name":"a","access":true},{"name":"a","access":false}]}`,
		} {
			h.do(http.MethodPost, "/v1/roles", bad).fails(http.StatusBadRequest, codeInvalidInput)
		}
		h.do(http.MethodPost, "/v1/roles", `{"name":"`+strings.Repeat("ä", 3000)+`"}`).is(http.StatusCreated)
		ada := h.user("ada")
		h.place(`[{"user_id":"` + ada + `","project_ids":null,"role_id":"` + r["id"].(string) + `"}]`).array()
		h.do(http.MethodDelete, path, "").is(http.StatusNoContent)
		assert.Len(t, h.events(membership.ActionRoleUnassigned), 1)
		assert.Equal(t, []any{}, h.place(`[{"user_id":"` + ada + `","project_ids":null}]`).array()[0]["roles"])
	})
}
