package server

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/router"
)

// consoleRow says how a page is asked for, or an act done, so that nothing but the
// session can fail. Words in braces are those of walkRow.
type consoleRow struct {
	path   string
	fields []string // of the form: names and values
	status int      // for a caller who may
	// may is what a caller needs, the first for a refusal that says so; none: every
	// session will do.
	may  []string
	open bool // it asks for no session
	// without is the status for a session that may nothing, if it is not 403.
	without int
}

var webhookPermissions = []string{"WEBHOOKS:ADMIN", "AUDIT:READ"}

// harmlessCedar is harmlessPolicy as a form has it, outside of JSON.
var harmlessCedar = strings.ReplaceAll(harmlessPolicy, `\"`, `"`)

// consoleTable has every page and act of the console.
var consoleTable = map[string]consoleRow{
	"GET /console/static/{version}/{name}": {path: "/console/static/0/console.css", status: 404, open: true},
	"GET /console/login":                   {path: "/console/login", status: 200, open: true},
	"POST /console/login":                  {path: "/console/login", status: 403, open: true},
	"POST /console/logout":                 {path: "/console/logout", status: 303, without: 303},

	"GET /console": {path: "/console", status: 200, without: 200,
		may: []string{"TENANT:ADMIN", "AUDIT:READ", "WEBHOOKS:ADMIN"}},
	"GET /console/groups":      {path: "/console/groups", status: 200, may: []string{"GROUPS:READ"}},
	"GET /console/groups/{id}": {path: "/console/groups/{group}", status: 200, may: []string{"GROUPS:READ"}},
	"GET /console/groups/{id}/members/{user_id}": {path: "/console/groups/{group}/members/{member}", status: 200,
		may: []string{"GROUPS:READ"}},
	"GET /console/groups/{id}/members/{user_id}/remove": {
		path: "/console/groups/{group}/members/{member}/remove", status: 200, may: []string{"GROUPS:READ"},
	},
	"POST /console/groups/{id}/members/{user_id}/remove": {
		path: "/console/groups/{group}/members/{member}/remove", fields: []string{"reason", "x"}, status: 303,
		may: []string{"GROUPS:WRITE", "GROUPS:READ"},
	},
	"GET /console/groups/{id}/add": {path: "/console/groups/{group}/add", status: 200, may: []string{"GROUPS:READ"}},
	"POST /console/groups/{id}/add": {
		path: "/console/groups/{group}/add", fields: []string{"user", "{user}", "reason", "x"}, status: 303,
		may: []string{"GROUPS:WRITE", "GROUPS:READ", "USERS:READ"},
	},
	"GET /console/groups/{id}/break-glass": {
		path: "/console/groups/{group}/break-glass", status: 200, may: []string{"GROUPS:READ"},
	},
	"POST /console/groups/{id}/break-glass": {
		path: "/console/groups/{group}/break-glass", fields: []string{"user", "{user}", "reason", "INC-4711"},
		status: 303, may: []string{"GROUPS:BREAK_GLASS"},
	},
	"GET /console/groups/{id}/members/{user_id}/sign-off": {
		path: "/console/groups/{group}/members/{member}/sign-off", status: 200,
		may: []string{"GROUPS:READ", "USERS:READ"},
	},
	"POST /console/groups/{id}/members/{user_id}/sign-off": {
		path: "/console/groups/{group}/members/{member}/sign-off", fields: []string{"reason", "x"},
		status: 404, // there is nothing to sign off
		may:    []string{"GROUPS:BREAK_GLASS"},
	},
	"GET /console/groups/{id}/compare": {path: "/console/groups/{group}/compare?from=2020-03-01T00:00", status: 200,
		may: []string{"AUDIT:READ", "GROUPS:READ"}},
	"GET /console/groups/{id}/explain": {path: "/console/groups/{group}/explain", status: 200,
		may: []string{"REQUESTS:READ", "AUDIT:READ"}},
	"GET /console/people/{id}/explain": {path: "/console/people/{user}/explain", status: 200,
		may: []string{"REQUESTS:READ", "AUDIT:READ"}},
	"POST /console/requests/{id}/body": {path: "/console/requests/{request}/body", status: 200,
		may: []string{"REQUESTS:READ", "REQUESTS:CAPTURE"}},
	"GET /console/requests": {path: "/console/requests", status: 200, may: []string{"REQUESTS:READ"}},
	"GET /console/requests/problems": {path: "/console/requests/problems", status: 200,
		may: []string{"REQUESTS:READ"}},
	"GET /console/requests/{id}": {path: "/console/requests/{request}", status: 200, may: []string{"REQUESTS:READ"}},
	"POST /console/requests/{id}/dry-run": {path: "/console/requests/{request}/dry-run", status: 200,
		may: []string{"REQUESTS:READ", "TENANT:ADMIN"}},
	"GET /console/guard": {path: "/console/guard", status: 200, may: []string{"AUDIT:READ", "TENANT:ADMIN"}},
	"GET /console/guard/{id}/allow": {path: "/console/guard/{linked to}/allow?group={linked}", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/guard/{id}/preview": {
		path: "/console/guard/{linked to}/preview", fields: []string{"group", "{linked}"}, status: 409, // none is kept
		may: []string{"TENANT:ADMIN", "REQUESTS:READ"},
	},
	"POST /console/guard/{id}/allow": {
		path:   "/console/guard/{linked to}/allow",
		fields: []string{"group", "{linked}", "reason", "x", "typed_name", "{linked}"}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},
	"POST /console/guard/{id}/allowances/{allowance_id}/withdraw": {
		path: "/console/guard/{connection}/allowances/{allowance}/withdraw", status: 303, may: []string{"TENANT:ADMIN"},
	},
	"GET /console/audit":                 {path: "/console/audit", status: 200, may: []string{"AUDIT:READ"}},
	"GET /console/audit/events/{number}": {path: "/console/audit/events/1", status: 200, may: []string{"AUDIT:READ"}},
	"GET /console/audit/events/{number}/proof": {path: "/console/audit/events/1/proof", status: 200,
		may: []string{"AUDIT:READ"}},
	"GET /console/audit/events/{number}/proof/{file}": {path: "/console/audit/events/1/proof/event", status: 200,
		may: []string{"AUDIT:READ"}},
	"GET /console/audit/register": {path: "/console/audit/register", status: 200, may: []string{"AUDIT:READ"}},
	"POST /console/audit/register": {path: "/console/audit/register", fields: []string{"format", "csv"}, status: 200,
		may: []string{"AUDIT:READ"}},
	"GET /console/audit/exceptions": {path: "/console/audit/exceptions", status: 200, may: []string{"AUDIT:READ"}},
	"POST /console/audit/exceptions": {path: "/console/audit/exceptions", fields: []string{"format", "jsonl"},
		status: 200, may: []string{"AUDIT:READ"}},
	"GET /console/audit/proof": {path: "/console/audit/proof", status: 200, may: []string{"AUDIT:READ"}},
	"GET /console/audit/proof/checkpoint": {path: "/console/audit/proof/checkpoint", status: 200,
		may: []string{"AUDIT:READ"}},
	"GET /console/audit/proof/key": {path: "/console/audit/proof/key", status: 200, may: []string{"AUDIT:READ"}},
	"GET /console/audit/find":      {path: "/console/audit/find?number=1", status: 303, may: []string{"AUDIT:READ"}},

	"GET /console/access":           {path: "/console/access", status: 200, may: []string{"TENANT:ADMIN"}},
	"GET /console/access/new-token": {path: "/console/access/new-token", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /console/access/new-token": {
		path:   "/console/access/new-token",
		fields: []string{"name", "New", "kind", "scim", "connection", "{connection}"}, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /console/access/tokens/{id}": {path: "/console/access/tokens/{token}", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/tokens/{id}/rotate": {
		path: "/console/access/tokens/{token}/rotate", fields: []string{"hours", "24"}, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ"},
	},
	"GET /console/access/tokens/{id}/revoke": {path: "/console/access/tokens/{token}/revoke", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/tokens/{id}/revoke": {
		path: "/console/access/tokens/{token}/revoke", fields: []string{"reason", "x"}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},

	"GET /console/access/clients":    {path: "/console/access/clients", status: 200, may: []string{"TENANT:ADMIN"}},
	"GET /console/access/new-client": {path: "/console/access/new-client", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /console/access/new-client": {
		path: "/console/access/new-client", fields: []string{"connection", "{connection}"}, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /console/access/clients/{id}": {path: "/console/access/clients/{client}", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/clients/{id}/secrets": {
		path: "/console/access/clients/{client}/secrets", status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /console/access/clients/{id}/secrets/{secret_id}/revoke": {
		path: "/console/access/clients/{client}/secrets/{secret}/revoke", status: 200, may: []string{"TENANT:ADMIN"},
	},
	"POST /console/access/clients/{id}/secrets/{secret_id}/revoke": {
		path: "/console/access/clients/{client}/secrets/{secret}/revoke", fields: []string{"reason", "x"}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},
	"GET /console/access/clients/{id}/revoke": {path: "/console/access/clients/{client}/revoke", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/clients/{id}/revoke": {
		path: "/console/access/clients/{client}/revoke", fields: []string{"reason", "x"}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},

	"GET /console/access/issuers":    {path: "/console/access/issuers", status: 200, may: []string{"TENANT:ADMIN"}},
	"GET /console/access/new-issuer": {path: "/console/access/new-issuer", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /console/access/new-issuer": {
		path: "/console/access/new-issuer", status: 303, may: []string{"TENANT:ADMIN", "USERS:READ"},
		fields: []string{"issuer", "walk", "audiences", "b", "jwks_uri", "https://example.com/keys",
			"may_USERS:READ", "true"},
	},
	"GET /console/access/issuers/{id}": {path: "/console/access/issuers/{issuer}", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/issuers/{id}": {
		path: "/console/access/issuers/{issuer}", status: 303, may: []string{"TENANT:ADMIN", "USERS:READ"},
		fields: []string{"issuer", "changed", "audiences", "c", "may_USERS:READ", "true"},
	},
	"GET /console/access/issuers/{id}/delete": {path: "/console/access/issuers/{issuer}/delete", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/issuers/{id}/delete": {
		path: "/console/access/issuers/{issuer}/delete", fields: []string{"reason", "x"}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},

	"GET /console/access/policies":   {path: "/console/access/policies", status: 200, may: []string{"TENANT:ADMIN"}},
	"GET /console/access/new-policy": {path: "/console/access/new-policy", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /console/access/new-policy": {
		path: "/console/access/new-policy", fields: []string{"id", "walk", "cedar", harmlessCedar}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},
	"GET /console/access/policies/{id}": {path: "/console/access/policies/{policy}", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/policies/{id}": {
		path: "/console/access/policies/{policy}", fields: []string{"cedar", harmlessCedar + " // changed"},
		status: 303, may: []string{"TENANT:ADMIN"},
	},
	"GET /console/access/policies/{id}/delete": {path: "/console/access/policies/{policy}/delete", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/access/policies/{id}/delete": {
		path: "/console/access/policies/{policy}/delete", fields: []string{"reason", "x"}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},

	"GET /console/access/webhooks":    {path: "/console/access/webhooks", status: 200, may: webhookPermissions},
	"GET /console/access/new-webhook": {path: "/console/access/new-webhook", status: 200, may: webhookPermissions},
	"POST /console/access/new-webhook": {
		path: "/console/access/new-webhook", fields: []string{"url", "https://webhook.invalid/"}, status: 201,
		may: webhookPermissions,
	},
	"GET /console/access/webhooks/{id}": {path: "/console/access/webhooks/{webhook}", status: 200,
		may: webhookPermissions},
	"POST /console/access/webhooks/{id}/state": {
		path: "/console/access/webhooks/{webhook}/state", fields: []string{"state", "disabled"}, status: 303,
		may: webhookPermissions,
	},
	"POST /console/access/webhooks/{id}/rotate": {
		path: "/console/access/webhooks/{webhook}/rotate", fields: []string{"hours", "24"}, status: 201,
		may: webhookPermissions,
	},
	"POST /console/access/webhooks/{id}/test": {path: "/console/access/webhooks/{webhook}/test", status: 200,
		may: webhookPermissions},
	"POST /console/access/webhooks/{id}/replay": {
		path: "/console/access/webhooks/{webhook}/replay", fields: []string{"since", "2026-08-01T00:00"}, status: 303,
		may: webhookPermissions,
	},
	"POST /console/access/webhooks/{id}/deliveries/{delivery_id}/retry": {
		path: "/console/access/webhooks/{webhook}/deliveries/{new id}/retry", status: 404, may: webhookPermissions,
	},
	"GET /console/access/webhooks/{id}/delete": {path: "/console/access/webhooks/{webhook}/delete", status: 200,
		may: webhookPermissions},
	"POST /console/access/webhooks/{id}/delete": {
		path: "/console/access/webhooks/{webhook}/delete", fields: []string{"reason", "x"}, status: 303,
		may: webhookPermissions,
	},

	"GET /console/people": {path: "/console/people", status: 200, may: []string{"USERS:READ"}},
	"GET /console/people/{id}": {path: "/console/people/{user}", status: 200,
		may: []string{"USERS:READ", "GROUPS:READ"}},

	"GET /console/connect": {path: "/console/connect", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /console/connect": {
		path: "/console/connect", fields: []string{"provider", "okta", "name", "x"}, status: 303,
		may: []string{"TENANT:ADMIN"},
	},
	"GET /console/connect/{id}": {path: "/console/connect/{connection}", status: 200, may: []string{"TENANT:ADMIN"}},
	"GET /console/connect/{id}/progress": {path: "/console/connect/{connection}/progress", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/connect/{id}/token": {
		path: "/console/connect/{connection}/token", fields: []string{"provider", "okta"}, status: 200,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"POST /console/connect/{id}/client": {
		path: "/console/connect/{connection}/client", fields: []string{"provider", "entra"}, status: 200,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /console/connect/{id}/links": {path: "/console/connect/{connection}/links", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /console/connect/{id}/links": {
		path: "/console/connect/{connection}/links", status: 200,
		fields: []string{"days", "7", "token", "true", "requests", "true", "reason", "x"},
		may:    []string{"TENANT:ADMIN", "REQUESTS:READ", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"POST /console/connect/{id}/links/{link_id}/revoke": {
		path: "/console/connect/{connection}/links/{setup link}/revoke", status: 303, may: []string{"TENANT:ADMIN"},
	},
	// Those of set-up links know no session of the console: TestSetupPage.
	"GET /console/setup":                     {path: "/console/setup", status: 200, open: true},
	"POST /console/setup":                    {path: "/console/setup", status: 403, open: true},
	"GET /console/setup/connection":          {path: "/console/setup/connection", status: 401, open: true},
	"GET /console/setup/connection/progress": {path: "/console/setup/connection/progress", status: 401, open: true},
	"POST /console/setup/connection/token":   {path: "/console/setup/connection/token", status: 401, open: true},
	"POST /console/setup/connection/client":  {path: "/console/setup/connection/client", status: 401, open: true},
	"POST /console/setup/done":               {path: "/console/setup/done", status: 401, open: true},
	"POST /console/setup/leave":              {path: "/console/setup/leave", status: 401, open: true},
}

// consoleRoutes lists the pages and acts of the console.
func consoleRoutes(s testServer) []string {
	return slices.DeleteFunc(router.Routes(s.wire().root), func(route string) bool { return !isConsole(route) })
}

func TestTheConsoleWalkMissesNothing(t *testing.T) {
	routes := consoleRoutes(newTestServer(t))
	assert.ElementsMatch(t, routes, slices.Collect(maps.Keys(consoleTable)))
}

// The walk through the console: every page and every act, with a session of every kind,
// on both engines, over HTTP.
func TestConsoleWalk(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newWalk(t, url)
		w.serving(t)
		w.roles = map[string]*visitor{}
		for role, permissions := range consoleRoles {
			has, err := json.Marshal(permissions)
			require.NoError(t, err)
			made := w.made("/v1/tokens", fmt.Sprintf(`{"name":%q,"kind":"api","permissions":%s}`, role, has), w.mine)
			w.roles[role] = w.session(made["token"].(string))
		}
		for _, name := range consoleRoutes(w.testServer) {
			method, _, _ := strings.Cut(name, " ")
			row, ok := consoleTable[name]
			require.True(t, ok, "give %s a row", name)
			t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
				w := *w
				w.t = t
				w.page(method, row)
			})
		}
	})
}

func (w *walk) session(token string) *visitor {
	w.t.Helper()
	return newVisitor(w.t, w.BaseURL()).logIn(token)
}

func (w *walk) page(method string, row consoleRow) {
	mine := w.furnish(w.mine, walkRow{path: row.path, body: fmt.Sprint(row.fields)})
	if issuer := mine["{issuer}"]; issuer != "" { // a tenant has 50 at most
		defer w.send(http.MethodDelete, "/v1/issuers/"+issuer, "", "Bearer "+w.mine.APIToken, w.mine.TenantID)
	}
	ask := func(v *visitor, ids things) shownPage {
		w.t.Helper()
		fields := slices.Clone(row.fields)
		for i := range fields {
			fields[i] = ids.fill(fields[i])
		}
		if method == http.MethodGet {
			return v.get(ids.fill(row.path))
		}
		return v.post(ids.fill(row.path), fields...)
	}
	stranger := newVisitor(w.t, w.BaseURL())
	p := ask(stranger, mine)
	w.noneOf(p, w.theirs.TenantID, mine)
	w.framed(p)
	switch {
	case row.open:
		assert.Equal(w.t, row.status, p.status, p.body)
		return
	case method == http.MethodGet:
		assert.Equal(w.t, http.StatusSeeOther, p.status)
		assert.True(w.t, strings.HasPrefix(p.to(), "/console/login"), p.to())
	default:
		assert.Equal(w.t, http.StatusUnauthorized, p.status, p.body)
	}

	without := cmp.Or(row.without, http.StatusForbidden)
	p = ask(w.session(w.powerless), mine)
	assert.Equal(w.t, without, p.status, p.body)
	w.noneOf(p, w.theirs.TenantID, mine)
	if row.may != nil {
		assert.Contains(w.t, p.body, row.may[0])
	}

	w.ofRoles(method, row, func(v *visitor) shownPage { return ask(v, mine) })

	// Of another tenant it is what does not exist.
	if strings.Contains(row.path, "{") {
		theirs := w.session(w.theirs.APIToken)
		p = ask(theirs, mine)
		assert.Equal(w.t, http.StatusNotFound, p.status, p.body)
		w.noneOf(p, w.mine.TenantID, mine)
		nothing := maps.Clone(mine)
		for word := range nothing {
			nothing[word] = membership.NewID().String()
		}
		assert.Equal(w.t, http.StatusNotFound, ask(theirs, nothing).status)
	}

	permissions, err := json.Marshal(append([]string{}, row.may...))
	require.NoError(w.t, err)
	enough := w.made("/v1/tokens", fmt.Sprintf(`{"name":"enough","kind":"api","permissions":%s}`, permissions), w.mine)
	v := w.session(enough["token"].(string))
	if method == http.MethodPost {
		w.forgeries(v, mine.fill(row.path))
	}
	p = ask(v, mine)
	assert.Equal(w.t, row.status, p.status, p.body)
	w.framed(p)

	// The session dies with its token.
	w.send(http.MethodDelete, "/v1/tokens/"+enough["id"].(string), "", "Bearer "+w.mine.APIToken, w.mine.TenantID)
	p = ask(v, mine)
	assert.Contains(w.t, []int{http.StatusSeeOther, http.StatusUnauthorized}, p.status)
	assert.NotContains(w.t, p.body, "enough")
	assert.Empty(w.t, v.cookie("scimbridge-session"))
}

// consoleRoles are those that the console is for: the customer's administrator, that
// of the application, the auditor, the one of webhooks, and the one who helps in an emergency.
var consoleRoles = map[string][]string{
	"connects":  {"TENANT:ADMIN", "REQUESTS:READ", "REQUESTS:CAPTURE"},
	"members":   {"GROUPS:READ", "GROUPS:WRITE", "USERS:READ", "USERS:WRITE"},
	"audits":    {"AUDIT:READ", "REQUESTS:READ", "GROUPS:READ"},
	"webhooks":  {"WEBHOOKS:ADMIN", "AUDIT:READ"},
	"emergency": {"GROUPS:BREAK_GLASS", "GROUPS:READ", "USERS:READ"},
}

// ofRoles asks with a session of each role, which has the permissions of its own and no
// others: who has none that a page needs sees nothing of it, who lacks the one that an act
// is of does nothing, and who has all sees the page.
func (w *walk) ofRoles(method string, row consoleRow, ask func(*visitor) shownPage) {
	w.t.Helper()
	for role, has := range consoleRoles {
		if row.may == nil {
			return
		}
		has := func(permission string) bool { return slices.Contains(has, permission) }
		first, all := has(row.may[0]), !slices.ContainsFunc(row.may, func(p string) bool { return !has(p) })
		switch {
		case method == http.MethodPost && first: // who may does it below, once
		case method == http.MethodPost, !slices.ContainsFunc(row.may, has):
			p := ask(w.roles[role])
			assert.Equal(w.t, cmp.Or(row.without, http.StatusForbidden), p.status, "%s: %s", role, p.body)
			assert.NotContains(w.t, p.body, "Nothing was changed", "it is not for the form: %s", role)
		case all:
			assert.Equal(w.t, row.status, ask(w.roles[role]).status, role)
		}
	}
}

// forgeries are acts that no page of the session asked for.
func (w *walk) forgeries(v *visitor, path string) {
	w.t.Helper()
	other := w.session(w.mine.APIToken)
	good := url.Values{"form_token": {v.token}}
	for name, p := range map[string]shownPage{
		"no token":        v.send(http.MethodPost, path, url.Values{}),
		"another's token": v.send(http.MethodPost, path, url.Values{"form_token": {other.token}}),
		"another site":    v.send(http.MethodPost, path, good, "Origin", "https://evil.example.com"),
		"a hidden origin": v.send(http.MethodPost, path, good, "Origin", "null"),
		"says cross-site": v.send(http.MethodPost, path, good, "Sec-Fetch-Site", "cross-site",
			"Origin", "https://evil.example.com"),
		"a neighbour": v.send(http.MethodPost, path, good, "Sec-Fetch-Site", "same-site",
			"Origin", "https://evil.example.com"),
		"no page made it":    v.send(http.MethodPost, path, good, "Sec-Fetch-Site", "none"),
		"nothing says where": v.send(http.MethodPost, path, good, "Origin", ""),
	} {
		assert.Equal(w.t, http.StatusForbidden, p.status, name)
		assert.Contains(w.t, p.body, "Nothing was changed", name)
	}
	for name, p := range map[string]shownPage{
		"JSON": v.send(http.MethodPost, path, good, "Content-Type", "application/json"),
		"text": v.send(http.MethodPost, path, good, "Content-Type", "text/plain"),
	} {
		assert.Equal(w.t, http.StatusUnsupportedMediaType, p.status, name)
	}
}

// noneOf: a page tells nothing of a tenant, no secret, and where it refuses, nothing of
// these things.
func (w *walk) noneOf(p shownPage, tenant membership.ID, ids things) {
	w.t.Helper()
	assert.NotContains(w.t, p.body, tenant.String())
	for _, secret := range []string{w.mine.APIToken, w.mine.SCIMToken, w.theirs.APIToken} {
		assert.NotContains(w.t, p.body, secret)
	}
	if p.status >= 400 {
		hidden(w.t, answered(p), ids)
	}
}

// framed: every answer has the headers of the console.
func (w *walk) framed(p shownPage) {
	w.t.Helper()
	policy := p.header.Get("Content-Security-Policy")
	assert.True(w.t, strings.HasPrefix(policy, "default-src 'none';"), policy)
	assert.NotContains(w.t, policy, "unsafe")
	for _, part := range []string{"frame-ancestors 'none'", "require-trusted-types-for 'script'", "base-uri 'none'",
		"form-action 'self'"} {
		assert.Contains(w.t, policy, part)
	}
	assert.Equal(w.t, "same-origin", p.header.Get("Referrer-Policy"))
	assert.Equal(w.t, "nosniff", p.header.Get("X-Content-Type-Options"))
	assert.Equal(w.t, "no-store", p.header.Get("Cache-Control"))
}
