package server

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
)

// Answers of every door and of every kind have the headers.
func TestSecurityHeaders(t *testing.T) {
	for _, public := range []string{"http://scim.example.test", "https://scim.example.test"} {
		s := newTestServer(t, func(c *config.Config) { c.PublicURL = public })
		good := doorRequests(s.bootstrap(t))
		ask := func(method, path string, header ...string) {
			t.Helper()
			h := s.do(t, method, path, header...).Header
			assert.Equal(t, []string{"nosniff"}, h["X-Content-Type-Options"], path)
			assert.Equal(t, []string{"default-src 'none'; frame-ancestors 'none'"}, h["Content-Security-Policy"], path)
			assert.Equal(t, []string{"no-referrer"}, h["Referrer-Policy"], path)
			assert.Equal(t, []string{"no-store"}, h["Cache-Control"], path)
			assert.Equal(t, strings.HasPrefix(public, "https:"), h.Get("Strict-Transport-Security") != "", path)
			assert.Empty(t, h["Server"])
			assert.NotEmpty(t, h["X-Request-Id"])
		}
		for _, r := range good {
			ask(http.MethodGet, r.path, r.header...)
			ask(http.MethodGet, r.path)
			ask(http.MethodPut, r.path+"/nothing", r.header...)
		}
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/v1/openapi.yaml", "/nothing"} {
			ask(http.MethodGet, path)
			ask(http.MethodDelete, path)
		}
	}
}

func TestAHandlerChoosesItsOwnHeaders(t *testing.T) {
	s := newTestServer(t)
	for _, policy := range []string{"default-src 'self'", ""} {
		w := httptest.NewRecorder()
		s.hardened(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if policy != "" {
				w.Header().Set("Content-Security-Policy", policy)
			}
		})).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		want := policy
		if want == "" {
			want = "default-src 'none'; frame-ancestors 'none'"
		}
		assert.Equal(t, want, w.Header().Get("Content-Security-Policy"), "and the next answer has the usual one")
	}
}

// dialed is a connection to the server with what a test may take at most.
func (s testServer) dialed(t *testing.T, send string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, send)
	require.NoError(t, err)
	return conn
}

// ends requires that the server closes the connection, whatever it says before.
func ends(t *testing.T, conn net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, conn)
	assert.False(t, errors.Is(err, os.ErrDeadlineExceeded), "the connection is still open")
}

// A client that stalls, in whatever phase, is cut off.
func TestSlowClients(t *testing.T) {
	s := newTestServerOf(t, shortPhases)
	b := s.bootstrap(t)
	s.serving(t)
	post := fmt.Sprintf("POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: "+
		"1000\r\n\r\n{", b.SCIMToken)

	t.Run("nothing", func(t *testing.T) { ends(t, s.dialed(t, "")) })
	t.Run("half a header", func(t *testing.T) { ends(t, s.dialed(t, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")) })
	t.Run("half a body", func(t *testing.T) { ends(t, s.dialed(t, post)) })
	t.Run("idle", func(t *testing.T) { ends(t, s.dialed(t, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")) })
	t.Run("a byte now and then", func(t *testing.T) {
		conn := s.dialed(t, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: ")
		for {
			if _, err := io.WriteString(conn, "a"); err != nil {
				assert.False(t, errors.Is(err, os.ErrDeadlineExceeded))
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	})
	t.Run("who does not read", func(t *testing.T) {
		// It asks again and again, until the buffers between are full.
		conn := s.dialed(t, "")
		for {
			_, err := io.WriteString(conn, strings.Repeat("GET /v1/openapi.yaml HTTP/1.1\r\nHost: x\r\n\r\n", 1000))
			if err != nil {
				assert.False(t, errors.Is(err, os.ErrDeadlineExceeded), "it is cut off")
				return
			}
		}
	})
	res, err := http.Get(s.BaseURL() + "/readyz")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.StatusCode, "others are served")
	res.Body.Close()
}

func TestHeadersAndAddressesAreBounded(t *testing.T) {
	p := newPair(t, 1)
	for _, overTLS := range []bool{false, true} {
		var changes []func(*config.Config)
		if overTLS {
			_, _, use := withTLS(t, p)
			changes = append(changes, use)
		}
		s := newTestServer(t, changes...)
		s.serving(t)
		long := strings.Repeat("a", 100<<10)
		for name, request := range map[string]string{
			"header": "GET /v1/users HTTP/1.1\r\nHost: x\r\nX-A: " + long + "\r\n\r\n",
			"headers": "GET /v1/users HTTP/1.1\r\nHost: x\r\n" +
				strings.Repeat("X-A: "+long[:100]+"\r\n", 1000) + "\r\n",
			"address": "GET /v1/users?" + long + " HTTP/1.1\r\nHost: x\r\n\r\n",
		} {
			conn := s.dialed(t, "")
			if overTLS {
				conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			}
			go io.WriteString(conn, request) //nolint:errcheck // it may be cut off in the middle
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err, name)
			assert.Equal(t, http.StatusRequestHeaderFieldsTooLarge, res.StatusCode, name)
		}
	}
}

// Bodies end where their door says, whether their length was told or not.
func TestBodiesAreBounded(t *testing.T) {
	s := newTestServer(t, func(c *config.Config) { c.MaxBody = 2 << 20 })
	good := doorRequests(s.bootstrap(t))
	s.serving(t)
	for path, most := range map[string]int{
		"/scim/v2/Users": 1 << 20, "/scim/v2/Users/.search": 1 << 20, "/scim/v2/.search": 1 << 20,
		"/scim/v2/Groups": 2 << 20, "/scim/v2/Bulk": 2 << 20, "/v1/users": 1 << 20, "/v1/tokens": 1 << 20,
	} {
		door := doorSCIM
		if strings.HasPrefix(path, NativePrefix) {
			door = doorNative
		}
		for _, told := range []bool{true, false} {
			text := strings.NewReader(`{"x":"` + strings.Repeat("a", most) + `"}`)
			var r io.Reader = text
			if !told {
				r = struct{ io.Reader }{text}
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.BaseURL()+path, r)
			require.NoError(t, err)
			header := good[door].header
			for i := 0; i+1 < len(header); i += 2 {
				req.Header.Set(header[i], header[i+1])
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err, path)
			assert.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode, path)
			res.Body.Close()
		}
	}
}
