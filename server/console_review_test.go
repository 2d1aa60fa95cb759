package server

import (
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/membership"
)

// A group at two times: who was added and who removed between them, each with the reason,
// and page by page what one page shows.
func TestConsoleCompare(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		made := func(path, body string) string { return w.made(path, body, b)["id"].(string) }
		add := func(group, name, reason string) string {
			user := made("/v1/users", `{"user_name":"`+name+`","email":"`+name+`@example.com","name":"`+name+`"}`)
			w.made("/v1/groups/"+group+"/members", `{"user_id":"`+user+`","reason":"`+reason+`"}`, b)
			return user
		}
		ann := made("/scim/v2/Users", `{"userName":"ann","displayName":"Ann"}`)
		group := made("/scim/v2/Groups", `{"displayName":"Engineering","members":[{"value":"`+ann+`"}]}`)
		leaves := add(group, "leaver", "came in March")
		add(group, "stayer", "is always there")
		then := s.nowOf(t, b)
		r := w.send(http.MethodDelete, "/v1/groups/"+group+"/members/"+leaves+"?reason=left+in+May", "",
			"Bearer "+b.APIToken, b.TenantID)
		require.Equal(t, http.StatusNoContent, r.status, r.body)
		w.made("/v1/groups/"+group+"/members", `{"user_id":"`+ann+`","also_local":true,"reason":"beside Okta"}`, b)
		add(group, "joiner", "new in June")

		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		path := "/console/groups/" + group + "/compare"
		p := v.get(path + "?from=" + url.QueryEscape(then))
		require.Equal(t, http.StatusOK, p.status, p.body)
		for name, says := range map[string][]string{
			"leaver": {"Removed", "left in May"}, "joiner": {"Added", "new in June"},
			"Ann": {"Other sources", "beside Okta"},
		} {
			row := rowOf(p.body, name)
			for _, part := range says {
				assert.Contains(t, row, part, name)
			}
		}
		assert.NotContains(t, p.body, "is always there")
		assert.Contains(t, p.body, "Everybody else was a member by the same sources")
		at := url.QueryEscape(then)
		assert.Contains(t, v.get(path+"?from="+at+"&to="+at).body, "Nothing differs")
		assert.Contains(t, v.get(path).body, "Choose a time")
		for _, wrong := range []string{"from=x", "from=2100-01-01", "from=2020-01-02&to=2020-01-01",
			"from=2020-01-01&to=2100-01-01", "from=2020-01-01&cursor=x"} {
			assert.Equal(t, http.StatusBadRequest, v.get(path+"?"+wrong).status, wrong)
		}

		many := made("/v1/groups", `{"display_name":"Many"}`)
		for i := range 60 {
			add(many, "m"+strings.Repeat("x", i), "together")
		}
		rows, pages := v.everyPage("/console/groups/"+many+"/compare?from=2020-01-01", regexp.MustCompile(`(>Added<)`))
		assert.Len(t, rows, 60)
		assert.Equal(t, 2, pages)
	})
}

// nowOf is the time of the last event, as a page writes it.
func (s testServer) nowOf(t *testing.T, b auth.Bootstrapped) string {
	t.Helper()
	events := eventsOf(t, s, b, membership.ActionGrantOpened)
	return events[len(events)-1].At.UTC().Format(time.RFC3339Nano)
}

// rowOf is the row of a table that has a text.
func rowOf(page, text string) string {
	for _, row := range strings.Split(page, "<tr>") {
		if strings.Contains(row, ">"+text+"<") {
			return row
		}
	}
	return ""
}

// Break-glass is taken by one person and signed off by another.
func TestConsoleBreakGlass(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		made := func(path, body string) string { return w.made(path, body, b)["id"].(string) }
		user := made("/v1/users", `{"user_name":"mara","email":"mara@example.com","name":"Mara"}`)
		group := made("/v1/groups", `{"display_name":"Database"}`)
		group = "/console/groups/" + group
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		assert.Contains(t, v.get(group).body, group+"/break-glass")
		p := v.get(group + "/break-glass?q=mara")
		assert.Contains(t, p.body, "Mara")
		p = v.post(group+"/break-glass", "user", user, "reason", "too short")
		assert.Equal(t, http.StatusBadRequest, p.status)
		assert.Contains(t, p.body, "at least 20 characters")
		assert.Contains(t, p.body, ">too short</textarea>", "what was written is still there")
		p = v.post(group+"/break-glass", "user", user, "reason", "INC-4711")
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		p = v.get(p.to())
		assert.Contains(t, p.body, "Another person has to sign it off.")
		assert.Contains(t, p.body, "/sign-off\"")
		assert.Contains(t, v.get("/console/audit/exceptions?kind=break_glass").body, "Mara")

		member := group + "/members/" + user
		v.get(member + "/sign-off")
		p = v.post(member+"/sign-off", "reason", "mine")
		assert.Equal(t, http.StatusForbidden, p.status)
		assert.Contains(t, p.body, "Another person has to sign this off")
		reader := w.made("/v1/tokens", `{"name":"reader","kind":"api","permissions":["GROUPS:READ","AUDIT:READ"]}`, b)
		p = newVisitor(t, s.BaseURL()).logIn(reader["token"].(string)).get(member)
		assert.Contains(t, p.body, "No button to sign it off")
		assert.NotContains(t, p.body, "/sign-off\"")

		other := newVisitor(t, s.BaseURL()).logIn(s.anotherPerson(t, b))
		other.get(member + "/sign-off")
		assert.Equal(t, http.StatusBadRequest, other.post(member+"/sign-off").status)
		p = other.post(member+"/sign-off", "reason", "read the ticket")
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		p = other.get(p.to())
		assert.Contains(t, p.body, "It was signed off.")
		assert.Contains(t, p.body, "read the ticket")
		assert.NotContains(t, p.body, "/sign-off\"")
	})
}

// anotherPerson is a token that an operator made, not one that the first person did.
func (s testServer) anotherPerson(t *testing.T, b auth.Bootstrapped) (text string) {
	t.Helper()
	call := membership.Call{Tenant: b.TenantID, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"}}
	require.NoError(t, s.store.UpdateCredentials(t.Context(), b.TenantID, func(tx auth.Tx) (err error) {
		_, text, err = auth.CreateToken(t.Context(), tx, time.Now, call,
			auth.TokenSpec{Kind: auth.KindAPI, Name: "other", Permissions: []string{auth.AllPermissions}})
		return err
	}))
	return text
}

// From a request to its events and back, in one line of time, and its body as it came.
func TestConsoleRequestsAndEvents(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		w.made("/v1/connections/"+b.ConnectionID.String()+"/captures", `{"hours":1}`, b)
		ann := w.made("/scim/v2/Users", `{"userName":"ann@example.com","displayName":"Ann"}`, b)["id"].(string)
		group := w.made("/scim/v2/Groups", `{"displayName":"Engineering","members":[{"value":"`+ann+`"}]}`,
			b)["id"].(string)
		kept := w.keptRequest("changed")
		require.NoError(t, s.sealer.Number(t.Context()))
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		p := v.get("/console/requests/" + kept)
		event := eventLinks.FindStringSubmatch(p.body)
		require.NotNil(t, event, p.body)
		p = v.get("/console/audit/events/" + event[1])
		back := regexp.MustCompile(`href="(/console/requests\?request_id=[^"]+)"`).FindStringSubmatch(p.body)
		require.NotNil(t, back, p.body)
		assert.Contains(t, v.get(back[1]).body, "/console/requests/"+kept)
		for _, path := range []string{"/console/groups/" + group, "/console/people/" + ann} {
			require.Eventually(t, func() bool { // requests are written after they are answered
				p = v.get(path + "/explain")
				return strings.Contains(p.body, "POST /Groups") && strings.Contains(p.body, "grant.opened")
			}, 10*time.Second, 50*time.Millisecond, p.body)
			assert.Equal(t, http.StatusBadRequest, v.get(path+"/explain?from=x").status)
			assert.Contains(t, v.get(path+"/explain?to=2020-01-01").body, "Nothing happened then")
		}

		all := eventsOf(t, s, b, membership.ActionCaptureRead)
		assert.Empty(t, all, "to look at the page reads no body")
		v.get("/console/requests/" + kept)
		p = v.post("/console/requests/" + kept + "/body")
		require.Equal(t, http.StatusOK, p.status, p.body)
		assert.Contains(t, p.body, "The body as it came")
		assert.Len(t, eventsOf(t, s, b, membership.ActionCaptureRead), 1)
		reader := w.made("/v1/tokens", `{"name":"reader","kind":"api","permissions":["REQUESTS:READ"]}`, b)
		p = newVisitor(t, s.BaseURL()).logIn(reader["token"].(string)).get("/console/requests/" + kept)
		assert.Contains(t, p.body, "It is not shown: You may not: the permission REQUESTS:CAPTURE is missing.")
	}, func(c *config.Config) { c.SealKeyFile = filepath.Join(t.TempDir(), "seal.key") })
}

// Every page leads only to what the caller may see, and every entry leads somewhere.
func TestConsoleNavigation(t *testing.T) {
	entries := regexp.MustCompile(`(?s)<nav aria-label="(?:Sections|Pages of this section)">.*?</nav>|` +
		`<nav class="tabs" aria-label="Pages of this section">.*?</nav>`)
	links := regexp.MustCompile(`href="([^"]+)"`)
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		for permissions, want := range map[string]int{
			``: 1, `"WEBHOOKS:ADMIN","AUDIT:READ"`: 4, `"GROUPS:READ"`: 2, `"USERS:READ"`: 2, `"TENANT:ADMIN"`: 4,
			`"REQUESTS:READ"`: 2, `"*"`: 8,
		} {
			token := w.made("/v1/tokens", `{"name":"x","kind":"api","permissions":[`+permissions+`]}`, b)
			v := newVisitor(t, s.BaseURL()).logIn(token["token"].(string))
			seen := map[string]bool{}
			queue := []string{"/console"}
			sections := 0
			for len(queue) > 0 {
				path := queue[0]
				queue = queue[1:]
				p := v.get(path)
				assert.Equal(t, http.StatusOK, p.status, "%s: %s", permissions, path)
				for i, nav := range entries.FindAllString(p.body, -1) {
					found := links.FindAllStringSubmatch(nav, -1)
					if i == 0 {
						sections = len(found)
					}
					for _, m := range found {
						if !seen[m[1]] {
							seen[m[1]] = true
							queue = append(queue, m[1])
						}
					}
				}
			}
			assert.Equal(t, want, sections, permissions)
		}
	})
}

// A policy that is too long is said to be, and what was written is not lost.
func TestConsolePolicyLength(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		v.get("/console/access/new-policy")
		fits := harmlessCedar + strings.Repeat("\r\n", auth.MaxPolicyText-len(harmlessCedar)-1) + "//"
		fits = strings.Replace(fits, "\r\n\r\n//", "\r\n//", 1)
		p := v.post("/console/access/new-policy", "id", "long", "cedar", fits)
		assert.Equal(t, http.StatusSeeOther, p.status, p.body[:min(len(p.body), 4000)])
		long := "// what I wrote\r\n" + fits
		for _, path := range []string{"/console/access/new-policy", "/console/access/policies/long"} {
			v.get(path)
			p = v.post(path, "id", "longer", "cedar", long)
			if path != "/console/access/new-policy" {
				p = v.post(path, "cedar", long)
			}
			assert.Equal(t, http.StatusRequestEntityTooLarge, p.status, path)
			assert.Contains(t, p.body, "at most 65536 are taken: it was not saved", path)
			assert.Contains(t, p.body, "// what I wrote", path)
		}
		p = v.post("/console/access/new-policy", "id", "x", "cedar", strings.Repeat("x", 8*auth.MaxPolicyText))
		assert.Equal(t, http.StatusRequestEntityTooLarge, p.status)
		assert.Contains(t, p.body, "Go back in the browser")
	})
}

// A login link begins one session, and only by the button.
func TestConsoleLoginLink(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		link, err := s.LoginURL(b.APIToken)
		require.NoError(t, err)
		path, code, _ := strings.Cut(strings.TrimPrefix(link, s.BaseURL()), "#")
		assert.NotContains(t, code, b.APIToken)
		v := newVisitor(t, s.BaseURL())
		for range 3 {
			p := v.get(path) // a look uses nothing up
			assert.Equal(t, http.StatusOK, p.status)
			assert.Empty(t, v.cookie(sessionCookie))
		}
		_, err = s.LoginURL(b.APIToken[:20])
		require.Error(t, err)
		p := v.post("/console/login", "token", code[:len(code)-1])
		assert.Equal(t, http.StatusUnauthorized, p.status)
		p = v.post("/console/login", "token", link)
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		assert.Equal(t, http.StatusOK, v.get("/console/groups").status)
		assert.Len(t, eventsOf(t, s, b, membership.ActionSessionStarted), 1)

		again := newVisitor(t, s.BaseURL())
		again.get(path)
		p = again.post("/console/login", "token", code)
		assert.Equal(t, http.StatusUnauthorized, p.status)
		assert.Contains(t, p.body, "This login link is not valid")
		w := &walk{testServer: s, t: t, mine: b}
		for _, path := range []string{"/v1/groups", "/scim/v2/Users"} {
			r := w.send(http.MethodGet, path, "", "Bearer "+code, b.TenantID)
			assert.Equal(t, http.StatusUnauthorized, r.status, "it opens no other door")
		}
	})
}
