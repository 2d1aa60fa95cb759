package server

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
)

func TestReachable(t *testing.T) {
	for listening, want := range map[string]string{
		"127.0.0.1:8080": "127.0.0.1:8080",
		"0.0.0.0:8080":   "127.0.0.1:8080",
		":8080":          "127.0.0.1:8080",
		"[::]:8080":      "[::1]:8080",
		"[fe80::1]:80":   "[fe80::1]:80",
		"example.com:80": "example.com:80",
	} {
		assert.Equal(t, want, Reachable(listening), listening)
	}
}

func TestPublicURL(t *testing.T) {
	c := config.Default()
	assert.Equal(t, "http://127.0.0.1:8080", PublicURL(c, "0.0.0.0:8080"))
	c.PublicURL = "https://scim.example.test"
	assert.Equal(t, "https://scim.example.test", PublicURL(c, "0.0.0.0:8080"))
}

func TestAddressInUseIsOneShortLine(t *testing.T) {
	taken, err := listen(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = taken.Close() }()
	address := taken.Addr().(*net.TCPAddr).String()
	_, err = listen(t.Context(), address)
	assert.EqualError(t, err, "cannot listen on "+address+": bind: address already in use")
}

func TestBoundKeepsTheHost(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "0.0.0.0", ""} {
		l, err := listen(t.Context(), host+":0")
		require.NoError(t, err)
		got, port, err := net.SplitHostPort(bound(host+":0", l))
		require.NoError(t, err)
		assert.Equal(t, host, got)
		assert.NotEqual(t, "0", port)
		assert.NoError(t, l.Close())
	}
}
