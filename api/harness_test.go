package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// house is the door over a real store, with two tenants in it.
type house struct {
	t         testing.TB
	store     *db.Store
	directory *membership.Directory
	tokens    *auth.Tokens
	verifier  *auth.Verifier
	services  Services
	server    *httptest.Server
	mine      auth.Bootstrapped
	other     auth.Bootstrapped
	requests  *db.RequestLog
}

// kept is a request log without the server that fills it.
type kept struct{ log *db.RequestLog }

func (k kept) RequestLog() membership.RequestLog            { return k.log }
func (k kept) UserName(name string) *membership.RequestName { return nameOf("u" + name) }
func (k kept) ExternalID(id string) *membership.RequestName { return nameOf("x" + id) }
func (k kept) Dropped(membership.ID) int64                  { return 3 }
func (k kept) Captures() bool                               { return true }
func (k kept) OpenBody(_, id membership.ID, box []byte) (string, error) {
	if string(box[:16]) != string(id[:]) {
		return "", errors.New("of another request")
	}
	return string(box[16:]), nil
}

func (k kept) EraseRequests(ctx context.Context, tenant, user membership.ID, _ membership.PersonNames) (int, error) {
	return k.log.EraseRequests(ctx, tenant, user, nil, nil)
}

func nameOf(s string) *membership.RequestName {
	sum := sha256.Sum256([]byte(s))
	n := membership.RequestName(sum[:16])
	return &n
}

// keep puts a request into the log, with a body if it was captured.
func (h *house) keep(tenant membership.ID, r membership.Request) membership.ID {
	h.t.Helper()
	r.ID, r.Tenant, r.Outcome = membership.NewID(), tenant, cmp.Or(r.Outcome, membership.RequestNothing)
	if r.At.IsZero() {
		r.At = recentTime()
	}
	if r.Captured != membership.NotCaptured {
		r.Sealed = &membership.SealedBody{
			Until: time.Now().Add(time.Hour), Box: append(r.ID[:len(r.ID):len(r.ID)], `{"userName":"ann"}`...),
		}
	}
	require.NoError(h.t, h.requests.AppendRequests(h.t.Context(), []membership.Request{r}))
	return r.ID
}

// each runs a test with a fresh house on each engine.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, store *db.Store) { test(t, newHouse(t, store, Config{})) })
}

// Reports are texts to the contract; what is in them, tests of their own say.
func init() {
	openapi3filter.RegisterBodyDecoder("application/jsonl", openapi3filter.FileBodyDecoder)
	openapi3filter.RegisterBodyDecoder("text/csv", openapi3filter.FileBodyDecoder)
}

func newHouse(t testing.TB, store *db.Store, c Config) *house {
	t.Helper()
	if c.Logger == nil {
		c.Logger = zaptest.NewLogger(t, zaptest.Level(zap.WarnLevel))
	}
	h := &house{t: t, store: store}
	policy := auth.NewPolicy(store, time.Now, c.Logger)
	watch := membership.NewEventWatch(store)
	t.Cleanup(watch.Stop)
	var err error
	h.requests, err = store.OpenRequestLog(t.Context(), store.Engine()+":"+filepath.Join(t.TempDir(), "x.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.requests.Close()) })
	h.directory = membership.NewDirectory(store, policy, membership.Options{
		Watch: watch, Requests: kept{h.requests}, Eraser: kept{h.requests}, CheckURL: outbound.New(nil).CheckURL,
		Webhooks: tester{},
	})
	verifier := auth.NewVerifier(store, time.Now)
	h.verifier = verifier
	h.tokens = auth.NewTokens(store, h.directory, time.Now, verifier.Forget)
	keys := auth.NewKeySets(outbound.New(nil), time.Now, c.Logger)
	clients := auth.NewClients(store, h.directory, keys, time.Now, verifier.Forget)
	policies := auth.NewPolicies(h.directory, store, time.Now, policy)
	jwtKeys := auth.NewKeySets(outbound.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}), time.Now, c.Logger)
	jwts := auth.NewJWTs(store, jwtKeys, time.Now)
	h.services = Services{
		Directory: h.directory, Tokens: h.tokens, Clients: clients, Policies: policies,
		Connections: auth.NewConnections(store, h.directory, time.Now, verifier.ForgetConnection),
		Issuers:     auth.NewIssuers(h.directory, store, jwtKeys, time.Now, jwts.Forget),
		SetupLinks:  auth.NewSetupLinks(store, h.directory, keys, time.Now, verifier.Forget),
		Evidence:    evidence{},
		EventTokens: eventTokens{},
		DryRuns:     dryRuns{h.directory},
		Verifier:    auth.Native{Tokens: verifier, JWTs: jwts},
	}
	h.server = httptest.NewServer(auth.Addressed(New(h.services, c)))
	t.Cleanup(h.server.Close)
	for name, b := range map[string]*auth.Bootstrapped{"Mine": &h.mine, "Other": &h.other} {
		var err error
		*b, err = auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{
			TenantName: name, IDP: "okta", ConnectionName: "Okta of " + name,
		})
		require.NoError(t, err)
	}
	return h
}

// reply is an answer that was read to its end.
type reply struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// with changes a request before it is sent.
type with func(*http.Request)

func header(name string, values ...string) with {
	return func(r *http.Request) {
		r.Header.Del(name)
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
}

func bearer(token string) with { return header("Authorization", "Bearer "+token) }

func as(b auth.Bootstrapped) with {
	return func(r *http.Request) {
		bearer(b.APIToken)(r)
		header("X-Tenant-ID", b.TenantID.String())(r)
	}
}

// do sends a request with my token, tenant and request id, unless told
// otherwise, and holds request and answer against the contract.
func (h *house) do(method, path, body string, changes ...with) reply {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.server.URL+path, strings.NewReader(body))
	require.NoError(h.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("X-Request-Id", "request-1")
	as(h.mine)(req)
	for _, change := range changes {
		change(req)
	}
	r := h.send(req)
	h.holdAgainstContract(req, body, r)
	return r
}

// send sends a request as it is.
func (h *house) send(req *http.Request) reply {
	h.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	return reply{t: h.t, status: resp.StatusCode, header: resp.Header, body: read}
}

func (h *house) holdAgainstContract(req *http.Request, body string, r reply) {
	h.t.Helper()
	req.Body = io.NopCloser(strings.NewReader(body))
	req.URL.Path = strings.TrimSuffix(req.URL.Path, "/") // accepted, and not worth a second path
	found, params, err := contract(h.t).FindRoute(req)
	if err != nil { // the test of routes says that none is missing
		require.GreaterOrEqual(h.t, r.status, 400, "%s %s answers, and is not in openapi.yaml", req.Method,
			req.URL.Path)
		return
	}
	input := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: found,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if r.status < 400 && req.Header.Get("Content-Type") != "" {
		require.NoError(h.t, openapi3filter.ValidateRequest(h.t.Context(), input))
	}
	require.NoError(h.t, openapi3filter.ValidateResponse(h.t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: r.status, Header: r.header,
		Body:    io.NopCloser(bytes.NewReader(r.body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}), "%s %s → %d %s", req.Method, req.URL, r.status, r.body)
}

// is requires a status and returns the body as an object.
func (r reply) is(status int) map[string]any {
	r.t.Helper()
	require.Equal(r.t, status, r.status, "%s", r.body)
	if len(r.body) == 0 {
		return nil
	}
	require.Equal(r.t, "application/json", r.header.Get("Content-Type"))
	var v map[string]any
	require.NoError(r.t, json.Unmarshal(r.body, &v), "%s", r.body)
	return v
}

// fails requires an error, and returns its message.
func (r reply) fails(status int, code string) string {
	r.t.Helper()
	v := r.is(status)
	require.Equal(r.t, code, v["code"], "%s", r.body)
	message, _ := v["message"].(string)
	require.NotEmpty(r.t, message)
	return message
}

// data returns the elements of a list.
func (r reply) data() []map[string]any {
	r.t.Helper()
	var v struct{ Data []map[string]any }
	require.Equal(r.t, http.StatusOK, r.status, "%s", r.body)
	require.NoError(r.t, json.Unmarshal(r.body, &v), "%s", r.body)
	require.NotNil(r.t, v.Data)
	return v.Data
}

// user, group and member make what a test needs, natively.
func (h *house) user(name string) string {
	h.t.Helper()
	return h.make("/v1/users", `{"user_name":"`+name+`","email":"`+name+`@example.com","name":"`+strings.ToUpper(name)+
		`"}`)
}

func (h *house) group(name string) string {
	h.t.Helper()
	return h.make("/v1/groups", `{"display_name":"`+name+`"}`)
}

func (h *house) member(group, user string) {
	h.t.Helper()
	h.make("/v1/groups/"+group+"/members", `{"user_id":"`+user+`"}`)
}

func (h *house) make(path, body string, changes ...with) string {
	h.t.Helper()
	id, _ := h.do(http.MethodPost, path, body, changes...).is(http.StatusCreated)["id"].(string)
	require.NotEmpty(h.t, id)
	return id
}

// provider is the identity provider of my tenant: its calls reach the domain as
// the SCIM door would make them.
func (h *house) provider() membership.Call {
	return membership.Call{
		Tenant: h.mine.TenantID, Connection: h.mine.ConnectionID, RequestID: "provider-1",
		Permissions: []string{auth.ScopeSCIM},
		Actor:       membership.Actor{Kind: membership.ActorConnection, ID: h.mine.ConnectionID.String()},
	}
}

func (h *house) provisionUser(name string) string {
	h.t.Helper()
	l, err := h.directory.ProvisionUser(h.t.Context(), h.provider(), membership.UserLink{
		UserName: name, Active: true, Email: name + "@example.com", Emails: []string{name + "@example.com"}, Name: name,
	})
	require.NoError(h.t, err)
	return l.User.String()
}

func (h *house) provisionGroup(name string, members ...string) string {
	h.t.Helper()
	var delta membership.MemberDelta
	delta.Add(h.ids(members...)...)
	l, err := h.directory.ProvisionGroup(h.t.Context(), h.provider(), membership.GroupLink{DisplayName: name}, delta)
	require.NoError(h.t, err)
	return l.Group.String()
}

func (h *house) ids(texts ...string) []membership.ID {
	h.t.Helper()
	ids := make([]membership.ID, len(texts))
	for i, s := range texts {
		var err error
		ids[i], err = membership.ParseID(s)
		require.NoError(h.t, err)
	}
	return ids
}

// events returns the tenant's events of one action.
func (h *house) events(action membership.Action) []membership.Event {
	h.t.Helper()
	require.NoError(h.t, h.directory.FlushRefusals(context.Background()))
	return slices.DeleteFunc(dbtest.Events(h.t, h.store, h.mine.TenantID, membership.EventFilter{}),
		func(e membership.Event) bool { return e.Action != action })
}

// refusals is how many attempts were refused in my tenant.
func (h *house) refusals() (n int) {
	h.t.Helper()
	for _, e := range h.events(membership.ActionRefused) {
		after := struct{ Count int }{1}
		require.NoError(h.t, json.Unmarshal(e.After, &after))
		n += after.Count
	}
	return n
}

// operator is somebody at the command line, in my tenant.
func (h *house) operator() membership.Call {
	return membership.Call{
		Tenant: h.mine.TenantID, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "test"},
		Permissions: []string{auth.AllPermissions},
	}
}

// token makes a native token of my tenant with some permissions.
func (h *house) token(permissions ...string) (id membership.ID, text string) {
	h.t.Helper()
	t, text, err := h.tokens.Create(h.t.Context(), h.operator(),
		auth.TokenSpec{Kind: auth.KindAPI, Name: "test", Permissions: permissions})
	require.NoError(h.t, err)
	return t.ID, text
}

func (h *house) revoke(id membership.ID) {
	h.t.Helper()
	require.NoError(h.t, h.tokens.Revoke(h.t.Context(), h.operator(), id))
}

// evidence answers as a log does in which nothing was sealed for long; what it says is
// tested where it is made, in package db and with the program.
type evidence struct{}

// dryRuns find what is to be tried; what comes of it is tested where it is made, in
// package server.
type dryRuns struct{ directory *membership.Directory }

func (d dryRuns) DryRun(ctx context.Context, call membership.Call, id membership.ID) (membership.DryRun, error) {
	_, _, err := d.directory.RequestToTry(ctx, call, id)
	return membership.DryRun{Status: http.StatusNoContent}, err
}

// eventTokens signs nothing: what is in tokens, the tests of the server say.
type eventTokens struct{}

func (eventTokens) Sign(context.Context, membership.Webhook, membership.StreamSignal) ([]byte, error) {
	return []byte("a.b.c"), nil
}

func (eventTokens) Keys() []byte { return []byte(`{"keys":[]}`) }

// tester is a server whose tests are all taken.
type tester struct{}

func (tester) Test(context.Context, membership.Webhook) (membership.Outcome, error) {
	return membership.Outcome{HTTP: http.StatusNoContent}, nil
}

func (evidence) Checkpoint(_ context.Context, tenant membership.ID, size int64) (string, error) {
	if size > 1 {
		return "", membership.NotFound("checkpoint")
	}
	return "bridge.example.com/" + tenant.String() + "\n1\n", nil
}

func (evidence) VerifierKeys(context.Context, membership.ID) (string, error) { return "key\n", nil }

func (evidence) TimeStamp(context.Context, membership.ID, int64) (int64, []byte, error) {
	return 1, []byte{0x30, 0x00}, nil
}

func (evidence) Proof(context.Context, membership.ID, int64) ([]byte, error) {
	return []byte("proof\n"), nil
}
