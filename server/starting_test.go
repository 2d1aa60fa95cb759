package server

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
)

// starting opens a server whose database takes connections and says nothing.
func starting(t *testing.T, p phases, changes ...func(*config.Config)) (s testServer) {
	t.Helper()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c := config.Default()
	c.Listen = free.Addr().String()
	require.NoError(t, free.Close())
	c.DatabaseURL = config.DatabaseURL("postgres://a:b@" + silent.Addr().String() + "/x?sslmode=disable")
	for _, change := range changes {
		change(&c)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := open(ctx, c, "test", p, zap.NewNop())
		ended <- err
	}()
	t.Cleanup(func() {
		stop()
		assert.Error(t, <-ended)
		_ = silent.Close()
		_, err := net.Dial("tcp", c.Listen)
		assert.Error(t, err, "nothing listens any more")
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", c.Listen)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	}, 10*time.Second, time.Millisecond)
	return testServer{Server: &Server{address: c.Listen}}
}

// While the store is not open, the server lives and is not ready, and each door refuses
// in its own format.
func TestStarting(t *testing.T) {
	s := starting(t, usualPhases)
	for _, c := range []struct {
		method, path string
		status       int
		media, says  string
	}{
		{http.MethodGet, "/healthz", 200, "application/json", `{"status":"alive"}`},
		{http.MethodPost, "/healthz", 405, "application/json", `"code":"method_not_allowed"`},
		{http.MethodGet, "/readyz", 503, "application/json", `{"status":"starting"}`},
		{http.MethodGet, "/metrics", 200, "text/plain", `scimbridge_store_up{engine="postgres"} 0`},
		{http.MethodGet, "/scim/v2", 503, "application/scim+json", `"status":"503"`},
		{http.MethodPatch, "/scim/v2/Groups/x", 503, "application/scim+json", `"status":"503"`},
		{http.MethodGet, "/v1/groups", 503, "application/json", `"code":"unavailable"`},
		{http.MethodPut, "/api/v1/organizations/x/users", 503, "application/json", `"code":"unavailable"`},
		{http.MethodPost, "/oauth2/token", 503, "application/json", `"error":"temporarily_unavailable"`},
		{http.MethodGet, "/console/groups", 503, "text/html", "Not possible right now"},
		{http.MethodGet, "/", 503, "application/json", `"code":"unavailable"`},
	} {
		r, err := http.NewRequestWithContext(t.Context(), c.method, "http://"+s.address+c.path, strings.NewReader("{}"))
		require.NoError(t, err)
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		said := body(t, res)
		assert.Equal(t, c.status, res.StatusCode, c.path)
		assert.Contains(t, res.Header.Get("Content-Type"), c.media, c.path)
		assert.Contains(t, said, c.says, c.path)
		assert.NotEmpty(t, res.Header.Get("X-Request-Id"), c.path)
		assert.NotEmpty(t, res.Header.Get("Content-Security-Policy"), c.path)
		if c.status == http.StatusServiceUnavailable && c.path != "/readyz" {
			assert.Equal(t, "5", res.Header.Get("Retry-After"), c.path)
		}
	}
}

// What clients may hold is bounded before the store is open as after.
func TestStartingIsBounded(t *testing.T) {
	s := starting(t, shortPhases, func(c *config.Config) { c.MaxAnonymousConnections = 16 })
	for _, sent := range []string{
		"", "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{",
	} {
		ends(t, s.dialed(t, sent))
	}
	var conns []net.Conn
	for range 20 {
		conns = append(conns, s.dialed(t, ""))
	}
	for _, conn := range conns[:16] {
		ends(t, conn)
	}
}

// A request that comes between Open and Run waits for Run.
func TestRequestsBeforeRunWait(t *testing.T) {
	s := newTestServer(t)
	answered := make(chan int, 1)
	go func() {
		res, err := http.Get(s.BaseURL() + "/readyz")
		if assert.NoError(t, err) {
			_ = res.Body.Close()
			answered <- res.StatusCode
		}
	}()
	select {
	case status := <-answered:
		assert.Fail(t, "answered before Run", status)
	case <-time.After(100 * time.Millisecond):
	}
	s.serving(t)
	assert.Equal(t, http.StatusOK, <-answered)
}
