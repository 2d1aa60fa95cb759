package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
	"github.com/scimbridge/scimbridge/config"
)

// demoGuard holds the removal that furnish sends, and none of the recorded ones.
var demoGuard = config.RemovalGuard{On: true, Members: 3, Percent: 50}

// loopback is where the receiver of the demo's webhook is.
var loopback = config.Networks{netip.MustParsePrefix("127.0.0.0/8")}

// furnish makes what the pages of the console show beside the story: it is sent like the
// rest of the demo, but only what fails is shown on the screen.
func (d *demo) furnish(ctx context.Context, receiver string) error {
	quiet := &demo{base: d.base, tenant: d.tenant, show: d.show.failures()}
	vars := map[string]any{}
	for _, c := range []struct {
		as   party
		conv replay.Conversation
	}{
		{quiet.admin(), access(d.tenant, receiver)},
		{quiet.provider(d.tenant.okta), contractors()},
	} {
		got, err := quiet.play(ctx, c.as, c.conv)
		if err != nil {
			return err
		}
		for name, v := range got {
			vars[name] = v
		}
	}
	if _, err := quiet.play(ctx, quiet.admin(), exceptions(vars)); err != nil {
		return err
	}
	d.count.Played += quiet.count.Played
	d.count.Failed += quiet.count.Failed
	return nil
}

// post is a step that makes something.
func post(path string, pairs ...any) replay.Step {
	return replay.Step{Method: http.MethodPost, Path: path, Body: object(pairs...), Expect: expect(http.StatusCreated)}
}

// access is what an administrator gives out.
func access(t demoTenant, receiver string) replay.Conversation {
	soon := time.Now().Add(10 * 24 * time.Hour).UTC().Format(time.RFC3339)
	okta, entra := "/connections/"+t.okta.ID.String(), "/connections/"+t.entra.ID.String()
	return replay.Conversation{ID: "demo-access", Name: "gives out tokens, clients and links", Steps: []replay.Step{
		post("/webhooks", "url", receiver, "events", []string{"grant.opened", "grant.closed"}),
		post("/tokens", "name", "nightly export", "kind", "api", "permissions", []string{"AUDIT:READ", "GROUPS:READ"},
			"expires_at", soon),
		post(entra+"/clients", "auth_method", "client_secret"),
		post("/issuers", "issuer", "https://login.example.test/", "audiences", []string{"scimbridge"},
			"permissions", []string{"USERS:READ"}, "jwks_uri", "https://login.example.test/keys"),
		post("/policies", "id", "agents-only-read", "cedar", demoPolicy),
		post(okta+"/setup-links", "reason", "for the customer's administrator"),
		post(okta+"/captures", "hours", 1),
	}}
}

// demoPolicy concerns nothing that the demo does.
const demoPolicy = "// Agents read, and change nothing.\n" +
	"forbid (principal is Agent, action in Action::\"write\", resource);\n"

// contractors is Okta pushing a group, a request that changes nothing, one that is
// refused, and one that the removal guard holds.
func contractors() replay.Conversation {
	var steps []replay.Step
	var members []map[string]any
	for _, name := range []string{"dan", "eve", "fay", "gil"} {
		step := post("/Users", "schemas", []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
			"userName", name+"@example.test", "displayName", name+" Contractor", "active", true,
			"emails", []map[string]any{{"value": name + "@example.test", "primary": true}})
		step.Capture = map[string]string{name: "$.id"}
		steps = append(steps, step)
		members = append(members, map[string]any{"value": "{{" + name + "}}"})
	}
	group := post("/Groups", "schemas", []string{"urn:ietf:params:scim:schemas:core:2.0:Group"},
		"displayName", "Contractors", "members", members)
	group.Capture = map[string]string{"contractors": "$.id"}
	patch := func(status int, op string, value any) replay.Step {
		return replay.Step{
			Method: http.MethodPatch, Path: "/Groups/{{contractors}}", Expect: expect(status),
			Body: object("schemas", []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
				"Operations", []map[string]any{{"op": op, "path": "members", "value": value}}),
		}
	}
	taken := post("/Users", "schemas", []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"userName", "dan@example.test")
	taken.Expect = expect(http.StatusConflict)
	return replay.Conversation{ID: "demo-contractors", Name: "pushes a group", Steps: append(steps, group,
		patch(http.StatusNoContent, "add", members[:1]), taken,
		patch(http.StatusConflict, "replace", []any{}),
	)}
}

// exceptions is the administrator adding members that call for a look: one with an
// end, one by break-glass.
func exceptions(vars map[string]any) replay.Conversation {
	group := fmt.Sprintf("/groups/%v/members", vars["contractors"])
	person := post("/users", "user_name", "mara@example.test", "email", "mara@example.test", "name", "Mara Oncall")
	person.Capture = map[string]string{"mara": "$.id"}
	ends := time.Now().Add(5 * 24 * time.Hour).UTC().Format(time.RFC3339)
	return replay.Conversation{ID: "demo-exceptions", Name: "adds members for a while", Steps: []replay.Step{
		person,
		post(group, "user_id", vars["dan"], "also_local", true, "reason", "stays for the audit", "expires_at", ends),
		post(group, "user_id", "{{mara}}", "break_glass", true, "reason", "INC-4711"),
	}}
}

// receive takes what the demo's webhook is sent, on a free port of this machine.
func receive(ctx context.Context) (url string, stop func(), err error) {
	var l net.ListenConfig
	listener, err := l.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	taken := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }
	s := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(taken)}
	go func() { _ = s.Serve(listener) }()
	return "http://" + listener.Addr().String() + "/events", func() { _ = s.Close() }, nil
}
