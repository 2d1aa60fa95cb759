package server

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/router"
)

// attacked is a running server with small limits, an attacker's tenant and a
// quiet one.
type attacked struct {
	testServer
	greedy, quiet auth.Bootstrapped
	quietClient   *http.Client
}

func eachAttacked(t *testing.T, run func(*testing.T, attacked), changes ...func(*config.Config)) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		p := usualPhases
		p.stall, p.form = 500*time.Millisecond, 500*time.Millisecond
		s := newTestServerOf(t, p, append([]func(*config.Config){func(c *config.Config) {
			c.DatabaseURL = config.DatabaseURL(url)
			c.MaxRequests, c.MaxTenantRequests, c.MaxCallerRequests, c.MaxAnonymousRequests = 16, 6, 4, 8
		}}, changes...)...)
		a := attacked{testServer: s, greedy: s.bootstrap(t), quiet: s.bootstrap(t),
			quietClient: &http.Client{Timeout: time.Minute}}
		s.serving(t)
		t.Cleanup(a.quietClient.CloseIdleConnections)
		run(t, a)
	})
}

// served requires that the quiet tenant's requests are answered in time, through
// both doors, with its connections and with new ones.
func (a attacked) served(t *testing.T, after string) {
	t.Helper()
	for round := range 3 {
		for _, r := range []struct{ method, path, token, body string }{
			{http.MethodGet, "/scim/v2/Users?count=1", a.quiet.SCIMToken, ""},
			{http.MethodPost, "/scim/v2/Users", a.quiet.SCIMToken, fmt.Sprintf(`{"userName":"%s-%d"}`, after, round)},
			{http.MethodGet, "/v1/users", a.quiet.APIToken, ""},
		} {
			begun := time.Now()
			res := a.send(t, a.quietClient, r.method, r.path, r.token, r.body)
			assert.Equal(t, 2, res.StatusCode/100, "%s %s after %s: %s", r.method, r.path, after, body(t, res))
			assert.Less(t, time.Since(begun), 2*time.Second, "%s %s after %s", r.method, r.path, after)
			res.Body.Close()
		}
		a.quietClient.CloseIdleConnections()
	}
}

func (a attacked) send(t *testing.T, by *http.Client, method, path, token, text string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.BaseURL()+path, strings.NewReader(text))
	require.NoError(t, err)
	if req.Header.Set("Content-Type", "application/json"); strings.HasPrefix(path, tokenPath) {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("X-Tenant-Id", a.quiet.TenantID.String())
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := by.Do(req)
	require.NoError(t, err)
	return res
}

// many opens connections that send the same and then nothing more.
func (a attacked) many(t *testing.T, n int, send string) []net.Conn {
	t.Helper()
	all := make([]net.Conn, n)
	for i := range all {
		all[i] = a.dialed(t, send)
	}
	return all
}

// oauthClient makes a client of the quiet tenant.
func (a attacked) oauthClient(t *testing.T) (id, secret string) {
	t.Helper()
	res := a.send(t, a.quietClient, http.MethodPost, "/v1/connections/"+a.quiet.ConnectionID.String()+"/clients",
		a.quiet.APIToken, `{"auth_method":"client_secret"}`)
	var made struct {
		ClientID string `json:"client_id"`
		Secret   string `json:"client_secret"`
	}
	require.NoError(t, json.Unmarshal([]byte(body(t, res)), &made))
	require.Equal(t, http.StatusCreated, res.StatusCode)
	return made.ClientID, made.Secret
}

func (a attacked) token(t *testing.T, id, secret string) *http.Response {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	return a.send(t, a.quietClient, http.MethodPost, tokenPath, "", form.Encode())
}

const oneByteOfAForm = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
	"Content-Length: 1000\r\n\r\ng"

// Forms that do not arrive stop no other request, and count against their address.
func TestFormsThatDoNotArrive(t *testing.T) {
	eachAttacked(t, func(t *testing.T, a attacked) {
		id, secret := a.oauthClient(t)
		conns := a.many(t, 40, oneByteOfAForm)
		a.served(t, "forms")
		answers := map[int]int{}
		for _, conn := range conns {
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			answers[res.StatusCode]++
			assert.Contains(t, body(t, res), `"error":"`)
			ends(t, conn)
		}
		assert.Positive(t, answers[http.StatusServiceUnavailable], answers)
		assert.Equal(t, 40, answers[408]+answers[429]+answers[503], answers)

		for range 10 { // the rest of what the address may fail
			for _, conn := range a.many(t, 2, oneByteOfAForm[:len(oneByteOfAForm)-1]) {
				require.NoError(t, conn.Close())
			}
		}
		require.Eventually(t, func() bool {
			res := a.token(t, id, "wrong")
			return res.StatusCode == http.StatusTooManyRequests
		}, 10*time.Second, time.Millisecond)
		res := a.token(t, id, secret)
		assert.Equal(t, http.StatusOK, res.StatusCode, "the right secret: %s", body(t, res))
	}, func(c *config.Config) { c.FailedAuthLimit = 1 })
}

// A client with the right secret is served, and its new token is taken, however
// many others of its address fail.
func TestBadSecretsLockNobodyOut(t *testing.T) {
	eachAttacked(t, func(t *testing.T, a attacked) {
		id, secret := a.oauthClient(t)
		statuses := map[int]int{}
		for i := range 100 {
			client := id
			if i%2 == 0 {
				client = strings.Replace(id, id[:4], "0000", 1)
			}
			res := a.token(t, client, "wrong")
			statuses[res.StatusCode]++
			res.Body.Close()
		}
		assert.Equal(t, 100, statuses[401]+statuses[429], statuses)
		assert.Greater(t, statuses[429], 50, statuses)
		res := a.token(t, id, secret)
		var issued struct {
			Token string `json:"access_token"`
		}
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.NoError(t, json.Unmarshal([]byte(body(t, res)), &issued))
		res = a.send(t, a.quietClient, http.MethodGet, "/scim/v2/Users", issued.Token, "")
		assert.Equal(t, http.StatusOK, res.StatusCode, body(t, res))
	}, func(c *config.Config) { c.FailedAuthLimit = 1 })
}

// Pages that are asked for again and again and not taken stop no other request, and are
// cut off after seconds.
func TestPagesThatAreNotTaken(t *testing.T) {
	eachAttacked(t, func(t *testing.T, a attacked) {
		// Those whose answers are long: of short ones the server has read, answered and closed
		// before the buffers between the two are full, and the client learns of it a minute later.
		for _, path := range []string{"/metrics", "/v1/openapi.yaml", "/v1/docs"} {
			asking := strings.Repeat("GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n", 500)
			var all sync.WaitGroup
			for range 12 {
				conn := a.dialed(t, "")
				all.Go(func() {
					err := conn.(*net.TCPConn).SetReadBuffer(4 << 10)
					for err == nil { // until the server has closed
						_, err = io.WriteString(conn, asking)
					}
					assert.NotErrorIs(t, err, os.ErrDeadlineExceeded)
				})
			}
			a.served(t, strings.Trim(path, "/"))
			all.Wait()
		}
	})
}

// Bodies that trickle in take nothing but what is their tenant's.
func TestBodiesThatTrickleIn(t *testing.T) {
	eachAttacked(t, func(t *testing.T, a attacked) {
		for path, token := range map[string]string{"/scim/v2/Groups": a.greedy.SCIMToken,
			"/v1/groups": a.greedy.APIToken} {
			conns := a.many(t, 20, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+
				"Authorization: Bearer "+token+"\r\nX-Tenant-Id: "+a.greedy.TenantID.String()+"\r\nContent-Length: "+
				"2000000\r\n\r\n{")
			a.served(t, strings.Trim(path, "/")[:2])
			answers := map[int]int{}
			for _, conn := range conns {
				res, err := http.ReadResponse(bufio.NewReader(conn), nil)
				require.NoError(t, err)
				answers[res.StatusCode]++
				if res.StatusCode != http.StatusRequestTimeout {
					limited := body(t, res)
					assert.Contains(t, limited, "too many requests", path)
					assert.Equal(t, "1", res.Header.Get("Retry-After"))
					assert.Equal(t, strings.HasPrefix(path, SCIMPrefix),
						strings.Contains(limited, "api:messages:2.0:Error"))
				}
				ends(t, conn)
			}
			assert.Equal(t, 20, answers[408]+answers[429], answers)
			assert.Positive(t, answers[http.StatusTooManyRequests], answers)
		}
	})
}

// Connections that send nothing push out each other, and no one that has shown a
// credential.
func TestConnectionsThatSendNothing(t *testing.T) {
	eachAttacked(t, func(t *testing.T, a attacked) {
		kept := a.dialed(t,
			"GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+a.quiet.SCIMToken+"\r\n\r\n")
		read := bufio.NewReader(kept)
		res, err := http.ReadResponse(read, nil)
		require.NoError(t, err)
		body(t, res)
		conns := a.many(t, 20, "")
		for _, conn := range conns[:16] {
			ends(t, conn)
		}
		assert.Eventually(t, func() bool {
			a.connections.mu.Lock()
			defer a.connections.mu.Unlock()
			return a.connections.all.Len() == 4 && len(a.connections.open) == 4
		}, 10*time.Second, time.Millisecond)
		_, err = io.WriteString(kept,
			"GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+a.quiet.SCIMToken+
				"\r\n\r\n")
		require.NoError(t, err)
		res, err = http.ReadResponse(read, nil)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, res.StatusCode)
		body(t, res)
		a.served(t, "silence")
		for _, conn := range conns {
			conn.Close()
		}
		kept.Close()
		assert.Eventually(t, func() bool {
			a.connections.mu.Lock()
			defer a.connections.mu.Unlock()
			return len(a.connections.open)+a.connections.all.Len()+len(a.connections.addresses) == 0
		}, 10*time.Second, time.Millisecond, "nothing is kept of what is closed")
	}, func(c *config.Config) { c.MaxAnonymousConnections = 16 })
}

// Every route wants a credential, or is among those that have a budget without.
func TestOpenRoutesHaveABudget(t *testing.T) {
	s := newTestServer(t)
	seen := 0
	for _, name := range router.Routes(s.wire().root) {
		method, path, _ := strings.Cut(name, " ")
		if !slices.ContainsFunc(api.Prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix+"/") }) {
			continue
		}
		seen++
		status := s.do(t, method, path).StatusCode
		if open := status != http.StatusUnauthorized; open {
			assert.Contains(t, api.OpenPaths, path, "it answered %d", status)
		}
	}
	assert.Greater(t, seen, 50)
}
