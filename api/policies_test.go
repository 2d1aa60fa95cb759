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

const noOutsiders = `@notice("Finance is for people of Acme")
forbid (principal, action == Action::"members.add", resource)
when { resource.display_name == "Finance" && !(context.user.email like "*@acme.com") };
`

// policyBody is the body of a request with a policy.
func policyBody(fields map[string]string) string {
	b, _ := json.Marshal(fields)
	return string(b)
}

func TestPolicyDeniesTheNextRequest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		group, eve, ann := h.group("Finance"), h.user("eve"), h.user("ann")
		h.do(http.MethodPatch, "/v1/users/"+ann, `{"email":"ann@acme.com"}`).is(http.StatusOK)
		h.member(group, eve)
		h.do(http.MethodDelete, "/v1/groups/"+group+"/members/"+eve, "").is(http.StatusNoContent)

		p := h.do(http.MethodPost, "/v1/policies",
			policyBody(map[string]string{"id": "no-outsiders", "cedar": noOutsiders})).
			is(http.StatusCreated)
		assertFields(t, p, "id", "cedar", "created_at", "updated_at")
		assert.Equal(t, noOutsiders, p["cedar"])
		recently(t, p["created_at"])

		add := func(user string) reply {
			return h.do(http.MethodPost, "/v1/groups/"+group+"/members", `{"user_id":"`+user+`"}`)
		}
		refused := add(eve)
		refused.fails(http.StatusForbidden, codeForbidden)
		assert.JSONEq(t, `{"code":"forbidden","message":"a policy forbids this: Finance is for people of Acme",
			"details":{"policies":["no-outsiders"]},"notices":["Finance is for people of Acme"]}`, string(refused.body))
		es := h.events(membership.ActionRefused)
		assert.JSONEq(t, `{"operation":"members.add","kind":"forbidden","policies":["no-outsiders"]}`,
			string(es[len(es)-1].After))
		add(ann).is(http.StatusCreated)

		// Each change holds for the next request.
		h.do(http.MethodPut, "/v1/policies/no-outsiders", policyBody(map[string]string{
			"cedar": strings.ReplaceAll(noOutsiders, "Finance", "Sales"),
		})).is(http.StatusOK)
		add(eve).is(http.StatusCreated)
		h.do(http.MethodDelete, "/v1/groups/"+group+"/members/"+eve, "").is(http.StatusNoContent)
		h.do(http.MethodPut, "/v1/policies/no-outsiders", policyBody(map[string]string{
			"id":    "no-outsiders",
			"cedar": `forbid (principal, action, resource) when { DirectoryUser::"x".email == "" };`,
		})).is(http.StatusOK)
		assert.Contains(t, add(eve).fails(http.StatusForbidden, codeForbidden), "could not be evaluated",
			"a policy that fails denies")
		h.do(http.MethodDelete, "/v1/policies/no-outsiders?reason=enough", "").is(http.StatusNoContent)
		add(eve).is(http.StatusCreated)
		assert.Empty(t, h.do(http.MethodGet, "/v1/policies", "").data())
	})
}

func TestPoliciesThatAreNotTaken(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		post := func(id, cedar string) reply {
			return h.do(http.MethodPost, "/v1/policies", policyBody(map[string]string{"id": id, "cedar": cedar}))
		}
		assert.Contains(t, post("x", "forbid (principal").fails(http.StatusBadRequest, codeInvalidInput), "parse error")
		assert.Contains(t, post("x", `forbid (principal, action == Action::"x", resource);`).
			fails(http.StatusBadRequest, codeInvalidInput), "unrecognized action")
		post("a b", noOutsiders).fails(http.StatusBadRequest, codeInvalidInput)
		post("x", noOutsiders+strings.Repeat(" ", 64<<10)).fails(http.StatusRequestEntityTooLarge, codeTooLarge)
		post("x", noOutsiders).is(http.StatusCreated)
		post("x", noOutsiders).fails(http.StatusConflict, codeAlreadyExists)
		h.do(http.MethodPut, "/v1/policies/x", policyBody(map[string]string{"id": "y", "cedar": noOutsiders})).
			fails(http.StatusBadRequest, codeInvalidInput)
		require.Len(t, h.do(http.MethodGet, "/v1/policies", "").data(), 1)
		for _, id := range []string{"y", "x%2F", "%00", "..", strings.Repeat("x", 300)} {
			h.do(http.MethodGet, "/v1/policies/"+id, "").fails(http.StatusNotFound, codeNotFound)
		}
	})
}
