package server

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// What a page offers for a member is what the rules allow, and it says why not.
func TestConsoleMembers(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		made := func(path, body string) string { return w.made(path, body, b)["id"].(string) }
		ann := made("/scim/v2/Users", `{"userName":"ann@example.com","displayName":"Ann"}`)
		group := made("/scim/v2/Groups", `{"displayName":"Engineering","members":[{"value":"`+ann+`"}]}`)
		payroll := made("/v1/groups", `{"display_name":"Payroll","kind":"enterprise"}`)
		member := "/console/groups/" + group + "/members/" + ann
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)

		p := v.get(member)
		assert.Contains(t, p.body, "No button to remove them here: An identity provider put this member here")
		assert.NotContains(t, p.body, "/remove\"")
		p = v.get("/console/groups/" + payroll)
		assert.Contains(t, p.body, "Only an identity provider adds members to an enterprise group.")
		assert.NotContains(t, p.body, "/add\"")

		// Rule 8: a grant beside the provider's has to be meant.
		add := "/console/groups/" + group + "/add"
		v.get(add + "?q=ann")
		p = v.post(add, "user", ann, "reason", "on call")
		assert.Equal(t, http.StatusConflict, p.status)
		assert.Contains(t, p.body, `name="also_local"`)
		assert.Contains(t, p.body, ">on call</textarea>", "what was written is still there")
		p = v.post(add, "user", ann, "reason", "on call", "also_local", "true")
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		p = v.get(p.to())
		assert.Contains(t, p.body, "The member was added.")
		assert.Contains(t, p.body, "on call")
		assert.NotContains(t, v.get(member).body, "The member was added.", "it is said once")

		// Rule 11: they stay by the provider's.
		p = v.get(member + "/remove")
		assert.Contains(t, p.body, "stays a member")
		assert.Equal(t, http.StatusBadRequest, v.post(member+"/remove", "reason", "  ").status)
		p = v.post(member+"/remove", "reason", "is back")
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		assert.Contains(t, v.get(p.to()).body, "stays a member: an identity provider grants it too")
		p = v.post(member+"/remove", "reason", "again")
		assert.Equal(t, http.StatusForbidden, p.status)
		assert.Contains(t, p.body, "An identity provider put this member here")

		// With an end it says so; one that has passed is refused.
		for ends, want := range map[string]int{
			"2020-01-01T00:00": http.StatusBadRequest, "soon": http.StatusBadRequest,
		} {
			v.get(add + "?q=ann")
			p = v.post(add, "user", ann, "reason", "x", "ends", ends, "also_local", "true")
			assert.Equal(t, want, p.status, p.body)
		}
		p = v.post(add, "user", ann, "reason", "x", "also_local", "true",
			"ends", time.Now().Add(50*time.Hour).UTC().Format("2006-01-02T15:04"))
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		assert.Contains(t, v.get(member).body, "<br>ends ")
		assert.Contains(t, v.get("/console/groups/"+group).body, "in 2 days")

		assert.Contains(t, v.get("/console/groups/"+group+"?as_of=2020-01-01T00:00").body, "Nobody is like that")
		assert.Equal(t, http.StatusBadRequest, v.get("/console/groups/"+group+"?as_of=yesterday").status)
		assert.Equal(t, http.StatusBadRequest, v.get("/console/groups?cursor=x").status)
		assert.Equal(t, http.StatusBadRequest, v.get("/console/groups?qq=x").status)

		reader := w.made("/v1/tokens", `{"name":"reader","kind":"api","permissions":["GROUPS:READ"]}`,
			b)["token"].(string)
		r := newVisitor(t, s.BaseURL()).logIn(reader)
		refused := len(eventsOf(t, s, b, "access.refused"))
		p = r.get("/console/groups/" + group)
		assert.Contains(t, p.body, "You may not: the permission GROUPS:WRITE is missing.")
		assert.NotContains(t, p.body, "/add\"")
		p = r.get(member)
		assert.Contains(t, p.body, "You may not: the permission AUDIT:READ is missing.")
		assert.Len(t, eventsOf(t, s, b, "access.refused"), refused, "a page that shows less refuses nothing")
	})
}

// Whatever somebody is called, it is text.
func TestConsoleShowsTextAsText(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		const evil = `<script>alert(1)</script>\"onload='x' {{.}}`
		made := func(path, body string) string { return w.made(path, body, b)["id"].(string) }
		group := made("/v1/groups", `{"display_name":"`+evil+`"}`)
		user := made("/v1/users", `{"user_name":"`+evil+`","email":"e@example.com","name":"`+evil+`"}`)
		w.made("/v1/groups/"+group+"/members", `{"user_id":"`+user+`","reason":"`+evil+`"}`, b)
		v := newVisitor(t, s.BaseURL()).logIn(w.made("/v1/tokens",
			`{"name":"`+evil+`","kind":"api","permissions":["*"]}`, b)["token"].(string))
		member := "/console/groups/" + group + "/members/" + user
		for _, path := range []string{
			"/console", "/console/groups", "/console/groups/" + group, member, member + "/remove",
			"/console/groups/" + group + "/add?q=%3Cscript%3E", "/console/people", "/console/people/" + user,
			"/console/people?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/console/%3Cscript%3Ealert(1)",
			"/console/groups?%3Cscript%3Ealert(1)=x",
		} {
			p := v.get(path)
			assert.NotContains(t, p.body, "<script>alert", path)
			assert.NotContains(t, p.body, `"onload=`, path)
			assert.Less(t, p.status, 500, path)
		}
	})
}

// The overview shows what somebody should do something about.
func TestConsoleOverview(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		p := v.get("/console")
		for _, nothing := range []string{
			"Waiting for the first request", "No token and no secret of an OAuth client ends within 30 days",
			"There is nothing that somebody should look at", "has held no request",
		} {
			assert.Contains(t, p.body, nothing)
		}
		soon := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
		w.made("/v1/tokens", `{"name":"ends soon","kind":"api","permissions":[],"expires_at":"`+soon+`"}`, b)
		client := w.made("/v1/connections/"+b.ConnectionID.String()+"/clients",
			`{"auth_method":"client_secret","expires_at":"`+soon+`"}`, b)
		w.made("/v1/webhooks", `{"url":"https://webhook.invalid/"}`, b)
		made := func(path, body string) string { return w.made(path, body, b)["id"].(string) }
		ann := made("/scim/v2/Users", `{"userName":"ann@example.com"}`)
		group := made("/scim/v2/Groups", `{"displayName":"Engineering","members":[{"value":"`+ann+`"}]}`)
		w.made("/v1/groups/"+group+"/members", `{"user_id":"`+ann+`","also_local":true}`, b)
		require.Eventually(t, func() bool { return strings.Contains(v.get("/console").body, "Active") },
			time.Minute, 20*time.Millisecond, "the requests are written after they are answered")
		p = v.get("/console")
		for _, something := range []string{
			"ends soon", "/console/access/clients/" + client["id"].(string), "slowest is behind",
			"Members both by a provider and locally", "None ends by itself within 72 hours",
		} {
			assert.Contains(t, p.body, something)
		}
		bob := made("/v1/users", `{"user_name":"bob","email":"bob@example.com","name":"Bob Leaves"}`)
		ends := time.Now().Add(membership.NoticeBeforeEnd + 2*time.Second).UTC().Format(time.RFC3339)
		w.made("/v1/groups/"+group+"/members", `{"user_id":"`+bob+`","expires_at":"`+ends+`"}`, b)
		require.Eventually(t, func() bool {
			p = v.get("/console")
			return strings.Contains(p.body, `<time datetime="`+ends+`"`)
		}, 20*time.Second, 200*time.Millisecond, "the end of a membership comes near")
		assert.Contains(t, p.body, "/console/people/"+bob)
		later := time.Now().Add(24 * 365 * time.Hour).UTC().Format(time.RFC3339)
		got := w.send(http.MethodPatch, "/v1/groups/"+group+"/members/"+bob, `{"expires_at":"`+later+`"}`,
			"Bearer "+b.APIToken, b.TenantID)
		require.Equal(t, http.StatusOK, got.status, got.body)
		assert.NotContains(t, v.get("/console").body, `<time datetime="`+ends+`"`, "it was extended")
	})
}
