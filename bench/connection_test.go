package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every form in which net/http frames an answer is read to its end, on one
// connection.
func TestConnection(t *testing.T) {
	large := strings.Repeat("0123456789", 50_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		assert.NoError(t, err)
		assert.Equal(t, "Bearer t", r.Header.Get("Authorization"))
		switch r.URL.Path {
		case "/base/short":
			_, _ = w.Write(append([]byte(r.Method), body...))
		case "/base/large":
			_, _ = w.Write([]byte(large)) // in chunks
		case "/base/nothing":
			w.WriteHeader(http.StatusNoContent)
		default:
			http.Error(w, "no such thing", http.StatusNotFound)
		}
	}))
	defer server.Close()
	u, err := url.Parse(server.URL)
	require.NoError(t, err)
	to := scimEndpoint(u.Host, "/base", "t")
	c, err := dial(to.address)
	require.NoError(t, err)
	defer c.close()

	var body bytes.Buffer
	for range 2 {
		require.NoError(t, c.must(to.request("POST", "/short", "{}"), &body))
		assert.Equal(t, "POST{}", body.String())
		require.NoError(t, c.must(to.request("GET", "/large", ""), &body))
		assert.Equal(t, large, body.String())
		a, err := c.do(to.request("PATCH", "/nothing", "{}"), nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusNoContent, a.status)
		assert.LessOrEqual(t, a.first, a.total)
		assert.EqualError(t, c.must(to.request("GET", "/else", ""), &body),
			"GET /base/else HTTP/1.1: 404 no such thing")
	}
}
