package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

type result struct {
	User   string `json:"user_id"`
	Status string `json:"status"`
	Code   string `json:"code"`
}

func (r reply) results() []result {
	r.t.Helper()
	var v struct{ Results []result }
	require.Equal(r.t, http.StatusOK, r.status, "%s", r.body)
	require.NoError(r.t, json.Unmarshal(r.body, &v))
	return v.Results
}

// listOf is a JSON array of ids.
func listOf(ids ...string) string {
	b, _ := json.Marshal(append([]string{}, ids...))
	return string(b)
}

func TestBatchJudgesEachUserAsTheSingleCallDoes(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		fresh, local, leaves, stranger := h.user("fresh"), h.user("local"), h.user("leaves"), h.user("stranger")
		scim, both, gone := h.provisionUser("scim"), h.provisionUser("both"), membership.NewID().String()
		group := h.provisionGroup("Group", scim, both)
		members := "/v1/groups/" + group + "/members"
		h.member(group, local)
		h.member(group, leaves)
		h.make(members, `{"user_id":"`+both+`","also_local":true}`)
		deleted := h.user("deleted")
		h.do(http.MethodDelete, "/v1/users/"+deleted, "").is(http.StatusNoContent)

		body := `"add":` + listOf(fresh, local, gone, strings.ToUpper(deleted)) + `,"remove":` +
			listOf(leaves, both, scim, stranger) +
			`,"reason":"INC-4711"`
		opened, closed := len(h.events(membership.ActionGrantOpened)), len(h.events(membership.ActionGrantClosed))
		refused := len(h.events(membership.ActionRefused))

		r := h.do(http.MethodPost, members+":batch", `{"atomic":true,`+body+`}`)
		assert.Equal(t, "nothing was changed: the user is already a member of the group",
			r.fails(http.StatusConflict, codeAlreadyMember))
		details, _ := r.is(http.StatusConflict)["details"].(map[string]any)
		failed, _ := details["results"].([]any)
		require.Len(t, failed, 5)
		assert.Equal(t, map[string]any{"user_id": local, "status": "failed", "code": codeAlreadyMember}, failed[0])
		assert.Len(t, h.events(membership.ActionGrantOpened), opened, "nothing was applied")
		assert.Len(t, h.events(membership.ActionRefused), refused+1, "what was refused is an event all the same")

		assert.Equal(t, []result{
			{fresh, "added", ""}, {local, "failed", codeAlreadyMember},
			{gone, "failed", codeNotFound}, {deleted, "failed", codeNotFound},
			{leaves, "removed", ""}, {both, "removed", ""},
			{scim, "failed", codeManagedByIdP}, {stranger, "failed", codeNotFound},
		}, h.do(http.MethodPost, members+":batch/", `{`+body+`}`).results())

		sources := map[string]any{}
		for _, m := range h.do(http.MethodGet, members, "").data() {
			sources[m["id"].(string)] = m["membership_source"]
		}
		assert.Equal(t, map[string]any{fresh: "local", local: "local", scim: "scim", both: "scim"}, sources)
		events := h.events(membership.ActionGrantOpened)
		require.Len(t, events, opened+1)
		assert.Equal(t, "INC-4711", events[opened].Reason)
		assert.Equal(t, "request-1", events[opened].RequestID)
		ended := h.events(membership.ActionGrantClosed)
		require.Len(t, ended, closed+1, "one change of the group")
		assert.Len(t, ended[closed].Members, 2)
		events = h.events(membership.ActionRefused)
		require.Len(t, events, refused+2)
		assert.Equal(t, scim, events[refused+1].User.String())
		assert.JSONEq(t, `{"operation":"members.remove","kind":"managed_by_idp"}`, string(events[refused+1].After))

		t.Run("beside a provider's", func(t *testing.T) {
			assert.Equal(t, []result{{scim, "added", ""}, {fresh, "failed", codeAlreadyMember}},
				h.do(http.MethodPost, members+":batch", `{"add":`+listOf(scim, fresh)+`,"also_local":true}`).results())
		})
		t.Run("rule 12: an enterprise group", func(t *testing.T) {
			h.do(http.MethodPatch, "/v1/groups/"+group, `{"kind":"enterprise"}`).is(http.StatusOK)
			assert.Equal(t, []result{{stranger, "failed", codeGroupManaged}, {fresh, "removed", ""}},
				h.do(http.MethodPost, members+":batch", `{"add":`+listOf(stranger)+`,"remove":`+listOf(fresh)+`}`).
					results())
			h.do(http.MethodPost, members+":batch", `{"add":`+listOf(stranger)+`,"atomic":true}`).
				fails(http.StatusForbidden, codeGroupManaged)
		})
		t.Run("atomic, and nothing fails", func(t *testing.T) {
			assert.Equal(t, []result{{local, "removed", ""}},
				h.do(http.MethodPost, members+":batch", `{"remove":`+listOf(local)+`,"atomic":true}`).results())
		})
	})
}

func TestBatchAsksThePolicyAboutEachUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group, eve, ann, nobody := h.group("Finance"), h.user("eve"), h.user("ann"), membership.NewID().String()
		h.do(http.MethodPatch, "/v1/users/"+ann, `{"email":"ann@acme.com"}`).is(http.StatusOK)
		h.make("/v1/policies", policyBody(map[string]string{"id": "no-outsiders", "cedar": noOutsiders}))
		path := "/v1/groups/" + group + "/members:batch"
		body := `"add":` + listOf(ann, eve, nobody)

		r := h.do(http.MethodPost, path, `{"atomic":true,`+body+`}`)
		r.fails(http.StatusForbidden, codeForbidden)
		assert.Equal(t, []any{"Finance is for people of Acme"}, r.is(http.StatusForbidden)["notices"])
		assert.Equal(t, []result{{ann, "added", ""}, {eve, "failed", codeForbidden}, {nobody, "failed", codeForbidden}},
			h.do(http.MethodPost, path, `{`+body+`}`).results(), "who may not ask does not get to know")
		assert.Equal(t, 4, h.refusals())
		events := h.events(membership.ActionRefused)
		require.Len(t, events, 2, "the first one, and the count of the others")
		assert.JSONEq(t, `{"operation":"members.add","kind":"forbidden","policies":["no-outsiders"]}`,
			string(events[0].After))
		var repeated struct {
			Count int
			Users []string
		}
		require.NoError(t, json.Unmarshal(events[1].After, &repeated))
		assert.Equal(t, 3, repeated.Count)
		assert.ElementsMatch(t, []string{eve, nobody}, repeated.Users)
		assert.Equal(t, group, events[1].Group.String())
		assert.Zero(t, events[1].User)
	})
}

func TestBatchRefusesBadInput(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group, user := h.group("Group"), h.user("ada")
		path := "/v1/groups/" + group + "/members:batch"
		for body, message := range map[string]string{
			`{}`:                              "add or remove must name a user",
			`{"add":[],"remove":[]}`:          "add or remove must name a user",
			`{"add":"` + user + `"}`:          "add must be a list of strings",
			`{"add":[1]}`:                     "add must be a list of strings",
			`{"add":[null]}`:                  "add[0] must be a UUID",
			`{"remove":["` + user + `","x"]}`: "remove[1] must be a UUID",
			`{"add":` + listOf(user, strings.ToUpper(user)) + `}`: "the user " + user +
				" is named more than once",
			`{"add":` + listOf(user) + `,"remove":` + listOf(user) + `}`: "the user " + user +
				" is named more than once",
			`{"add":` + listOf(user) + `,"atomic":1}`: "atomic must be true or false",
			`{"add":` + listOf(user) + `,"reason":"` + strings.Repeat("x", 3201) +
				`"}`: "reason is longer than 3200 bytes",
		} {
			assert.Equal(t, message, h.do(http.MethodPost, path, body).fails(http.StatusBadRequest, codeInvalidInput))
		}
		var many []string
		for range membership.MaxBatch + 1 {
			many = append(many, membership.NewID().String())
		}
		r := h.do(http.MethodPost, path, `{"add":`+listOf(many[1:]...)+`,"remove":`+listOf(many[0])+`}`)
		r.fails(http.StatusRequestEntityTooLarge, codeTooLarge)
		assert.Equal(t, map[string]any{"max_users": 10_000.0}, r.is(http.StatusRequestEntityTooLarge)["details"])
		assert.Empty(t, h.events(membership.ActionGrantOpened))
	})
}

// As many as a batch may name, in a tenant that has just been filled.
func TestBatchOfTheLargestSize(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group := h.group("Group")
		ids := make([]string, membership.MaxBatch)
		now := time.Now()
		require.NoError(t, h.store.Update(t.Context(), h.mine.TenantID, func(tx membership.Tx) error {
			for i := range ids {
				id := membership.NewID()
				ids[i] = id.String()
				if err := tx.InsertUser(t.Context(), membership.User{
					Tenant: h.mine.TenantID, ID: id, UserName: fmt.Sprintf("user%d", i), Origin: membership.SourceLocal,
					Active:    true,
					CreatedAt: now, UpdatedAt: now,
				}); err != nil {
					return err
				}
			}
			return nil
		}))
		path := "/v1/groups/" + group + "/members:batch"
		require.Len(t, h.do(http.MethodPost, path, `{"add":`+listOf(ids...)+`}`).results(), len(ids))
		again := h.do(http.MethodPost, path, `{"add":`+listOf(ids[1:]...)+`,"remove":`+listOf(ids[0])+`}`).results()
		assert.Equal(t, result{ids[1], "failed", codeAlreadyMember}, again[0])
		assert.Equal(t, result{ids[0], "removed", ""}, again[len(again)-1])
		removed := h.do(http.MethodPost, path, `{"remove":`+listOf(ids[1:]...)+`}`).results()
		assert.Equal(t, result{ids[1], "removed", ""}, removed[0])
		assert.Empty(t, h.do(http.MethodGet, "/v1/groups/"+group+"/members", "").data())
	})
}
