package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// access says how one route is called so that nothing but the credential can
// fail. {user} and the other words in braces stand for ids; a test replaces them with
// ids of the caller's tenant, of another, of nothing, or with no id at all.
type access struct {
	path   string
	body   string
	status int
	// permission is what the policy asks for; empty: the route is public.
	permission string
	// also is what the caller needs besides to do just this.
	also []string
}

var accessTable = map[string]access{
	"GET /v1/openapi.yaml": {"/v1/openapi.yaml", "", 200, "", nil},
	"GET /v1/docs":         {"/v1/docs", "", 200, "", nil},

	"GET /v1/users": {"/v1/users", "", 200, "USERS:READ", nil},
	"POST /v1/users": {
		"/v1/users", `{"user_name":"new","email":"new@example.com","name":"New"}`, 201, "USERS:WRITE", nil,
	},
	"GET /v1/users/{id}":        {"/v1/users/{user}", "", 200, "USERS:READ", nil},
	"PATCH /v1/users/{id}":      {"/v1/users/{user}", `{"name":"Changed"}`, 200, "USERS:WRITE", nil},
	"POST /v1/users/{id}/erase": {"/v1/users/{user}/erase", `{"reason":"INC-1"}`, 200, "TENANT:ADMIN", nil},
	"DELETE /v1/users/{id}":     {"/v1/users/{user}", "", 204, "USERS:WRITE", nil},

	"GET /v1/users/{id}/groups": {"/v1/users/{user}/groups", "", 200, "GROUPS:READ", nil},

	"GET /v1/users/{id}/links": {"/v1/users/{user}/links", "", 200, "USERS:READ", nil},

	"GET /v1/groups":         {"/v1/groups", "", 200, "GROUPS:READ", nil},
	"POST /v1/groups":        {"/v1/groups", `{"display_name":"New"}`, 201, "GROUPS:WRITE", nil},
	"GET /v1/groups/{id}":    {"/v1/groups/{group}", "", 200, "GROUPS:READ", nil},
	"PATCH /v1/groups/{id}":  {"/v1/groups/{group}", `{"display_name":"Changed"}`, 200, "GROUPS:WRITE", nil},
	"DELETE /v1/groups/{id}": {"/v1/groups/{group}", "", 204, "GROUPS:WRITE", nil},

	"GET /v1/groups/{id}/members": {"/v1/groups/{group}/members", "", 200, "GROUPS:READ", nil},
	"POST /v1/groups/{id}/members": {
		"/v1/groups/{group}/members", `{"user_id":"{user}"}`, 201, "GROUPS:WRITE", nil,
	},
	"POST /v1/groups/{id}/members:batch": {
		"/v1/groups/{group}/members:batch", `{"remove":["0197a5e4-7b3a-7c11-9d52-3f0b6c8e2a10"]}`, 200,
		"GROUPS:WRITE", nil,
	},
	"GET /v1/groups/{id}/members/{user_id}":    {"/v1/groups/{group}/members/{member}", "", 200, "GROUPS:READ", nil},
	"DELETE /v1/groups/{id}/members/{user_id}": {"/v1/groups/{group}/members/{member}", "", 204, "GROUPS:WRITE", nil},
	"POST /v1/groups/{id}/members/{user_id}/sign-off": { // there is nothing to be signed off
		"/v1/groups/{group}/members/{member}/sign-off", `{"reason":"seen"}`, 404, "GROUPS:BREAK_GLASS", nil,
	},
	"PATCH /v1/groups/{id}/members/{user_id}": {
		"/v1/groups/{group}/members/{member}", `{"expires_at":"2099-01-01T00:00:00Z"}`, 200, "GROUPS:WRITE", nil,
	},

	"GET /v1/groups/{id}/links": {"/v1/groups/{linked}/links", "", 200, "GROUPS:READ", nil},
	"POST /v1/groups/{id}/links": {
		"/v1/groups/{group}/links", `{"connection_id":"{connection}"}`, 201, "TENANT:ADMIN", nil,
	},
	"DELETE /v1/groups/{id}/links/{connection_id}": {
		"/v1/groups/{linked}/links/{connection}?members=release", "", 204, "TENANT:ADMIN", nil,
	},

	"GET /v1/connections":         {"/v1/connections", "", 200, "TENANT:ADMIN", nil},
	"POST /v1/connections":        {"/v1/connections", `{"name":"New"}`, 201, "TENANT:ADMIN", nil},
	"GET /v1/connections/{id}":    {"/v1/connections/{connection}", "", 200, "TENANT:ADMIN", nil},
	"PATCH /v1/connections/{id}":  {"/v1/connections/{connection}", `{"paused":true}`, 200, "TENANT:ADMIN", nil},
	"DELETE /v1/connections/{id}": {"/v1/connections/{connection}?members=release", "", 204, "TENANT:ADMIN", nil},

	"GET /v1/connections/{id}/removal-allowances": {
		"/v1/connections/{connection}/removal-allowances", "", 200, "TENANT:ADMIN", nil,
	},
	"POST /v1/connections/{id}/removal-allowances": {
		"/v1/connections/{connection}/removal-allowances", `{}`, 201, "TENANT:ADMIN", nil,
	},
	"DELETE /v1/connections/{id}/removal-allowances/{allowance_id}": {
		"/v1/connections/{connection}/removal-allowances/{allowance}", "", 204, "TENANT:ADMIN", nil,
	},

	"GET /v1/connections/{id}/clients": {"/v1/connections/{connection}/clients", "", 200, "TENANT:ADMIN", nil},
	"POST /v1/connections/{id}/clients": {
		"/v1/connections/{connection}/clients", `{"auth_method":"client_secret"}`, 201, "TENANT:ADMIN",
		[]string{"USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /v1/connections/{id}/clients/{client_id}": {
		"/v1/connections/{connection}/clients/{client}", "", 200, "TENANT:ADMIN", nil,
	},
	"DELETE /v1/connections/{id}/clients/{client_id}": {
		"/v1/connections/{connection}/clients/{client}", "", 204, "TENANT:ADMIN", nil,
	},
	"POST /v1/connections/{id}/clients/{client_id}/secrets": {
		"/v1/connections/{connection}/clients/{client}/secrets", `{}`, 201, "TENANT:ADMIN",
		[]string{"USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"DELETE /v1/connections/{id}/clients/{client_id}/secrets/{secret_id}": {
		"/v1/connections/{connection}/clients/{client}/secrets/{secret}", "", 204, "TENANT:ADMIN", nil,
	},

	"GET /v1/connections/{id}/setup-links": {
		"/v1/connections/{connection}/setup-links", "", 200, "TENANT:ADMIN", nil,
	},
	"POST /v1/connections/{id}/setup-links": {
		"/v1/connections/{connection}/setup-links", `{}`, 201, "TENANT:ADMIN",
		[]string{"USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE", "REQUESTS:READ"},
	},
	"DELETE /v1/connections/{id}/setup-links/{link_id}": {
		"/v1/connections/{connection}/setup-links/{setup link}", "", 204, "TENANT:ADMIN", nil,
	},

	"GET /v1/tokens": {"/v1/tokens", "", 200, "TENANT:ADMIN", nil},
	"POST /v1/tokens": {
		"/v1/tokens", `{"name":"New","kind":"scim","connection_id":"{connection}"}`, 201, "TENANT:ADMIN",
		[]string{"USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /v1/tokens/{id}":    {"/v1/tokens/{token}", "", 200, "TENANT:ADMIN", nil},
	"DELETE /v1/tokens/{id}": {"/v1/tokens/{token}", "", 204, "TENANT:ADMIN", nil},
	"POST /v1/tokens/{id}/rotate": {
		"/v1/tokens/{token}/rotate", `{"overlap_seconds":60}`, 201, "TENANT:ADMIN", []string{"USERS:READ"},
	},

	"GET /v1/policies":      {"/v1/policies", "", 200, "TENANT:ADMIN", nil},
	"POST /v1/policies":     {"/v1/policies", `{"id":"new","cedar":"` + harmless + `"}`, 201, "TENANT:ADMIN", nil},
	"GET /v1/policies/{id}": {"/v1/policies/{policy}", "", 200, "TENANT:ADMIN", nil},
	"PUT /v1/policies/{id}": {
		"/v1/policies/{policy}", `{"cedar":"` + harmless + ` // changed"}`, 200, "TENANT:ADMIN", nil,
	},
	"DELETE /v1/policies/{id}": {"/v1/policies/{policy}", "", 204, "TENANT:ADMIN", nil},

	"GET /v1/audit/events":                {"/v1/audit/events", "", 200, "AUDIT:READ", nil},
	"GET /v1/audit/checkpoint":            {"/v1/audit/checkpoint", "", 200, "AUDIT:READ", nil},
	"GET /v1/audit/checkpoint/timestamp":  {"/v1/audit/checkpoint/timestamp", "", 200, "AUDIT:READ", nil},
	"GET /v1/audit/key":                   {"/v1/audit/key", "", 200, "AUDIT:READ", nil},
	"GET /v1/audit/events/{number}/proof": {"/v1/audit/events/1/proof", "", 200, "AUDIT:READ", nil},
	"GET /v1/audit/register":              {"/v1/audit/register", "", 200, "AUDIT:READ", nil},
	"GET /v1/audit/exceptions":            {"/v1/audit/exceptions", "", 200, "AUDIT:READ", nil},

	"GET /v1/requests":                   {"/v1/requests", "", 200, "REQUESTS:READ", nil},
	"GET /v1/requests/{id}":              {"/v1/requests/{request}", "", 200, "REQUESTS:READ", nil},
	"GET /.well-known/ssf-configuration": {"/.well-known/ssf-configuration", "", 200, "", nil},
	"GET /ssf/jwks.json":                 {"/ssf/jwks.json", "", 200, "", nil},
	"GET /ssf/streams":                   {"/ssf/streams", "", 200, "STREAMS:RECEIVE", readsAll},
	"POST /ssf/streams":                  {"/ssf/streams", `{}`, 201, "STREAMS:RECEIVE", readsAll},
	"PATCH /ssf/streams": {
		"/ssf/streams", `{"stream_id":"{stream}","description":"x"}`, 200, "STREAMS:RECEIVE", readsAll,
	},
	"PUT /ssf/streams":    {"/ssf/streams", `{"stream_id":"{stream}"}`, 200, "STREAMS:RECEIVE", readsAll},
	"DELETE /ssf/streams": {"/ssf/streams?stream_id={stream}", "", 204, "STREAMS:RECEIVE", readsAll},
	"GET /ssf/status":     {"/ssf/status?stream_id={stream}", "", 200, "STREAMS:RECEIVE", readsAll},
	"POST /ssf/status": {
		"/ssf/status", `{"stream_id":"{stream}","status":"paused"}`, 200, "STREAMS:RECEIVE", readsAll,
	},
	"POST /ssf/verify": {"/ssf/verify", `{"stream_id":"{stream}"}`, 204, "STREAMS:RECEIVE", readsAll},
	"POST /ssf/streams/{id}/poll": {
		"/ssf/streams/{stream}/poll", `{"returnImmediately":true}`, 200, "STREAMS:RECEIVE", readsAll,
	},

	"GET /v1/webhooks": {
		"/v1/webhooks", "", 200, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"POST /v1/webhooks": {
		"/v1/webhooks", `{"url":"https://webhook.invalid/"}`, 201, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"GET /v1/webhooks/{id}": {
		"/v1/webhooks/{webhook}", "", 200, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"PATCH /v1/webhooks/{id}": {
		"/v1/webhooks/{webhook}", `{"ordered":false}`, 200, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"DELETE /v1/webhooks/{id}": {
		"/v1/webhooks/{webhook}", "", 204, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/rotate-secret": {
		"/v1/webhooks/{webhook}/rotate-secret", `{}`, 201, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/test": {
		"/v1/webhooks/{webhook}/test", "", 200, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/recover": {
		"/v1/webhooks/{webhook}/recover", `{"since":"2026-08-01T00:00:00Z"}`, 200, "WEBHOOKS:ADMIN",
		[]string{"AUDIT:READ"},
	},
	"GET /v1/webhooks/{id}/deliveries": {
		"/v1/webhooks/{webhook}/deliveries", "", 200, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"GET /v1/webhooks/{id}/deliveries/{delivery_id}/attempts": {
		"/v1/webhooks/{webhook}/deliveries/{delivery}/attempts", "", 200, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/deliveries/{delivery_id}/retry": {
		"/v1/webhooks/{webhook}/deliveries/{delivery}/retry", "", 204, "WEBHOOKS:ADMIN", []string{"AUDIT:READ"},
	},

	"GET /v1/connections/{id}/captures": {
		"/v1/connections/{connection}/captures", "", 200, "REQUESTS:CAPTURE", nil,
	},
	"POST /v1/connections/{id}/captures": {
		"/v1/connections/{connection}/captures", `{"hours":1}`, 201, "REQUESTS:CAPTURE", nil,
	},
	"DELETE /v1/connections/{id}/captures/{capture_id}": {
		"/v1/connections/{connection}/captures/{capture}", "", 204, "REQUESTS:CAPTURE", nil,
	},
	"POST /v1/requests/{id}/dry-run": {
		"/v1/requests/{request}/dry-run", "", 200, "REQUESTS:READ", []string{"TENANT:ADMIN"},
	},
	"GET /v1/requests/{id}/capture": {"/v1/requests/{request}/capture", "", 200, "REQUESTS:CAPTURE", nil},

	"GET /v1/requests/problems":   {"/v1/requests/problems", "", 200, "REQUESTS:READ", nil},
	"GET /v1/users/{id}/explain":  {"/v1/users/{user}/explain", "", 200, "REQUESTS:READ", []string{"AUDIT:READ"}},
	"GET /v1/groups/{id}/explain": {"/v1/groups/{group}/explain", "", 200, "REQUESTS:READ", []string{"AUDIT:READ"}},

	"GET /v1/issuers":      {"/v1/issuers", "", 200, "TENANT:ADMIN", nil},
	"POST /v1/issuers":     {"/v1/issuers", issuerBody("new"), 201, "TENANT:ADMIN", []string{"USERS:READ"}},
	"GET /v1/issuers/{id}": {"/v1/issuers/{issuer}", "", 200, "TENANT:ADMIN", nil},
	"PATCH /v1/issuers/{id}": {
		"/v1/issuers/{issuer}", `{"max_age_seconds":60}`, 200, "TENANT:ADMIN", []string{"USERS:READ"},
	},
	"DELETE /v1/issuers/{id}": {"/v1/issuers/{issuer}", "", 204, "TENANT:ADMIN", nil},

	"POST /tenant-auth/v1/groups/{groupId}/members": {
		"/tenant-auth/v1/groups/{group}/members", `{"userIds":["{user}"]}`, 200, "GROUPS:WRITE", nil,
	},
	"POST /csp/gateway/am/api/orgs/{orgId}/groups/{groupId}/users": {
		"/csp/gateway/am/api/orgs/{tenant}/groups/{group}/users", `{"usernamesToAdd":["x"]}`, 200, "GROUPS:WRITE",
		[]string{"*"},
	},
	"PUT /api/v1/organizations/{organization_id}/users": {
		"/api/v1/organizations/{tenant}/users", `[{"user_id":"{user}","project_ids":null}]`, 200, "USERS:WRITE", nil,
	},
	"GET /v1/users/{id}/organization": {"/v1/users/{member}/organization", "", 200, "USERS:READ", nil},

	"GET /v1/roles":         {"/v1/roles", "", 200, "TENANT:ADMIN", nil},
	"POST /v1/roles":        {"/v1/roles", `{"name":"New"}`, 201, "TENANT:ADMIN", nil},
	"GET /v1/roles/{id}":    {"/v1/roles/{role}", "", 200, "TENANT:ADMIN", nil},
	"PATCH /v1/roles/{id}":  {"/v1/roles/{role}", `{"name":"Changed"}`, 200, "TENANT:ADMIN", nil},
	"DELETE /v1/roles/{id}": {"/v1/roles/{role}", "", 204, "TENANT:ADMIN", nil},

	"DELETE /v1/roles/{id}/users/{user_id}": {"/v1/roles/{role}/users/{member}", "", 204, "TENANT:ADMIN", nil},

	"GET /v1/notifications":         {"/v1/notifications", "", 200, "TENANT:ADMIN", nil},
	"DELETE /v1/notifications/{id}": {"/v1/notifications/{notification}", "", 204, "TENANT:ADMIN", nil},
}

// elsewhere are the routes that name their tenant otherwise than by X-Tenant-ID,
// with the status and the code for a credential of another tenant.
var elsewhere = map[string]struct {
	status int
	code   string
}{
	"POST /tenant-auth/v1/groups/{groupId}/members": {http.StatusForbidden, codeTenantMismatch},

	"POST /csp/gateway/am/api/orgs/{orgId}/groups/{groupId}/users": {http.StatusNotFound, codeNotFound},
	"PUT /api/v1/organizations/{organization_id}/users":            {http.StatusForbidden, codeTenantMismatch},

	"GET /ssf/streams":            {http.StatusForbidden, codeTenantMismatch},
	"POST /ssf/streams":           {http.StatusForbidden, codeTenantMismatch},
	"PATCH /ssf/streams":          {http.StatusForbidden, codeTenantMismatch},
	"PUT /ssf/streams":            {http.StatusForbidden, codeTenantMismatch},
	"DELETE /ssf/streams":         {http.StatusForbidden, codeTenantMismatch},
	"GET /ssf/status":             {http.StatusForbidden, codeTenantMismatch},
	"POST /ssf/status":            {http.StatusForbidden, codeTenantMismatch},
	"POST /ssf/verify":            {http.StatusForbidden, codeTenantMismatch},
	"POST /ssf/streams/{id}/poll": {http.StatusForbidden, codeTenantMismatch},
}

// readsAll is what the receiver of a stream needs to read.
var readsAll = []string{"USERS:READ", "GROUPS:READ"}

// harmless is a policy that concerns no caller.
const harmless = `forbid (principal is Agent, action == Action::\"audit.read\", resource);`

// things are the ids that a row of the table is filled with.
type things struct {
	user, group, member, connection, client, secret, token, policy, allowance, issuer, notification, role string

	webhook, delivery, stream string

	tenant string // whose they are
	linked string // a group that the connection sees

	request string // in the request log
	capture string // a window
	setup   string // a set-up link
}

// of maps each word in braces to its id.
func (ids *things) of() map[string]*string {
	return map[string]*string{
		"{linked}": &ids.linked, "{request}": &ids.request, "{capture}": &ids.capture,
		"{setup link}": &ids.setup,
		"{user}":       &ids.user, "{group}": &ids.group, "{member}": &ids.member,
		"{connection}": &ids.connection, "{token}": &ids.token, "{policy}": &ids.policy, "{allowance}": &ids.allowance,
		"{issuer}":  &ids.issuer,
		"{webhook}": &ids.webhook, "{delivery}": &ids.delivery, "{stream}": &ids.stream,
		"{notification}": &ids.notification, "{role}": &ids.role,
		"{client}": &ids.client, "{secret}": &ids.secret,
	}
}

func (a access) with(ids things) (path, body string) {
	path, body = strings.ReplaceAll(a.path, "{tenant}", ids.tenant), a.body
	for word, id := range ids.of() {
		path, body = strings.ReplaceAll(path, word, *id), strings.ReplaceAll(body, word, *id)
	}
	return path, body
}

// furnish makes a group with a member, a user beside them, a connection with a
// group that is linked to it, and a token.
func (h *house) furnish(whose auth.Bootstrapped, suffix string) things {
	h.t.Helper()
	user := func(name string) string {
		return h.make("/v1/users", `{"user_name":"`+name+`","email":"","name":""}`, as(whose))
	}
	ids := things{user: user("user" + suffix), member: user("member" + suffix), tenant: whose.TenantID.String()}
	ids.group = h.make("/v1/groups", `{"display_name":"Group"}`, as(whose))
	h.make("/v1/groups/"+ids.group+"/members", `{"user_id":"`+ids.member+`"}`, as(whose))
	ids.connection = h.make("/v1/connections", `{"name":"Connection"}`, as(whose))
	client := h.do(http.MethodPost, "/v1/connections/"+ids.connection+"/clients", `{"auth_method":"client_secret"}`,
		as(whose)).is(http.StatusCreated)
	ids.client, ids.secret = client["id"].(string), client["client_secret_id"].(string)
	ids.setup = h.make("/v1/connections/"+ids.connection+"/setup-links", `{}`, as(whose))
	ids.token = h.make("/v1/tokens", `{"name":"Token","kind":"api","permissions":["USERS:READ"]}`, as(whose))
	notify := membership.Notification{
		ID: membership.NewID(), Kind: membership.NotifyMembersAdded, CreatedAt: recentTime(),
		Payload: []byte(`{"group_id":"` + ids.group + `","user_ids":[]}`),
	}
	require.NoError(h.t, h.store.Update(h.t.Context(), whose.TenantID, func(tx membership.Tx) error {
		return tx.InsertNotification(h.t.Context(), notify)
	}))
	ids.notification = notify.ID.String()
	h.make("/v1/connections/"+whose.ConnectionID.String()+"/captures", `{"hours":1}`, as(whose))
	ids.request = h.keep(whose.TenantID, membership.Request{
		At:     recentTime().Add(time.Minute), // after an erasure, whose clock may be ahead
		Status: 204, Captured: membership.CapturedWhole, Whole: true, Connection: whose.ConnectionID, Method: "DELETE",
		Operation: "DELETE /Users/{id}", Path: "/scim/v2/Users/" + membership.NewID().String(),
	}).String()
	ids.capture = h.make("/v1/connections/"+ids.connection+"/captures", `{"hours":1}`, as(whose))
	ids.role = h.make("/v1/roles", `{"name":"Role"}`, as(whose))
	h.do(http.MethodPut, "/api/v1/organizations/"+ids.tenant+"/users",
		`[{"user_id":"`+ids.member+`","project_ids":null,"role_id":"`+ids.role+`"}]`, as(whose)).array()
	ids.policy = h.make("/v1/policies", `{"id":"`+membership.NewID().String()+`","cedar":"`+harmless+`"}`, as(whose))
	ids.allowance = h.make("/v1/connections/"+ids.connection+"/removal-allowances", `{}`, as(whose))
	ids.webhook = h.make("/v1/webhooks", `{"url":"https://webhook.invalid/"}`, as(whose))
	ids.delivery = h.delivery(whose.TenantID, ids.webhook)
	stream := h.do(http.MethodPost, "/ssf/streams", `{}`, as(whose)).is(http.StatusCreated)
	ids.stream = stream["stream_id"].(string)
	ids.issuer = h.make("/v1/issuers", issuerBody(membership.NewID().String()), as(whose))
	ids.linked = h.make("/v1/groups", `{"display_name":"Linked"}`, as(whose))
	h.do(http.MethodPost, "/v1/groups/"+ids.linked+"/links", `{"connection_id":"`+ids.connection+`"}`, as(whose)).
		is(http.StatusCreated)
	return ids
}

// delivery is one that was given up on.
func (h *house) delivery(tenant membership.ID, webhook string) string {
	id, err := membership.ParseID(webhook)
	require.NoError(h.t, err)
	now := recentTime()
	w, held, err := h.store.HoldWebhook(h.t.Context(), tenant, id, "test", now, now.Add(time.Minute), 1)
	require.NoError(h.t, err)
	require.True(h.t, held)
	dead := membership.Delivery{
		Webhook: id, Number: 1, ID: membership.NewID(), Action: membership.ActionTenantCreated,
		Status: membership.DeliveryDead, Attempts: 10,
		Attempt: membership.Attempt{Problem: "the connection failed", At: now, Took: 5 * time.Second},
	}
	held, err = h.store.FinishWebhook(h.t.Context(), "test", db.WebhookStep{
		Webhook: w.Webhook, Done: []membership.Delivery{dead}, Until: now,
	})
	require.NoError(h.t, err)
	require.True(h.t, held)
	return dead.ID.String()
}

func TestEveryRouteChecksItsCredential(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, powerless := h.token()
		revokedID, revoked := h.token(auth.AllPermissions)
		h.revoke(revokedID)
		theirs := h.furnish(h.other, "")

		for _, rt := range (&door{}).routes() {
			name := rt.method + " " + rt.path
			row, ok := accessTable[name]
			require.True(t, ok, "give %s a row in the table", name)
			t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
				h := *h
				h.t = t
				mine := h.furnish(h.mine, " "+name)
				defer h.do(http.MethodDelete, "/v1/webhooks/"+mine.webhook, "")
				defer h.do(http.MethodDelete, "/v1/webhooks/"+mine.stream, "")
				defer h.do(http.MethodDelete, "/v1/connections/"+mine.connection+"/setup-links/"+mine.setup, "")
				defer h.do(http.MethodDelete, "/v1/issuers/"+mine.issuer, "") // a tenant has a bounded number of them
				path, body := row.with(mine)
				send := func(changes ...with) reply { return h.do(rt.method, path, body, changes...) }
				if row.permission == "" {
					assert.Equal(t, row.status, send(header("Authorization"), header("X-Tenant-ID")).status)
					return
				}

				for what, credential := range map[string]struct {
					with      with
					challenge string
				}{
					"no token": {header("Authorization"), `Bearer realm="scimbridge"`},
					"garbage":  {bearer("garbage"), `Bearer realm="scimbridge", error="invalid_token"`},
					"not bearer": {
						header("Authorization", "Basic "+h.mine.APIToken),
						`Bearer realm="scimbridge", error="invalid_token"`,
					},
					"scim token":   {bearer(h.mine.SCIMToken), `Bearer realm="scimbridge", error="invalid_token"`},
					"revoked":      {bearer(revoked), `Bearer realm="scimbridge", error="invalid_token"`},
					"half a token": {bearer(h.mine.APIToken[:60]), `Bearer realm="scimbridge", error="invalid_token"`},
				} {
					// The credential comes first: nothing else of the request matters.
					for _, tenant := range []with{func(*http.Request) {}, header("X-Tenant-ID")} {
						r := send(credential.with, tenant)
						r.fails(http.StatusUnauthorized, codeUnauthenticated)
						assert.Equal(t, credential.challenge, r.header.Get("WWW-Authenticate"), what)
					}
				}

				mismatch, other := elsewhere[name]
				bad := []with{
					header("X-Tenant-ID", ""), header("X-Tenant-ID", "mine"),
					header("X-Tenant-ID", h.mine.TenantID.String(), h.mine.TenantID.String()),
				}
				if !other {
					bad = append(bad, header("X-Tenant-ID"))
					mismatch.status, mismatch.code = http.StatusForbidden, codeTenantMismatch
				}
				for _, bad := range bad {
					assert.Contains(t, send(bad).fails(http.StatusBadRequest, codeInvalidInput), "X-Tenant-ID")
				}

				refusals := len(h.events(membership.ActionRefused))
				send(header("X-Tenant-ID", h.other.TenantID.String())).fails(http.StatusForbidden, codeTenantMismatch)
				send(header("X-Tenant-ID", membership.NewID().String())).fails(http.StatusForbidden, codeTenantMismatch)
				events := h.events(membership.ActionRefused)
				require.Len(t, events, refusals+2, "a refused attempt is an event")
				assert.JSONEq(t, `{"kind":"tenant_mismatch"}`, string(events[refusals].After))
				assert.Equal(t, "request-1", events[refusals].RequestID)
				send(bearer(h.other.APIToken)).fails(mismatch.status, mismatch.code)

				message := send(bearer(powerless)).fails(http.StatusForbidden, codeForbidden)
				assert.Equal(t, "the permission "+row.permission+" is missing", message)
				_, enough := h.token(append([]string{row.permission}, row.also...)...)

				h.hides(t, rt.method, row, mine, theirs)

				if strings.Contains(row.path+row.body, "{stream}") { // it is there for the receiver that made it only
					mine.stream = h.do(http.MethodPost, "/ssf/streams", `{}`, bearer(enough)).
						is(http.StatusCreated)["stream_id"].(string)
					defer h.do(http.MethodDelete, "/v1/webhooks/"+mine.stream, "")
					path, body = row.with(mine)
				}
				r := send(bearer(enough), header("X-Tenant-ID", strings.ToUpper(h.mine.TenantID.String())))
				assert.Equal(t, row.status, r.status, "%s", r.body)
				h.do(http.MethodDelete, "/v1/issuers/"+mine.issuer, "") // a tenant has 50 at most
			})
		}
	})
}

// hides checks that what belongs to another tenant answers like what does not
// exist, and what is no id at all as well.
func (h *house) hides(t *testing.T, method string, row access, mine, theirs things) {
	t.Helper()
	for placeholder, theirID := range theirs.of() {
		if !strings.Contains(row.path+row.body, placeholder) {
			continue
		}
		answer := func(id string) reply {
			ids := mine
			*ids.of()[placeholder] = id
			path, body := row.with(ids)
			return h.do(method, path, body)
		}
		unknown := membership.NewID().String()
		nothing := answer(unknown)
		nothing.fails(http.StatusNotFound, codeNotFound)
		other := answer(*theirID)
		other.fails(http.StatusNotFound, codeNotFound)
		assert.Equal(t, nothing.but(unknown), other.but(*theirID))
		zero := answer(membership.ID{}.String())
		assert.Equal(t, nothing.but(unknown), zero.but(membership.ID{}.String()))

		malformed := answer("2489E9AD-2EE2-8E00-8EC9-32D5F69181C")
		if strings.Contains(row.body, placeholder) {
			malformed.fails(http.StatusBadRequest, codeInvalidInput)
			continue
		}
		malformed.fails(http.StatusNotFound, codeNotFound)
		assert.Equal(t, string(nothing.body), string(malformed.body))
	}
}

// but is the body without the id that was asked for, which an error may name.
func (r reply) but(id string) string { return strings.ReplaceAll(string(r.body), id, "…") }

func TestUnknownPathsAndMethods(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, path := range []string{
			"/v1", "/v1/", "/v1/nothing", "/v1//users", "/v1/users//", "/v1/users/a/b", "/v1/Users",
			"/v1/groups/" + membership.NewID().String() + "%2Fmembers/members/x/y",
		} {
			h.do(http.MethodGet, path, "").fails(http.StatusNotFound, codeNotFound)
		}
		for path, allow := range map[string]string{
			"/v1/openapi.yaml":       "GET, HEAD",
			"/v1/users":              "GET, HEAD, POST",
			"/v1/users/x":            "GET, HEAD, PATCH, DELETE",
			"/v1/groups/x/members/":  "GET, HEAD, POST",
			"/v1/groups/x/members/y": "GET, HEAD, PATCH, DELETE",
			"/v1/tokens/x/rotate":    "POST",
			"/v1/connections/x":      "GET, HEAD, PATCH, DELETE",
			"/v1/policies":           "GET, HEAD, POST",
		} {
			r := h.do(http.MethodPut, path, "", header("Authorization"))
			r.fails(http.StatusMethodNotAllowed, codeMethodNotAllowed)
			assert.Equal(t, allow, r.header.Get("Allow"))
		}
	})
}

func TestTrailingSlashAndHEAD(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ids := h.furnish(h.mine, "")
		assert.Len(t, h.do(http.MethodGet, "/v1/users/", "").data(), 2)
		h.do(http.MethodGet, "/v1/groups/"+strings.ToUpper(ids.group)+"/", "").is(http.StatusOK)
		h.make("/v1/groups/"+ids.group+"/members/", `{"user_id":"`+strings.ToUpper(ids.user)+`"}`)
		h.do(http.MethodDelete, "/v1/groups/"+ids.group+"/members/"+strings.ToUpper(ids.user)+"/", "").
			is(http.StatusNoContent)

		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead,
			h.server.URL+"/v1/groups/"+ids.group+"/members",
			nil)
		require.NoError(t, err)
		as(h.mine)(req)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, http.StatusOK, resp.StatusCode)
	})
}
