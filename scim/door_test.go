package scim_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// bench is a served door with one connection's token.
type bench struct {
	t      *testing.T
	store  *db.Store
	tenant auth.Bootstrapped
	base   string
	token  string

	answers *answers // what the door says of the requests for the request log
}

// each runs a test against the door over a store of each engine.
func each(t *testing.T, test func(t *testing.T, b *bench)) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) { test(t, newBench(t, store)) })
}

func newBench(t *testing.T, store *db.Store) *bench {
	t.Helper()
	tenant, err := auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{TenantName: "test", IDP: "okta"})
	require.NoError(t, err)
	b := &bench{t: t, store: store, tenant: tenant, token: tenant.SCIMToken, answers: new(answers)}
	b.serve()
	return b
}

// serve starts a replica, which knows nothing yet, and turns to it.
func (b *bench) serve() {
	t, store := b.t, b.store
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	handler = b.answers.of(scim.New(
		membership.NewDirectory(store, auth.Policy{}, membership.Options{
			Guard: membership.RemovalGuard{On: true, Members: 100, Percent: 50},
		}), auth.NewVerifier(store, time.Now),
		scim.Config{PublicURL: server.URL, SecurityEvents: membership.SCIMSignals, Logger: zaptest.NewLogger(t)},
	))
	b.base = server.URL + "/scim/v2"
}

// connection returns a bench of a further connection in the same tenant.
func (b *bench) connection() *bench {
	b.t.Helper()
	other := *b
	call := membership.Call{Tenant: b.tenant.TenantID,
		Actor: membership.Actor{Kind: membership.ActorOperator, ID: "test"}}
	require.NoError(b.t, b.store.UpdateCredentials(context.Background(), b.tenant.TenantID, func(tx auth.Tx) error {
		conn, err := membership.NewConnection(b.t.Context(), tx, time.Now, call, "other", "entra")
		if err != nil {
			return err
		}
		_, other.token, err = auth.CreateToken(b.t.Context(), tx, time.Now, call,
			auth.TokenSpec{Kind: auth.KindSCIM, Name: "other", Connection: conn.ID})
		return err
	}))
	return &other
}

// reply is an answer that was read to its end.
type reply struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// do sends a request; headers are "Name: value".
func (b *bench) do(method, path, body string, headers ...string) reply {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	require.NoError(b.t, err)
	r.Header.Set("Authorization", "Bearer "+b.token)
	r.Header.Set("Content-Type", "application/scim+json")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(b.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	return reply{b.t, answer.StatusCode, answer.Header, text}
}

// want checks the status.
func (r reply) want(status int) reply {
	r.t.Helper()
	require.Equal(r.t, status, r.status, "%s", r.body)
	return r
}

// wantError checks the status and that the body is an error of RFC 7644
// section 3.12 with that scimType.
func (r reply) wantError(status int, scimType string) reply {
	r.t.Helper()
	r.want(status)
	m := r.json()
	require.Equal(r.t, []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, m["schemas"])
	require.Equal(r.t, strconv.Itoa(status), m["status"])
	require.NotEmpty(r.t, m["detail"])
	if scimType == "" {
		require.NotContains(r.t, m, "scimType")
	} else {
		require.Equal(r.t, scimType, m["scimType"], "%s", r.body)
	}
	require.Equal(r.t, "application/scim+json", r.header.Get("Content-Type"))
	return r
}

func (r reply) json() map[string]any {
	r.t.Helper()
	var m map[string]any
	require.NoError(r.t, json.Unmarshal(r.body, &m), "%s", r.body)
	return m
}

func (r reply) id() string {
	r.t.Helper()
	id, _ := r.json()["id"].(string)
	require.NotEmpty(r.t, id, "%s", r.body)
	return id
}

// user makes a user and returns its id.
func (b *bench) user(name string) string {
	b.t.Helper()
	return b.do("POST", "/Users", `{"userName":"`+name+`"}`).want(201).id()
}

// group makes a group with members and returns its id.
func (b *bench) group(name string, members ...string) string {
	b.t.Helper()
	return b.do("POST", "/Groups", `{"displayName":"`+name+`","members":`+memberList(members...)+`}`).want(201).id()
}

func memberList(ids ...string) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = `{"value":"` + id + `"}`
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// members returns the ids of a group's members.
func (b *bench) members(group string) []string {
	b.t.Helper()
	list, ok := b.do("GET", "/Groups/"+group, "").want(200).json()["members"].([]any)
	require.True(b.t, ok)
	ids := []string{}
	for _, m := range list {
		ids = append(ids, m.(map[string]any)["value"].(string))
	}
	return ids
}
