package outbound

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var loopback = prefixes("127.0.0.0/8", "::1/128")

func get(t *testing.T, c *http.Client, uri string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, uri, nil)
	require.NoError(t, err)
	res, err := c.Do(r)
	if err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		require.NoError(t, res.Body.Close())
	}
	return res, err
}

// nameServer answers every question for an IPv4 address with the next of the
// addresses, for ever with the last, and says that it holds for no time.
func nameServer(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		b, next := make([]byte, 512), 0
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			end := 12 // of the question: labels, type, class
			for b[end] != 0 {
				end += int(b[end]) + 1
			}
			end += 5
			isA := n >= end && binary.BigEndian.Uint16(b[end-4:]) == 1
			answer := append([]byte{b[0], b[1], 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0}, b[12:end]...)
			if isA {
				answer[7] = 1
				answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
				answer = append(answer, netip.MustParseAddr(addresses[min(next, len(addresses)-1)]).AsSlice()...)
				next++
			}
			_, _ = conn.WriteTo(answer, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// What a name means can change between two look-ups (DNS rebinding): the address
// that is connected to decides.
func TestNamesThatLeadInside(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	require.NoError(t, err)
	uri := "https://rebind.example.com:" + port + "/"

	g := newGuard(nil, nameServer(t, "127.0.0.1"))
	require.NoError(t, g.CheckURL(uri))
	_, err = get(t, g.Client(time.Second, 3), uri)
	require.ErrorIs(t, err, ErrRefused)
	assert.ErrorContains(t, err, "127.0.0.1: not a public address")

	g = newGuard(loopback, nameServer(t, "127.0.0.1"))
	g.clients.https.TLSClientConfig.InsecureSkipVerify = true
	_, err = get(t, g.Client(time.Second, 3), uri)
	require.NoError(t, err)
	assert.EqualValues(t, 1, requests.Load())

	// By http a name has to lead into an allowed network.
	g = newGuard(prefixes("10.0.0.0/8"), nameServer(t, "1.1.1.1"))
	_, err = get(t, g.Client(time.Second, 3), "http://issuer.example.com/")
	require.ErrorIs(t, err, ErrRefused)
	assert.ErrorContains(t, err, "must be https")
}

func TestRedirects(t *testing.T) {
	secure := httptest.NewTLSServer(http.NotFoundHandler())
	defer secure.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/end" {
			return
		}
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	}))
	defer server.Close()
	g := New(loopback)
	by := func(target string) string { return server.URL + "/?to=" + url.QueryEscape(target) }

	res, err := get(t, g.Client(time.Second, 0), by("/end"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusFound, res.StatusCode, "without redirects it is the answer")
	res, err = get(t, g.Client(time.Second, 1), by("/end"))
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, res.StatusCode)
	_, err = get(t, g.Client(time.Second, 1), by(by("/end")))
	require.ErrorContains(t, err, "too many redirects")
	for _, target := range []string{
		"http://169.254.169.254/latest", "http://[::ffff:10.0.0.1]/", "http://2130706433/", "http://u:p@127.0.0.1/",
		"file:///etc/passwd",
		secure.URL,
	} {
		_, err = get(t, g.Client(time.Second, 3), by(target))
		require.Error(t, err, target)
		assert.NotErrorIs(t, err, context.DeadlineExceeded, target)
	}
	// So it is if somebody forgets how a client follows redirects.
	c := g.Client(time.Second, 3)
	c.CheckRedirect = nil
	_, err = get(t, c, by("http://169.254.169.254/latest"))
	require.ErrorIs(t, err, ErrRefused)
}

// A proxy would connect to what cannot be checked here.
func TestNoProxyOfTheEnvironment(t *testing.T) {
	var asked atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
		t.Setenv(strings.ToLower(name), proxy.URL)
	}
	g := newGuard(loopback, nameServer(t, "127.0.0.1"))
	assert.Nil(t, g.clients.http.Proxy)
	assert.Nil(t, g.clients.https.Proxy)
	_, err := get(t, g.Client(time.Second, 0), "http://issuer.example.com:1/")
	require.Error(t, err)
	assert.Zero(t, asked.Load())
}

func TestAnswersEnd(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/header" {
			w.Header().Set("X", strings.Repeat("x", 2*maxAnswerHeader))
			return
		}
		<-r.Context().Done()
	}))
	defer server.Close()
	g := New(loopback)
	_, err := get(t, g.Client(50*time.Millisecond, 0), server.URL+"/slow")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = get(t, g.Client(5*time.Second, 0), server.URL+"/header")
	require.Error(t, err)
}

// Requests that run at once come back to the connections that they had.
func TestConnectionsAreUsedAgain(t *testing.T) {
	const atOnce = 16
	var connections, arrived atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		// All of a round are here before the first is answered.
		for round := (arrived.Add(1) + atOnce - 1) / atOnce; arrived.Load() < round*atOnce; {
			time.Sleep(time.Millisecond)
		}
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := New(loopback).Client(time.Minute, 0)
	for range 5 {
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				_, err := get(t, c, s.URL)
				assert.NoError(t, err)
			})
		}
		all.Wait()
	}
	assert.EqualValues(t, atOnce, connections.Load())
}
