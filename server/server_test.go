package server

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/membership"
)

// testServer is a server that answers handler calls, on an embedded store.
type testServer struct {
	*Server
	handle http.Handler
	logs   *observer.ObservedLogs
	ran    *bool // Run has closed it
}

func newTestServer(t testing.TB, changes ...func(*config.Config)) testServer {
	t.Helper()
	return newTestServerOf(t, usualPhases, changes...)
}

// newTestServerOf is for a server whose clients have other times.
func newTestServerOf(t testing.TB, p phases, changes ...func(*config.Config)) testServer {
	t.Helper()
	core, logs := observer.New(zapcore.DebugLevel)
	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.DatabaseURL = config.DatabaseURL("sqlite:" + filepath.Join(t.TempDir(), "x.db"))
	for _, change := range changes {
		change(&c)
	}
	s, err := open(t.Context(), c, "test", p, zap.New(core))
	require.NoError(t, err)
	ran := new(bool)
	t.Cleanup(func() {
		if !*ran {
			_ = s.front.Close()
			_ = s.store.Close()
		}
	})
	return testServer{Server: s, handle: s.handler(s.wire()), logs: logs, ran: ran}
}

func (s testServer) do(t testing.TB, method, target string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handle.ServeHTTP(w, r)
	return w.Result()
}

func body(t testing.TB, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return string(b)
}

func TestHealthAsksNothing(t *testing.T) {
	s := newTestServer(t)
	require.NoError(t, s.store.Close())
	res := s.do(t, http.MethodGet, "/healthz")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.JSONEq(t, `{"status":"alive"}`, body(t, res))
}

func TestReadiness(t *testing.T) {
	s := newTestServer(t)
	res := s.do(t, http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusOK, res.StatusCode)
	assert.JSONEq(t, `{"status":"ready"}`, body(t, res))

	s.draining.Store(true)
	res = s.do(t, http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.JSONEq(t, `{"status":"stopping"}`, body(t, res))
}

func TestNotReadyWithoutStore(t *testing.T) {
	s := newTestServer(t)
	require.NoError(t, s.store.Close())
	res := s.do(t, http.MethodGet, "/readyz")
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	assert.JSONEq(t, `{"status":"store_unavailable","reason":"failed"}`, body(t, res))
}

func TestSystemPathsAreReadOnly(t *testing.T) {
	s := newTestServer(t)
	for _, path := range []string{"/healthz", "/readyz", "/metrics", auth.MetadataPath} {
		res := s.do(t, http.MethodPost, path)
		assert.Equal(t, http.StatusMethodNotAllowed, res.StatusCode, path)
		assert.Equal(t, "GET, HEAD", res.Header.Get("Allow"))
		assert.Contains(t, body(t, res), `"code":"method_not_allowed"`)
	}
}

// Every path goes where its first bytes say, as it was sent: nothing is
// redirected, cleaned or decoded on the way.
func TestPathsReachTheirDoor(t *testing.T) {
	s := newTestServer(t)
	const id = "0197a5e3-0e70-7a11-8b22-9c33ad44be55"
	for path, door := range map[string]string{
		"/scim/v2":                   doorSCIM,
		"/scim/v2/":                  doorSCIM,
		"/scim/v2/Users":             doorSCIM,
		"/scim/v2//Users":            doorSCIM,
		"/scim/v2/Me/a%2Fb?filter=x": doorSCIM,
		"/scim/v2/../v1":             doorSCIM,
		"/v1/groups":                 doorNative,
		"/v1":                        doorNative,
		"/v1//groups":                doorNative,
		"/tenant-auth/v1/groups/" + id + "/members":          doorNative,
		"/api/v1/organizations/x/users":                      doorNative,
		"/csp/gateway/am/api/orgs/x/groups/" + id + "/users": doorNative,
		"/api/v1":        doorNone,
		"/healthz":       doorSystem,
		"/":              doorNone,
		"/scim/v2x":      doorNone,
		"/v1x":           doorNone,
		"//v1/groups":    doorNone,
		"/%76%31/groups": doorNone,
		"/healthz/":      doorNone,
		"/.well-known/oauth-authorization-server":   doorOAuth,
		"/.well-known/oauth-authorization-server/x": doorNone,
	} {
		s.logs.TakeAll()
		res := s.do(t, http.MethodGet, path)
		assert.Less(t, res.StatusCode, 500, path)
		assert.NotEqual(t, 3, res.StatusCode/100, path)
		requests := s.logs.FilterMessage("request").All()
		require.Len(t, requests, 1, path)
		fields := requests[0].ContextMap()
		assert.Equal(t, door, fields["door"], path)
		sent, _, _ := strings.Cut(path, "?")
		if hidden, ok := map[string]string{ // by the provider's door, words that it does not have
			"/scim/v2/Me/a%2Fb": "/scim/v2/Me/(no id)",
			"/scim/v2/../v1":    "/scim/v2/(no id)",
		}[sent]; ok {
			sent = hidden
		}
		assert.Equal(t, sent, fields["path"])
		if door == doorNone {
			assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
			assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
			assert.Contains(t, body(t, res), `"code":"not_found"`)
		}
	}
}

func TestRequestID(t *testing.T) {
	s := newTestServer(t)
	for _, kept := range []string{"a", "trace-1_2.3", strings.Repeat("x", 128)} {
		assert.Equal(t, kept, s.do(t, http.MethodGet, "/healthz", "X-Request-Id", kept).Header.Get("X-Request-Id"))
	}
	for _, replaced := range []string{"", "a b", "a\"b", "é", strings.Repeat("x", 129)} {
		got := s.do(t, http.MethodGet, "/healthz", "X-Request-Id", replaced).Header.Get("X-Request-Id")
		_, err := membership.ParseID(got)
		assert.NoError(t, err, replaced)
	}
}

func TestRequestsAreLoggedWithoutSecrets(t *testing.T) {
	s := newTestServer(t)
	s.do(t, http.MethodGet, `/scim/v2/Users?filter=userName%20eq%20%22ann%22&token=hunter2`,
		"Authorization", "Bearer hunter2", "X-Request-Id", "r1")
	entries := s.logs.FilterMessage("request").All()
	require.Len(t, entries, 1)
	fields := entries[0].ContextMap()
	assert.Equal(t, "r1", fields["request_id"])
	assert.Equal(t, "/scim/v2/Users", fields["path"])
	assert.EqualValues(t, http.StatusUnauthorized, fields["status"])
	assert.Equal(t, false, fields["cut_off"])
	for _, e := range s.logs.All() {
		line, err := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()).EncodeEntry(e.Entry, e.Context)
		require.NoError(t, err)
		assert.NotContains(t, line.String(), "hunter2")
		assert.NotContains(t, line.String(), "ann")
	}
}

func TestMetrics(t *testing.T) {
	s := newTestServer(t)
	s.do(t, http.MethodGet, "/scim/v2/Users")
	s.do(t, "BREW", "/nothing")
	res := s.do(t, http.MethodGet, "/metrics")
	require.Equal(t, http.StatusOK, res.StatusCode)
	text := body(t, res)
	for _, line := range []string{
		`scimbridge_http_requests_total{door="scim",method="GET",status="401"} 1`,
		`scimbridge_http_requests_total{door="none",method="other",status="404"} 1`,
		`scimbridge_http_request_duration_seconds_count{door="scim"} 1`,
		`scimbridge_grants_opened_total{source="local"} 0`,
		`scimbridge_grants_opened_total{source="scim"} 0`,
		`scimbridge_grants_closed_total{source="local"} 0`,
		`scimbridge_token_expiry_warnings_total{within_days="1"} 0`,
		`scimbridge_token_expiry_warnings_total{within_days="30"} 0`,
		`scimbridge_store_up{engine="sqlite"} 1`,
		`scimbridge_build_info{`,
		`go_goroutines `,
	} {
		assert.True(t, strings.Contains(text, "\n"+line), line)
	}
}

func TestCutOffAnswerIsLogged(t *testing.T) {
	s := newTestServer(t)
	h := s.observed(doorNative, "", newMetrics("sqlite", "test"),
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("half"))
			panic(http.ErrAbortHandler)
		}))
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/x", nil))
	})
	fields := s.logs.FilterMessage("request").All()[0].ContextMap()
	assert.Equal(t, true, fields["cut_off"])
	assert.EqualValues(t, 4, fields["bytes"])
}

func TestRecorderKeepsFlushAndReadFrom(t *testing.T) {
	w := httptest.NewRecorder()
	r := &recorder{ResponseWriter: w}
	assert.NoError(t, http.NewResponseController(r).Flush())
	assert.True(t, w.Flushed)

	n, err := io.Copy(r, iotest.OneByteReader(strings.NewReader("abc")))
	assert.NoError(t, err)
	assert.EqualValues(t, 3, n)
	assert.EqualValues(t, 3, r.bytes)
	assert.Equal(t, http.StatusOK, r.status)

	early := &recorder{ResponseWriter: httptest.NewRecorder()}
	early.WriteHeader(http.StatusEarlyHints)
	early.WriteHeader(http.StatusTeapot)
	assert.Equal(t, http.StatusTeapot, early.status)
}

func TestStoreOperationsAreMeasured(t *testing.T) {
	s := newTestServer(t)
	m := newMetrics("sqlite", "test")
	store := measured(s.store, m, nil)
	ctx, tenant := t.Context(), membership.NewID()
	require.NoError(t, store.Read(ctx, tenant, func(membership.Reader) error { return nil }))
	assert.Error(t, store.Update(ctx, tenant, func(membership.Tx) error { return membership.NotFound("it") }))
	assert.Error(t, store.Read(ctx, tenant, func(membership.Reader) error { return context.Canceled }))
	assert.Error(t, store.Read(ctx, tenant, func(membership.Reader) error { return io.ErrUnexpectedEOF }))
	call := membership.Call{Tenant: tenant}
	_, err := store.WriteMembers(ctx, membership.MemberChange{Call: call})
	assert.Error(t, err)
	assert.NoError(t, store.Ready(ctx))
	credentials := measuredCredentials{s.store, m, nil}
	_, err = credentials.Token(ctx, tenant, membership.NewID())
	assert.Error(t, err)
	_, err = credentials.IssuerVersion(ctx, tenant)
	assert.NoError(t, err)
	_, err = credentials.PolicyVersion(ctx, tenant)
	assert.NoError(t, err)
	w := httptest.NewRecorder()
	m.page(s.store.Ready)(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil))
	for _, labels := range []string{
		`operation="view",outcome="ok"`, `operation="update",outcome="refused"`,
		`operation="view",outcome="canceled"`, `operation="view",outcome="error"`,
		`operation="write_members",outcome="refused"`, `operation="token",outcome="refused"`,
		`operation="issuers",outcome="ok"`, `operation="policies",outcome="ok"`,
	} {
		assert.Contains(t, w.Body.String(), "scimbridge_store_operation_duration_seconds_count{"+labels+"} 1\n")
	}
}
