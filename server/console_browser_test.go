package server

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/dbtest/debian"
	"github.com/scimbridge/scimbridge/membership"
)

// browserWalks has the walks through the console and what they need of npm.
const browserWalks = "testdata/console"

// modules is a folder with what the walks need of npm. It is filled once for each lock
// file, outside of the repository.
var modules = sync.OnceValues(func() (string, error) {
	lock, err := os.ReadFile(filepath.Join(browserWalks, "package-lock.json"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(lock)
	dir := filepath.Join(cache, "scimbridge-tests", "console-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	npm, err := debian.Program("npm", "npm")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	made, err := os.MkdirTemp(filepath.Dir(dir), "making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(made)
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile(filepath.Join(browserWalks, name))
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(made, name), text, 0o600); err != nil {
			return "", err
		}
	}
	cmd := exec.Command(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = made
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(made, dir); err != nil {
		if _, there := os.Stat(dir); there != nil { // else another process was faster
			return "", err
		}
	}
	return dir, nil
})

// The walks through the console in a browser. What they find in the pages that axe-core
// looks at does not depend on the engine, so one of them is enough for that.
func TestConsoleInABrowser(t *testing.T) {
	t.Parallel()
	node, err := debian.Program("node", "nodejs")
	require.NoError(t, err)
	chromium, err := debian.Program("chromium", "chromium")
	require.NoError(t, err)
	dir, err := modules()
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), "scimbridge")
	built, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program,
		"../cmd/scimbridge").CombinedOutput()
	require.NoError(t, err, "%s", built)
	for i, engine := range dbtest.Engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			s := newTestServer(t, func(c *config.Config) {
				c.DatabaseURL = config.DatabaseURL(dbtest.URL(t, engine))
				c.SealKeyFile = filepath.Join(t.TempDir(), "seal.key")
				c.RemovalGuard = config.RemovalGuard{On: true, Members: 1, Percent: 1}
			})
			b := s.bootstrap(t)
			s.serving(t)
			given := s.furnishConsole(t, b)
			everyPage(t, s, given["accessible"].([]string))
			given["program"], given["folder"] = program, t.TempDir()
			if i > 0 {
				delete(given, "accessible")
			}
			text, err := json.Marshal(given)
			require.NoError(t, err)
			cmd := exec.CommandContext(t.Context(), node, filepath.Join(browserWalks, "walk.mjs"))
			cmd.Env = append(os.Environ(), "BASE="+s.BaseURL(), "GIVEN="+string(text), "MODULES="+dir,
				"CHROMIUM="+chromium)
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			require.NoError(t, err)
		})
	}
}

// furnishConsole makes what the walks look at, and says what it is called.
func (s testServer) furnishConsole(t *testing.T, b auth.Bootstrapped) map[string]any {
	t.Helper()
	w := &walk{testServer: s, t: t, mine: b}
	made := func(path, body string) string { return w.made(path, body, b)["id"].(string) }
	w.made("/v1/connections/"+b.ConnectionID.String()+"/captures", `{"hours":1}`, b)
	ann := made("/scim/v2/Users", `{"userName":"ann@example.com","displayName":"Ann Provider",
		"emails":[{"value":"ann@example.com","primary":true}]}`)
	group := made("/scim/v2/Groups", `{"displayName":"Engineering","members":[{"value":"`+ann+`"}]}`)
	bob := made("/v1/users", `{"user_name":"bob@example.com","email":"bob@example.com","name":"Bob Local"}`)
	carol := made("/v1/users", `{"user_name":"carol@example.com","email":"carol@example.com","name":"Carol Both"}`)
	w.made("/v1/groups/"+group+"/members", `{"user_id":"`+carol+`","reason":"on call in March"}`, b)
	made("/v1/groups", `{"display_name":"Owners"}`)
	enterprise := made("/v1/groups", `{"display_name":"Payroll","kind":"enterprise"}`)
	connect := "/console/connect/" + b.ConnectionID.String()
	unused := made("/v1/connections", `{"name":"Another","idp":"generic"}`)
	link := w.made("/v1/connections/"+b.ConnectionID.String()+"/setup-links", `{}`, b)["url"]
	members := "/console/groups/" + group + "/members/"
	token := made("/v1/tokens", `{"name":"ci","kind":"api","permissions":["GROUPS:READ","USERS:READ"],
		"networks":["192.0.2.0/24"],"expires_at":"2090-01-01T00:00:00Z"}`)
	clients := "/v1/connections/" + b.ConnectionID.String() + "/clients"
	client := made(clients, `{"auth_method":"client_secret"}`)
	secret := made(clients+"/"+client+"/secrets", `{}`)
	issuer := made("/v1/issuers", `{"issuer":"https://login.example.com/","audiences":["scimbridge"],
		"permissions":["USERS:READ"],"jwks_uri":"https://login.example.com/keys"}`)
	made("/v1/policies", `{"id":"no-outsiders","cedar":"`+harmlessPolicy+`"}`)
	webhook := made("/v1/webhooks", `{"url":"https://webhook.invalid/events","events":["grant.opened"]}`)
	s.failedDelivery(t, b.TenantID, webhook)
	var opened struct{ Data []struct{ Number int64 } }
	events := w.send(http.MethodGet, "/v1/audit/events?action=grant.opened", "", "Bearer "+b.APIToken, b.TenantID)
	require.NoError(t, json.Unmarshal([]byte(events.body), &opened))
	added := fmt.Sprint(opened.Data[len(opened.Data)-1].Number) // of a local member, with a reason
	require.NoError(t, s.sealer.Seal(t.Context()))
	nothing, refused, held, many := w.furnishRequests(ann, group)
	allow := "/console/guard/" + b.ConnectionID.String() + "/allow"
	return map[string]any{
		"token": b.APIToken, "otherToken": s.anotherPerson(t, b),
		"connection": "Okta", "group": "Engineering", "groupID": group,
		"play": s.playOkta(t), "link": link,
		"provisioned": "Ann Provider", "provisionedAs": "ann@example.com", "person": "bob@example.com",
		"accessible": []string{
			"/console", "/console/groups", "/console/groups?q=nothing", "/console/groups/" + group,
			"/console/groups/" + group + "?as_of=2026-01-01T00:00", "/console/groups/" + enterprise,
			members + ann, members + carol, members + bob, members + carol + "/remove",
			"/console/groups/" + group + "/add", "/console/groups/" + group + "/add?q=bob@example.com",
			"/console/groups/" + group + "/break-glass?q=bob@example.com", members + bob + "/sign-off",
			"/console/groups/" + group + "/compare?from=2026-03-01T00:00", "/console/groups/" + group + "/explain",
			"/console/people", "/console/people/" + carol, "/console/people/" + ann + "/explain", "/console/nothing",
			"/v1/docs?q=group",
			"/console/connect", connect, connect + "/links", "/console/connect/" + unused,
			"/console/connect/" + unused + "?provider=generic&with=client", "/console/setup",
			"/console/setup/connection",
			"/console/audit", "/console/audit?action=grant.opened&user=carol@example.com", "/console/audit?user=nobody",
			"/console/audit?from=2020-01-01T00:00&to=2020-01-02T00:00", "/console/audit/events/1",
			"/console/audit/events/" + added, "/console/audit/events/1/proof", "/console/audit/register",
			"/console/audit/register?as_of=2020-01-01T00:00", "/console/audit/register?group=Engineering",
			"/console/audit/exceptions", "/console/audit/exceptions?kind=local_in_enterprise",
			"/console/audit/exceptions?kind=inactive_member", "/console/audit/proof",
			"/console/access", "/console/access/new-token", "/console/access/tokens/" + token,
			"/console/access/tokens/" + token + "/revoke", "/console/access/clients", "/console/access/new-client",
			"/console/access/clients/" + client, "/console/access/clients/" + client + "/revoke",
			"/console/access/clients/" + client + "/secrets/" + secret + "/revoke",
			"/console/access/issuers", "/console/access/new-issuer", "/console/access/issuers/" + issuer,
			"/console/access/issuers/" + issuer + "/delete",
			"/console/access/policies", "/console/access/new-policy", "/console/access/policies/no-outsiders",
			"/console/access/policies/no-outsiders/delete", "/console/access/webhooks", "/console/access/new-webhook",
			"/console/access/webhooks/" + webhook, "/console/access/webhooks/" + webhook + "/delete",
			"/console/requests", "/console/requests?operation=nothing&outcome=held", "/console/requests?status=1",
			"/console/requests/" + nothing, "/console/requests/" + refused, "/console/requests/" + held,
			"/console/requests/problems", "/console/requests/problems?to=2026-01-01T00:00",
			"/console/guard", allow, allow + "?group=" + many, allow + "?group=" + group,
		},
		"acts": []act{
			{"/console/access/new-token", map[string]string{"Name": "looked at"}, "Make the token"},
			{"/console/access/new-policy", map[string]string{"Id": "x", "Policy": "forbid ("}, "Save"},
			{"/console/access/webhooks/" + webhook, nil, "Send a test"},
			{"/console/requests/" + nothing, nil, "Try it"},
			{"/console/requests/" + refused, nil, "Show the body as it came"},
			{allow + "?group=" + many, nil, "Show who would go"},
			{allow + "?group=" + many, map[string]string{"Reason": "x"}, "Allow one removal"},
			{connect + "/links", map[string]string{"Reason": "x"}, "Make the link"},
			{"/console/connect/" + unused, nil, "Make the token"},
			{"/console/setup/connection", nil, "Make the token"},
			{"/console/setup/connection", nil, "All is set up"},
		},
	}
}

// act is what a browser does on a page: what it fills in, by labels, and the button.
type act struct {
	Path   string            `json:"path"`
	Fill   map[string]string `json:"fill,omitempty"`
	Button string            `json:"button"`
}

// noPages are routes that answer with a part of a page, a file, or the way to another page.
var noPages = []string{
	"/console/static/{version}/{name}", "/console/connect/{id}/progress", "/console/setup/connection/progress",
	"/console/audit/find", "/console/audit/proof/checkpoint", "/console/audit/proof/key",
	"/console/audit/events/{number}/proof/{file}",
}

// everyPage: the browser looks at all that there are.
func everyPage(t *testing.T, s testServer, paths []string) {
	t.Helper()
	word := regexp.MustCompile(`\{[^}]+\}`)
	for _, route := range consoleRoutes(s) {
		method, path, _ := strings.Cut(route, " ")
		if method != http.MethodGet || path == "/console/login" || slices.Contains(noPages, path) {
			continue
		}
		of := regexp.MustCompile(`^` + word.ReplaceAllString(path, `[^/?]+`) + `(\?.*)?$`)
		assert.True(t, slices.ContainsFunc(paths, of.MatchString), "axe-core looks at no %s", path)
	}
}

// failedDelivery is one that was tried twice.
func (s testServer) failedDelivery(t *testing.T, tenant membership.ID, webhook string) {
	t.Helper()
	id, err := membership.ParseID(webhook)
	require.NoError(t, err)
	now := time.Now().UTC().Truncate(time.Microsecond)
	var w db.WebhookWork
	require.Eventually(t, func() bool { // the server may hold it
		var held bool
		w, held, err = s.store.HoldWebhook(t.Context(), tenant, id, "test", now, now.Add(time.Hour), 1)
		return err == nil && held
	}, time.Minute, 20*time.Millisecond)
	failed := membership.Delivery{
		Webhook: id, Number: 1, ID: membership.NewID(), Action: membership.ActionTenantCreated,
		Status: membership.DeliveryDead, Attempts: 2,
		Attempt: membership.Attempt{
			At: now, HTTP: 500, Problem: "the receiver answered 500", Took: 31 * time.Millisecond,
		},
		Earlier: []membership.Attempt{{At: now.Add(-5 * time.Second), Problem: "the connection failed"}},
	}
	held, err := s.store.FinishWebhook(t.Context(), "test", db.WebhookStep{
		Webhook: w.Webhook, Done: []membership.Delivery{failed}, Until: now,
	})
	require.NoError(t, err)
	require.True(t, held)
}

// furnishRequests sends what changes nothing, what is refused and what the guard holds,
// and returns the ids by which they are kept, and that of the group of which it is held.
func (w *walk) furnishRequests(member, group string) (nothing, refused, held, many string) {
	w.t.Helper()
	provider := func(method, path, body string, status int) {
		w.t.Helper()
		r := w.send(method, path, body, "Bearer "+w.mine.SCIMToken, w.mine.TenantID)
		require.Equal(w.t, status, r.status, r.body)
	}
	provider(http.MethodPatch, "/scim/v2/Groups/"+group, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
		"Operations":[{"op":"add","path":"members","value":[{"value":"`+member+`"}]}]}`, http.StatusNoContent)
	provider(http.MethodPost, "/scim/v2/Users", `{"userName":"ann@example.com"}`, http.StatusConflict)
	var leave []string
	for _, name := range []string{"dan", "eve", "fay"} {
		u := w.made("/scim/v2/Users", `{"userName":"`+name+`@example.com","displayName":"`+name+` Leaves"}`, w.mine)
		leave = append(leave, `{"value":"`+u["id"].(string)+`"}`)
	}
	made := w.made("/scim/v2/Groups", `{"displayName":"Contractors","members":[`+strings.Join(leave, ",")+`]}`, w.mine)
	many = made["id"].(string)
	provider(http.MethodPatch, "/scim/v2/Groups/"+many, `{"schemas":[
		"urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"members","value":[]}]}`,
		http.StatusConflict)
	return w.keptRequest("nothing_to_do"), w.keptRequest("refused"), w.keptRequest("held"), many
}

// keptRequest waits until there is a request with an outcome, and returns its id.
func (w *walk) keptRequest(outcome string) (id string) {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		r := w.send(http.MethodGet, "/v1/requests?limit=1&outcome="+outcome, "", "Bearer "+w.mine.APIToken,
			w.mine.TenantID)
		var list struct {
			Data []struct{ ID string }
		}
		if json.Unmarshal([]byte(r.body), &list) != nil || len(list.Data) == 0 {
			return false
		}
		id = list.Data[0].ID
		return true
	}, 20*time.Second, 50*time.Millisecond, outcome)
	return id
}
