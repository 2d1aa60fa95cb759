package server

import (
	"net/http"
	"strings"
)

// walkRow says how one route is called so that nothing but the credential can
// fail. Words in braces stand for ids, see things; {tenant} is the caller's.
type walkRow struct {
	path, body string
	status     int // for a caller who may
	// may is what a native caller needs, the first for a refusal that says so;
	// none: the route asks for no credential, or is a provider's.
	may []string
	// reading is the status for a provider that may only read, if it is neither
	// status nor 403.
	reading int
	// elsewhere is the status for a caller of another tenant, if it is not 403.
	elsewhere int
}

// receives is what the receiver of a stream may.
var receives = []string{"STREAMS:RECEIVE", "USERS:READ", "GROUPS:READ"}

// harmlessPolicy concerns no caller.
const harmlessPolicy = `forbid (principal == User::\"nobody\", action == Action::\"audit.read\", resource);`

const patchOp = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`

// walkTable has every route of every door.
var walkTable = map[string]walkRow{
	"GET /healthz": {path: "/healthz", status: 200},
	"GET /readyz":  {path: "/readyz", status: 200},
	"GET /metrics": {path: "/metrics", status: 200},

	"GET /.well-known/oauth-authorization-server": {path: "/.well-known/oauth-authorization-server", status: 200},

	// It asks for a form before it looks at who sends it.
	"POST /oauth2/token": {path: "/oauth2/token", body: `{}`, status: 400},

	"GET /scim/v2":                {path: "/scim/v2", status: 200},
	"POST /scim/v2/.search":       {path: "/scim/v2/.search", body: `{}`, status: 200},
	"GET /scim/v2/Users":          {path: "/scim/v2/Users", status: 200},
	"POST /scim/v2/Users":         {path: "/scim/v2/Users", body: `{"userName":"new {n}"}`, status: 201},
	"POST /scim/v2/Users/.search": {path: "/scim/v2/Users/.search", body: `{}`, status: 200},
	"GET /scim/v2/Users/{id}":     {path: "/scim/v2/Users/{their user}", status: 200},
	"PUT /scim/v2/Users/{id}": {path: "/scim/v2/Users/{their user}", body: `{"userName":"changed {n}"}`,
		status: 200},
	"PATCH /scim/v2/Users/{id}": {path: "/scim/v2/Users/{their user}",
		body: patchOp + `{"op":"replace","path":"title","value":"x"}]}`, status: 200},
	"DELETE /scim/v2/Users/{id}": {path: "/scim/v2/Users/{their user}", status: 204},
	"GET /scim/v2/Groups":        {path: "/scim/v2/Groups", status: 200},
	"POST /scim/v2/Groups": {path: "/scim/v2/Groups",
		body: `{"displayName":"new {n}","members":[{"value":"{their user}"}]}`, status: 201},
	"POST /scim/v2/Groups/.search": {path: "/scim/v2/Groups/.search", body: `{}`, status: 200},
	"GET /scim/v2/Groups/{id}":     {path: "/scim/v2/Groups/{their group}", status: 200},
	"PUT /scim/v2/Groups/{id}": {path: "/scim/v2/Groups/{their group}",
		body: `{"displayName":"changed {n}","members":[{"value":"{their user}"}]}`, status: 200},
	"PATCH /scim/v2/Groups/{id}": {path: "/scim/v2/Groups/{their group}",
		body: patchOp + `{"op":"add","path":"members","value":[{"value":"{their user}"}]}]}`, status: 204},
	"DELETE /scim/v2/Groups/{id}":        {path: "/scim/v2/Groups/{their group}", status: 204},
	"GET /scim/v2/ServiceProviderConfig": {path: "/scim/v2/ServiceProviderConfig", status: 200},
	"GET /scim/v2/ResourceTypes":         {path: "/scim/v2/ResourceTypes", status: 200},
	"GET /scim/v2/ResourceTypes/{id}":    {path: "/scim/v2/ResourceTypes/User", status: 200},
	"GET /scim/v2/Schemas":               {path: "/scim/v2/Schemas", status: 200},
	"GET /scim/v2/Schemas/{id}": {path: "/scim/v2/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
		status: 200},
	// Each operation of a bulk request is answered by itself.
	"POST /scim/v2/Bulk": {path: "/scim/v2/Bulk", body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:` +
		`BulkRequest"],` +
		`"Operations":[{"method":"DELETE","path":"/Users/{their user}"}]}`, status: 200, reading: 200},
	"GET /scim/v2/Me":    {path: "/scim/v2/Me", status: 501},
	"POST /scim/v2/Me":   {path: "/scim/v2/Me", status: 501, reading: 501},
	"PUT /scim/v2/Me":    {path: "/scim/v2/Me", status: 501, reading: 501},
	"PATCH /scim/v2/Me":  {path: "/scim/v2/Me", status: 501, reading: 501},
	"DELETE /scim/v2/Me": {path: "/scim/v2/Me", status: 501, reading: 501},

	"GET /v1/openapi.yaml":      {path: "/v1/openapi.yaml", status: 200},
	"GET /v1/docs":              {path: "/v1/docs", status: 200},
	"GET /v1/users/{id}/groups": {path: "/v1/users/{user}/groups", status: 200, may: []string{"GROUPS:READ"}},
	"POST /v1/groups/{id}/members:batch": {
		path: "/v1/groups/{group}/members:batch", body: `{"remove":["0197a5e4-7b3a-7c11-9d52-3f0b6c8e2a10"]}`,
		status: 200, may: []string{"GROUPS:WRITE"},
	},

	"GET /v1/users": {path: "/v1/users", status: 200, may: []string{"USERS:READ"}},
	"POST /v1/users": {path: "/v1/users", body: `{"user_name":"new {n}","email":"new@x.example","name":"New"}`,
		status: 201, may: []string{"USERS:WRITE"}},
	"GET /v1/users/{id}": {path: "/v1/users/{user}", status: 200, may: []string{"USERS:READ"}},
	"PATCH /v1/users/{id}": {path: "/v1/users/{user}", body: `{"name":"Changed"}`, status: 200,
		may: []string{"USERS:WRITE"}},
	"POST /v1/users/{id}/erase": {path: "/v1/users/{user}/erase", body: `{"reason":"x"}`, status: 200,
		may: []string{"TENANT:ADMIN"}},
	"DELETE /v1/users/{id}": {path: "/v1/users/{user}", status: 204, may: []string{"USERS:WRITE"}},

	"GET /v1/users/{id}/links":  {path: "/v1/users/{user}/links", status: 200, may: []string{"USERS:READ"}},
	"GET /v1/groups/{id}/links": {path: "/v1/groups/{linked}/links", status: 200, may: []string{"GROUPS:READ"}},
	"POST /v1/groups/{id}/links": {
		path: "/v1/groups/{group}/links", body: `{"connection_id":"{connection}"}`, status: 201,
		may: []string{"TENANT:ADMIN"},
	},
	"DELETE /v1/groups/{id}/links/{connection_id}": {
		path: "/v1/groups/{linked}/links/{linked to}?members=release", status: 204, may: []string{"TENANT:ADMIN"},
	},

	"GET /v1/groups": {path: "/v1/groups", status: 200, may: []string{"GROUPS:READ"}},
	"POST /v1/groups": {path: "/v1/groups", body: `{"display_name":"New"}`, status: 201,
		may: []string{"GROUPS:WRITE"}},
	"GET /v1/groups/{id}": {path: "/v1/groups/{group}", status: 200, may: []string{"GROUPS:READ"}},
	"PATCH /v1/groups/{id}": {path: "/v1/groups/{group}", body: `{"display_name":"Changed"}`, status: 200,
		may: []string{"GROUPS:WRITE"}},
	"DELETE /v1/groups/{id}": {path: "/v1/groups/{group}", status: 204, may: []string{"GROUPS:WRITE"}},

	"GET /v1/groups/{id}/members": {path: "/v1/groups/{group}/members", status: 200,
		may: []string{"GROUPS:READ"}},
	"POST /v1/groups/{id}/members": {path: "/v1/groups/{group}/members", body: `{"user_id":"{user}"}`,
		status: 201, may: []string{"GROUPS:WRITE"}},
	"GET /v1/groups/{id}/members/{user_id}": {path: "/v1/groups/{group}/members/{member}", status: 200,
		may: []string{"GROUPS:READ"}},
	"POST /v1/groups/{id}/members/{user_id}/sign-off": {path: "/v1/groups/{group}/members/{member}/sign-off",
		body: `{"reason":"seen"}`, status: 404, may: []string{"GROUPS:BREAK_GLASS"}},
	"PATCH /v1/groups/{id}/members/{user_id}": {path: "/v1/groups/{group}/members/{member}",
		body: `{"expires_at":"2099-01-01T00:00:00Z"}`, status: 200, may: []string{"GROUPS:WRITE"}},
	"DELETE /v1/groups/{id}/members/{user_id}": {path: "/v1/groups/{group}/members/{member}", status: 204,
		may: []string{"GROUPS:WRITE"}},

	"GET /v1/connections": {path: "/v1/connections", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /v1/connections": {path: "/v1/connections", body: `{"name":"New"}`, status: 201,
		may: []string{"TENANT:ADMIN"}},
	"GET /v1/connections/{id}": {path: "/v1/connections/{connection}", status: 200, may: []string{"TENANT:ADMIN"}},

	"GET /v1/connections/{id}/removal-allowances": {
		path: "/v1/connections/{connection}/removal-allowances", status: 200, may: []string{"TENANT:ADMIN"},
	},
	"POST /v1/connections/{id}/removal-allowances": {
		path: "/v1/connections/{connection}/removal-allowances", body: `{}`, status: 201, may: []string{"TENANT:ADMIN"},
	},
	"DELETE /v1/connections/{id}/removal-allowances/{allowance_id}": {
		path: "/v1/connections/{connection}/removal-allowances/{allowance}", status: 204, may: []string{"TENANT:ADMIN"},
	},

	"GET /v1/connections/{id}/clients": {path: "/v1/connections/{connection}/clients", status: 200,
		may: []string{"TENANT:ADMIN"}},
	"POST /v1/connections/{id}/clients": {
		path: "/v1/connections/{connection}/clients", body: `{"auth_method":"client_secret"}`, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /v1/connections/{id}/clients/{client_id}": {path: "/v1/connections/{connection}/clients/{client}",
		status: 200, may: []string{"TENANT:ADMIN"}},
	"DELETE /v1/connections/{id}/clients/{client_id}": {path: "/v1/connections/{connection}/clients/{client}",
		status: 204, may: []string{"TENANT:ADMIN"}},
	"POST /v1/connections/{id}/clients/{client_id}/secrets": {
		path: "/v1/connections/{connection}/clients/{client}/secrets", body: `{}`, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"DELETE /v1/connections/{id}/clients/{client_id}/secrets/{secret_id}": {
		path: "/v1/connections/{connection}/clients/{client}/secrets/{secret}", status: 204,
		may: []string{"TENANT:ADMIN"},
	},

	"GET /v1/connections/{id}/setup-links": {
		path: "/v1/connections/{connection}/setup-links", status: 200, may: []string{"TENANT:ADMIN"},
	},
	"POST /v1/connections/{id}/setup-links": {
		path: "/v1/connections/{connection}/setup-links", body: `{}`, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE", "REQUESTS:READ"},
	},
	"DELETE /v1/connections/{id}/setup-links/{link_id}": {
		path: "/v1/connections/{connection}/setup-links/{setup link}", status: 204, may: []string{"TENANT:ADMIN"},
	},

	"GET /v1/tokens": {path: "/v1/tokens", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /v1/tokens": {
		path: "/v1/tokens", body: `{"name":"New","kind":"scim","connection_id":"{connection}"}`, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ", "USERS:WRITE", "GROUPS:READ", "GROUPS:WRITE"},
	},
	"GET /v1/tokens/{id}":    {path: "/v1/tokens/{token}", status: 200, may: []string{"TENANT:ADMIN"}},
	"DELETE /v1/tokens/{id}": {path: "/v1/tokens/{token}", status: 204, may: []string{"TENANT:ADMIN"}},
	"POST /v1/tokens/{id}/rotate": {path: "/v1/tokens/{token}/rotate", body: `{"overlap_seconds":60}`, status: 201,
		may: []string{"TENANT:ADMIN", "USERS:READ"}},

	"GET /v1/policies": {path: "/v1/policies", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /v1/policies": {path: "/v1/policies", body: `{"id":"{new id}","cedar":"` + harmlessPolicy + `"}`,
		status: 201, may: []string{"TENANT:ADMIN"}},
	"GET /v1/policies/{id}": {path: "/v1/policies/{policy}", status: 200, may: []string{"TENANT:ADMIN"}},
	"PUT /v1/policies/{id}": {path: "/v1/policies/{policy}", body: `{"cedar":"` + harmlessPolicy + ` // changed"}`,
		status: 200, may: []string{"TENANT:ADMIN"}},
	"DELETE /v1/policies/{id}": {path: "/v1/policies/{policy}", status: 204, may: []string{"TENANT:ADMIN"}},

	"GET /.well-known/ssf-configuration": {path: "/.well-known/ssf-configuration", status: 200},
	"GET /ssf/jwks.json":                 {path: "/ssf/jwks.json", status: 200},
	"GET /ssf/streams": {
		path: "/ssf/streams", status: 200,
		may: receives,
	},
	"POST /ssf/streams": {
		path: "/ssf/streams", body: `{}`, status: 201,
		may: receives,
	},
	"PATCH /ssf/streams": {
		path: "/ssf/streams", body: `{"stream_id":"{stream}","description":"{n}"}`, status: 200,
		may: receives,
	},
	"PUT /ssf/streams": {
		path: "/ssf/streams", body: `{"stream_id":"{stream}"}`, status: 200,
		may: receives,
	},
	"DELETE /ssf/streams": {
		path: "/ssf/streams?stream_id={stream}", status: 204,
		may: receives,
	},
	"GET /ssf/status": {
		path: "/ssf/status?stream_id={stream}", status: 200,
		may: receives,
	},
	"POST /ssf/status": {
		path: "/ssf/status", body: `{"stream_id":"{stream}","status":"paused"}`, status: 200,
		may: receives,
	},
	"POST /ssf/verify": {
		path: "/ssf/verify", body: `{"stream_id":"{stream}"}`, status: 204,
		may: receives,
	},
	"POST /ssf/streams/{id}/poll": {
		path: "/ssf/streams/{stream}/poll", body: `{"returnImmediately":true}`, status: 200,
		may: receives,
	},

	"GET /v1/webhooks": {
		path: "/v1/webhooks", status: 200,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"POST /v1/webhooks": {
		path: "/v1/webhooks", body: `{"url":"https://webhook.invalid/"}`, status: 201,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"GET /v1/webhooks/{id}": {
		path: "/v1/webhooks/{webhook}", status: 200,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"PATCH /v1/webhooks/{id}": {
		path: "/v1/webhooks/{webhook}", body: `{"ordered":false}`, status: 200,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"DELETE /v1/webhooks/{id}": {
		path: "/v1/webhooks/{webhook}", status: 204,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/rotate-secret": {
		path: "/v1/webhooks/{webhook}/rotate-secret", body: `{}`, status: 201,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/test": {
		path: "/v1/webhooks/{webhook}/test", status: 200,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/recover": {
		path: "/v1/webhooks/{webhook}/recover", body: `{"since":"2026-08-01T00:00:00Z"}`, status: 200,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"GET /v1/webhooks/{id}/deliveries": {
		path: "/v1/webhooks/{webhook}/deliveries", status: 200,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"GET /v1/webhooks/{id}/deliveries/{delivery_id}/attempts": {
		path: "/v1/webhooks/{webhook}/deliveries/{new id}/attempts", status: 404,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},
	"POST /v1/webhooks/{id}/deliveries/{delivery_id}/retry": {
		path: "/v1/webhooks/{webhook}/deliveries/{new id}/retry", status: 404,
		may: []string{"WEBHOOKS:ADMIN", "AUDIT:READ"},
	},

	"GET /v1/issuers": {path: "/v1/issuers", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /v1/issuers": {
		path: "/v1/issuers", body: `{"issuer":"{new id}","audiences":["b"],"permissions":["USERS:READ"],` +
			`"jwks_uri":"https://example.com/keys"}`,
		status: 201, may: []string{"TENANT:ADMIN", "USERS:READ"},
	},
	"GET /v1/issuers/{id}": {path: "/v1/issuers/{issuer}", status: 200, may: []string{"TENANT:ADMIN"}},
	"PATCH /v1/issuers/{id}": {path: "/v1/issuers/{issuer}", body: `{"max_age_seconds":60}`, status: 200,
		may: []string{"TENANT:ADMIN", "USERS:READ"}},
	"DELETE /v1/issuers/{id}": {path: "/v1/issuers/{issuer}", status: 204, may: []string{"TENANT:ADMIN"}},

	"GET /v1/audit/events":     {path: "/v1/audit/events", status: 200, may: []string{"AUDIT:READ"}},
	"GET /v1/audit/checkpoint": {path: "/v1/audit/checkpoint", status: 200, may: []string{"AUDIT:READ"}},
	"GET /v1/audit/checkpoint/timestamp": {path: "/v1/audit/checkpoint/timestamp", status: 404,
		may: []string{"AUDIT:READ"}},
	"GET /v1/audit/key": {path: "/v1/audit/key", status: 200, may: []string{"AUDIT:READ"}},
	"GET /v1/audit/events/{number}/proof": {path: "/v1/audit/events/1/proof", status: 200,
		may: []string{"AUDIT:READ"}},
	"GET /v1/audit/register":   {path: "/v1/audit/register", status: 200, may: []string{"AUDIT:READ"}},
	"GET /v1/audit/exceptions": {path: "/v1/audit/exceptions", status: 200, may: []string{"AUDIT:READ"}},
	"GET /v1/requests":         {path: "/v1/requests", status: 200, may: []string{"REQUESTS:READ"}},
	"GET /v1/requests/{id}":    {path: "/v1/requests/{request}", status: 200, may: []string{"REQUESTS:READ"}},
	"GET /v1/connections/{id}/captures": {path: "/v1/connections/{connection}/captures", status: 200,
		may: []string{"REQUESTS:CAPTURE"}},
	"POST /v1/connections/{id}/captures": {path: "/v1/connections/{connection}/captures", body: `{"hours":1}`,
		status: 201, may: []string{"REQUESTS:CAPTURE"}},
	"DELETE /v1/connections/{id}/captures/{capture_id}": {
		path: "/v1/connections/{connection}/captures/{capture}", status: 204, may: []string{"REQUESTS:CAPTURE"},
	},
	"POST /v1/requests/{id}/dry-run": {path: "/v1/requests/{request}/dry-run", status: 200,
		may: []string{"REQUESTS:READ", "TENANT:ADMIN"}},
	"GET /v1/requests/{id}/capture": {path: "/v1/requests/{request}/capture", status: 200,
		may: []string{"REQUESTS:CAPTURE"}},
	"GET /v1/requests/problems": {path: "/v1/requests/problems", status: 200, may: []string{"REQUESTS:READ"}},
	"GET /v1/users/{id}/explain": {path: "/v1/users/{user}/explain", status: 200,
		may: []string{"REQUESTS:READ", "AUDIT:READ"}},
	"GET /v1/groups/{id}/explain": {path: "/v1/groups/{group}/explain", status: 200,
		may: []string{"REQUESTS:READ", "AUDIT:READ"}},
	"PATCH /v1/connections/{id}": {path: "/v1/connections/{connection}", body: `{"paused":true}`, status: 200,
		may: []string{"TENANT:ADMIN"}},
	"DELETE /v1/connections/{id}": {path: "/v1/connections/{connection}?members=release", status: 204,
		may: []string{"TENANT:ADMIN"}},

	"POST /tenant-auth/v1/groups/{groupId}/members": {
		path: "/tenant-auth/v1/groups/{group}/members", body: `{"userIds":["{user}"]}`, status: 200,
		may: []string{"GROUPS:WRITE"},
	},
	"POST /csp/gateway/am/api/orgs/{orgId}/groups/{groupId}/users": {
		path: "/csp/gateway/am/api/orgs/{tenant}/groups/{group}/users", body: `{"usernamesToAdd":["x"]}`, status: 200,
		may: []string{"GROUPS:WRITE", "*"}, elsewhere: 404,
	},
	"PUT /api/v1/organizations/{organization_id}/users": {
		path: "/api/v1/organizations/{tenant}/users", body: `[{"user_id":"{user}","project_ids":null}]`, status: 200,
		may: []string{"USERS:WRITE"},
	},
	"GET /v1/roles": {path: "/v1/roles", status: 200, may: []string{"TENANT:ADMIN"}},
	"POST /v1/roles": {path: "/v1/roles", body: `{"name":"new {new id}"}`, status: 201,
		may: []string{"TENANT:ADMIN"}},
	"GET /v1/roles/{id}": {path: "/v1/roles/{role}", status: 200, may: []string{"TENANT:ADMIN"}},
	"PATCH /v1/roles/{id}": {path: "/v1/roles/{role}", body: `{"name":"changed {new id}"}`, status: 200,
		may: []string{"TENANT:ADMIN"}},
	"DELETE /v1/roles/{id}": {path: "/v1/roles/{role}", status: 204, may: []string{"TENANT:ADMIN"}},
	"GET /v1/notifications": {path: "/v1/notifications", status: 200, may: []string{"TENANT:ADMIN"}},

	// What it takes for these to find something no POST makes: those who may are
	// answered 404 here.
	"DELETE /v1/notifications/{id}": {path: "/v1/notifications/{new id}", status: 404,
		may: []string{"TENANT:ADMIN"}},
	"DELETE /v1/roles/{id}/users/{user_id}": {path: "/v1/roles/{role}/users/{member}", status: 404,
		may: []string{"TENANT:ADMIN"}},
	"GET /v1/users/{id}/organization": {path: "/v1/users/{user}/organization", status: 404,
		may: []string{"USERS:READ"}},
}

// furniture makes what the words stand for, in their order; each is made by a
// native caller, or by a provider, and may use what was made before.
var furniture = []struct {
	word, path, body string
	// second and field are for what is made with it.
	second, field string
}{
	{word: "{user}", path: "/v1/users", body: `{"user_name":"user {n}","email":"","name":""}`},
	{word: "{member}", path: "/v1/users", body: `{"user_name":"member {n}","email":"","name":""}`},
	{word: "{group}", path: "/v1/groups", body: `{"display_name":"group {n}"}`},
	{word: "", path: "/v1/groups/{group}/members", body: `{"user_id":"{member}"}`},
	{word: "{connection}", path: "/v1/connections", body: `{"name":"connection {n}"}`},
	{word: "{linked}", path: "/v1/groups", body: `{"display_name":"linked {n}"}`},
	{path: "/v1/groups/{linked}/links", body: `{"connection_id":"{connection}"}`, second: "{linked to}",
		field: "connection_id"},
	{word: "{allowance}", path: "/v1/connections/{connection}/removal-allowances", body: `{}`},
	{word: "{capture}", path: "/v1/connections/{connection}/captures", body: `{"hours":1}`},
	{word: "{setup link}", path: "/v1/connections/{connection}/setup-links", body: `{}`},
	{word: "{token}", path: "/v1/tokens", body: `{"name":"token {n}","kind":"api","permissions":["USERS:READ"]}`},
	{word: "{policy}", path: "/v1/policies", body: `{"id":"{new id}","cedar":"` + harmlessPolicy + `"}`},
	{word: "{webhook}", path: "/v1/webhooks", body: `{"url":"https://webhook.invalid/"}`},
	{path: "/ssf/streams", body: `{"description":"{n}"}`, second: "{stream}", field: "stream_id"},
	{word: "{issuer}", path: "/v1/issuers",
		body: `{"issuer":"{new id}","audiences":["b"],"permissions":["USERS:READ"],` +
			`"jwks_uri":"https://example.com/keys"}`},
	{word: "{role}", path: "/v1/roles", body: `{"name":"role {new id}"}`},
	{
		word: "{client}", path: "/v1/connections/{connection}/clients", body: `{"auth_method":"client_secret"}`,
		second: "{secret}", field: "client_secret_id",
	},
	{word: "{their user}", path: "/scim/v2/Users", body: `{"userName":"their user {n}"}`},
	{word: "{their group}", path: "/scim/v2/Groups", body: `{"displayName":"their group {n}",` +
		`"members":[{"value":"{their user}"}]}`},
}

// needed says which of the furniture a text needs: what it names, and what that
// is made with. A text that names nothing needs all: it may list anything.
func needed(text string) (need []bool) {
	need = make([]bool, len(furniture))
	everything := !strings.Contains(text, "{")
	for i := len(furniture) - 1; i >= 0; i-- {
		f := furniture[i]
		word := f.word
		switch {
		case word == "" && f.second != "":
			word = f.second
		case word == "":
			word = "{member}"
		}
		second := f.second != "" && strings.Contains(text, f.second)
		if need[i] = everything || second || strings.Contains(text, word); need[i] {
			text += f.path + f.body
		}
	}
	return need
}

// things maps words to ids.
type things map[string]string

func (ids things) fill(text string) string {
	for word, id := range ids {
		text = strings.ReplaceAll(text, word, id)
	}
	return text
}

func doorOf(path string) string {
	switch {
	case path == "/healthz", path == "/readyz", path == "/metrics":
		return doorSystem
	case path == SCIMPrefix, strings.HasPrefix(path, SCIMPrefix+"/"):
		return doorSCIM
	}
	return doorNative // all of its APIs
}

// onlyReads: a provider that may only read may send it.
func onlyReads(method, path string) bool {
	return method == http.MethodGet || strings.HasSuffix(path, "/.search")
}
