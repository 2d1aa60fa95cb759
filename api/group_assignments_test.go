package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// array is a JSON array of objects, as the APIs outside /v1 answer.
func (r reply) array() []map[string]any {
	r.t.Helper()
	require.Equal(r.t, http.StatusOK, r.status, "%s", r.body)
	require.Equal(r.t, "application/json", r.header.Get("Content-Type"))
	var v []map[string]any
	require.NoError(r.t, json.Unmarshal(r.body, &v), "%s", r.body)
	require.NotNil(r.t, v)
	return v
}

var accountFields = []string{
	"id", "tenantId", "email", "createdAt", "permissions", "firstName", "lastName", "groupIds",
}

// The request is the published example of POST /tenant-auth/v1/groups/{groupId}/members.
func TestAssignUsersAsPublished(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group := h.make("/v1/groups", `{"display_name":"G","permissions":["USERS:READ","PROJECTS:WRITE","USERS:READ"]}`)
		other := h.make("/v1/groups", `{"display_name":"H","permissions":["GROUPS:READ"]}`)
		user := h.make("/v1/users", `{"user_name":"ada","email":"ada@example.com","name":"Ada King Lovelace"}`)
		h.member(other, user)
		example := func(token, group, body string) reply {
			return h.do(http.MethodPost, "/tenant-auth/v1/groups/"+group+"/members", body,
				header("X-Tenant-ID"), header("Authorization", "Bearer "+token),
				header("Content-Type", "application/json"))
		}
		send := func(body string) reply { return example(h.mine.APIToken, group, body) }

		all := send("\n{\n\"userIds\": [\n\"" + strings.ToUpper(user) + "\"\n]\n}\n").array()
		require.Len(t, all, 1)
		a := all[0]
		assertFields(t, a, "user", "groupId", "assignedAt", "assignedBy")
		assert.Equal(t, group, a["groupId"])
		recently(t, a["assignedAt"])

		u := a["user"].(map[string]any)
		assertFields(t, u, accountFields...)
		recently(t, u["createdAt"])
		delete(u, "createdAt")
		assert.Equal(t, map[string]any{
			"id": user, "tenantId": h.mine.TenantID.String(), "email": "ada@example.com",
			"firstName": "Ada", "lastName": "King Lovelace", "groupIds": []any{group, other},
			"permissions": []any{
				map[string]any{"entity": "GROUPS", "permission": "READ"},
				map[string]any{"entity": "PROJECTS", "permission": "WRITE"},
				map[string]any{"entity": "USERS", "permission": "READ"},
			},
		}, u)

		// Who acted is a token: no person is made up.
		by := a["assignedBy"].(map[string]any)
		assertFields(t, by, accountFields...)
		recently(t, by["createdAt"])
		delete(by, "createdAt")
		grant := h.events(membership.ActionGrantOpened)[1]
		assert.Equal(t, map[string]any{
			"id": grant.Actor.ID, "tenantId": h.mine.TenantID.String(), "email": "",
			"firstName": "bootstrap", "lastName": "", "groupIds": []any{},
			"permissions": []any{map[string]any{"entity": "*", "permission": "*"}},
		}, by)

		for _, body := range []string{
			`{}`, `{"userIds":[]}`, `{"userIds":null}`, `{"userIds":["x"]}`, `{"userIds":[null]}`,
			`{"userIds":"` + user + `"}`,
			`{"userIds":["` + user + `"],"force":true}`, `[]`, ``,
			`{"userIds":["` + strings.Repeat(user+`","`, 10000) + user + `"]}`,
		} {
			send(body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		example("x", group, `{}`).fails(http.StatusUnauthorized, codeUnauthenticated)
		_, reader := h.token("GROUPS:READ")
		example(reader, group, `{"userIds":["`+user+`"]}`).fails(http.StatusForbidden, codeForbidden)
		example(h.other.APIToken, group, `{"userIds":["`+user+`"]}`).fails(http.StatusNotFound, codeNotFound)
	})
}

// Nothing is applied when one of many cannot be added, and the answer says who.
func TestAssigningIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		local, synced, fresh := h.user("local"), h.provisionUser("synced"), h.user("fresh")
		group := h.provisionGroup("G", synced)
		h.member(group, local)
		send := func(group string, users ...string) reply {
			return h.do(http.MethodPost, "/tenant-auth/v1/groups/"+group+"/members",
				`{"userIds":["`+strings.Join(users, `","`)+`"]}`, header("X-Tenant-ID"))
		}
		members := func() int { return len(h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data()) }
		opened := len(h.events(membership.ActionGrantOpened))

		// Rule 8.
		r := send(group, fresh, synced, local)
		r.fails(http.StatusConflict, codeAlreadyMember)
		var conflict struct {
			Details struct {
				Members []struct {
					UserID  string `json:"user_id"`
					Sources []map[string]string
				}
			}
		}
		require.NoError(t, json.Unmarshal(r.body, &conflict))
		require.Len(t, conflict.Details.Members, 2)
		for _, m := range conflict.Details.Members {
			source := map[string]string{local: "local", synced: "scim"}[m.UserID]
			require.Len(t, m.Sources, 1)
			assert.Equal(t, source, m.Sources[0]["source"])
		}

		nobody := membership.NewID().String()
		theirs := h.make("/v1/users", `{"user_name":"x","email":"","name":""}`, as(h.other))
		r = send(group, fresh, nobody, theirs)
		r.fails(http.StatusNotFound, codeNotFound)
		assert.Equal(t, map[string]any{"unknown": []any{nobody, theirs}}, r.is(http.StatusNotFound)["details"])
		strangers := make([]string, 30)
		for i := range strangers {
			strangers[i] = membership.NewID().String()
		}
		details := send(group, strangers...).is(http.StatusNotFound)["details"].(map[string]any)
		assert.Len(t, details["unknown"], 20, "an error does not grow with the body")
		assert.EqualValues(t, 30, details["unknown_count"])
		assert.Equal(t, 2, members())
		assert.Len(t, h.events(membership.ActionGrantOpened), opened)

		// Rule 12.
		refusals := len(h.events(membership.ActionRefused))
		enterprise := h.make("/v1/groups", `{"display_name":"E","kind":"enterprise"}`)
		send(enterprise, fresh).fails(http.StatusForbidden, codeGroupManaged)
		assert.Len(t, h.events(membership.ActionRefused), refusals+1)

		send(nobody, fresh).fails(http.StatusNotFound, codeNotFound)
		foreign := h.make("/v1/groups", `{"display_name":"F"}`, as(h.other))
		send(foreign, fresh).fails(http.StatusNotFound, codeNotFound)

		again := send(group, fresh, strings.ToUpper(fresh)).array()
		assert.Len(t, again, 1, "who is named twice is added once")
		assert.Equal(t, 3, members())
	})
}

// The names of a provider's user come from the provider; somebody inactive has
// no permission; an actor who is a user of the tenant is shown as one.
func TestAssignedPeople(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		l, err := h.directory.ProvisionUser(t.Context(), h.provider(), membership.UserLink{
			UserName: "grace", Active: true, Name: "Admiral Grace Hopper",
			Attributes: []byte(`{"name":{"givenName":"Grace \"G\"","familyName":"Höpper"},"displayName":"Admiral"}`),
		})
		require.NoError(t, err)
		inactive := h.make("/v1/users", `{"user_name":"off","email":"","name":" Cher ","active":false}`)
		group := h.make("/v1/groups", `{"display_name":"G","permissions":["USERS:READ"]}`)
		ids := h.ids(group, inactive)
		ada := h.make("/v1/users", `{"user_name":"ada","email":"ada@example.com","name":"Ada Lovelace"}`)
		call := h.operator()
		call.Actor = membership.Actor{Kind: membership.ActorUser, ID: ada}
		added, err := h.directory.AddMembers(t.Context(), call, ids[0], []membership.ID{l.User, ids[1]})
		require.NoError(t, err)
		assert.Equal(t, membership.PersonName{Given: `Grace "G"`, Family: "Höpper"}, added.Users[0].Name)
		assert.Equal(t, []string{"USERS:READ"}, added.Users[0].Permissions)
		assert.Equal(t, membership.PersonName{Given: "Cher"}, added.Users[1].Name)
		assert.Equal(t, ids[:1], added.Users[1].Groups)
		assert.Empty(t, added.Users[1].Permissions)
		require.NotNil(t, added.By)
		assert.Equal(t, "ada@example.com", added.By.User.Email)
		assert.Equal(t, membership.PersonName{Given: "Ada", Family: "Lovelace"}, added.By.Name)
	})
}

func TestCredentialAccount(t *testing.T) {
	tenant, at := membership.NewID(), recentTime()
	a := credentialAccount(membership.Call{
		Tenant: tenant, Actor: membership.Actor{Kind: membership.ActorService, ID: "ci-robot"},
		Permissions: []string{"GROUPS:WRITE"},
	}, at)
	assert.Equal(t, membership.Profile{
		User: membership.User{Tenant: tenant, CreatedAt: at}, Name: membership.PersonName{Given: "ci-robot"},
		Permissions: []string{"GROUPS:WRITE"},
	}, a)
}

// A tenant's own policy is asked about each of many.
func TestAssigningAsksAboutEachUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ada, bob, group := h.user("ada"), h.user("bob"), h.group("G")
		h.make("/v1/policies",
			`{"id":"no-bob","cedar":"@notice(\"not bob\") forbid (principal, action == Action::\"members.add\", `+
				`resource) when { context.user.user_name == \"bob\" };"}`)
		send := func(users ...string) reply {
			return h.do(http.MethodPost, "/tenant-auth/v1/groups/"+group+"/members",
				`{"userIds":["`+strings.Join(users, `","`)+`"]}`, header("X-Tenant-ID"))
		}
		assert.Contains(t, send(ada, bob).fails(http.StatusForbidden, codeForbidden), "not bob")
		refusals := h.events(membership.ActionRefused)
		assert.Equal(t, bob, refusals[len(refusals)-1].User.String())
		assert.Empty(t, h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data())
		send(ada).array()
	})
}

func TestAssignThousands(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group := h.group("G")
		n := maxMany
		if h.store.Engine() == "postgres" {
			n = 2000 // the rest is in a test of package db, which can let the database look at its tables first
		}
		users := make([]membership.User, n)
		texts := make([]string, n)
		for i := range users {
			users[i] = membership.User{
				ID: membership.NewID(), UserName: fmt.Sprintf("user%d", i), Origin: membership.SourceLocal,
				Active:    true,
				CreatedAt: recentTime(), UpdatedAt: recentTime(),
			}
			texts[n-1-i] = users[i].ID.String()
		}
		require.NoError(t, h.store.Update(t.Context(), h.mine.TenantID, func(tx membership.Tx) error {
			return tx.InsertUsers(t.Context(), users)
		}))
		all := h.do(http.MethodPost, "/tenant-auth/v1/groups/"+group+"/members",
			`{"userIds":["`+strings.Join(texts, `","`)+`"]}`, header("X-Tenant-ID")).array()
		require.Len(t, all, n)
		for i, a := range all {
			require.Equal(t, texts[i], a["user"].(map[string]any)["id"], "in the order of the request")
		}
		require.Len(t, h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data(), n)
	})
}

func TestGroupPermissions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		g := h.do(http.MethodPost, "/v1/groups", `{"display_name":"G","permissions":["B:X","A:Y","B:X"]}`).
			is(http.StatusCreated)
		assert.Equal(t, []any{"A:Y", "B:X"}, g["permissions"])
		path := "/v1/groups/" + g["id"].(string)
		assert.Equal(t, g, h.do(http.MethodGet, path, "").is(http.StatusOK))

		for _, bad := range []string{`["a:b"]`, `["A"]`, `["A:B:C"]`, `["*"]`, `[null]`, `null`, `"A:B"`, `["A:B\n"]`,
			`[":"]`} {
			h.do(http.MethodPatch, path, `{"permissions":`+bad+`}`).fails(http.StatusBadRequest, codeInvalidInput)
			h.do(http.MethodPost, "/v1/groups", `{"display_name":"H","permissions":`+bad+`}`).
				fails(http.StatusBadRequest, codeInvalidInput)
		}
		var many []string
		for i := range membership.MaxPermissions + 1 {
			many = append(many, fmt.Sprintf(`"A:P%d"`, i))
		}
		h.do(http.MethodPatch, path, `{"permissions":[`+strings.Join(many, ",")+`]}`).
			fails(http.StatusBadRequest, codeInvalidInput)

		// A caller gives no more than they have; what is there already may stay.
		_, weak := h.token("GROUPS:WRITE")
		refusals := len(h.events(membership.ActionRefused))
		h.do(http.MethodPost, "/v1/groups", `{"display_name":"H","permissions":["TENANT:ADMIN"]}`, bearer(weak)).
			fails(http.StatusForbidden, codeForbidden)
		h.do(http.MethodPatch, path, `{"permissions":["A:Y","TENANT:ADMIN"]}`, bearer(weak)).
			fails(http.StatusForbidden, codeForbidden)
		assert.Len(t, h.events(membership.ActionRefused), refusals+2)
		h.do(http.MethodPatch, path, `{"permissions":["A:Y","GROUPS:WRITE"]}`, bearer(weak)).is(http.StatusOK)
		updated := h.events(membership.ActionGroupUpdated)
		require.Len(t, updated, 1)
		assert.JSONEq(t, `{"display_name":"G","kind":"custom","permissions":["A:Y","B:X"]}`, string(updated[0].Before))
		assert.JSONEq(t, `{"display_name":"G","kind":"custom","permissions":["A:Y","GROUPS:WRITE"]}`,
			string(updated[0].After))
		h.do(http.MethodPatch, path, `{"permissions":["GROUPS:WRITE","A:Y"]}`, bearer(weak)).is(http.StatusOK)
		assert.Len(t, h.events(membership.ActionGroupUpdated), 1, "nothing was changed")
		assert.Equal(t, []any{}, h.do(http.MethodPatch, path, `{"permissions":[]}`, bearer(weak)).
			is(http.StatusOK)["permissions"])
	})
}
