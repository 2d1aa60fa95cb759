package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
)

// logged is a server whose log is read as it is written.
type logged struct {
	testServer
	mu  sync.Mutex
	out bytes.Buffer
}

func newLogged(t testing.TB, level string) *logged {
	t.Helper()
	l := &logged{testServer: newTestServer(t, func(c *config.Config) { c.LogLevel = level })}
	l.log = NewLogger(l.config, l)
	l.handle = l.handler(l.wire())
	return l
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.out.Write(p)
}

// send returns the answer and the line of its request.
func (l *logged) send(
	t testing.TB, method, path, authorization, body string, header ...string,
) (int, []byte, map[string]any) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.7:1234"
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	l.mu.Lock()
	l.out.Reset()
	l.mu.Unlock()
	l.handle.ServeHTTP(w, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	for text := range strings.Lines(l.out.String()) {
		var line map[string]any
		require.NoError(t, json.Unmarshal([]byte(text), &line), text)
		if line["msg"] == "request" {
			return w.Code, w.Body.Bytes(), line
		}
	}
	require.Fail(t, "no line of the request", l.out.String())
	return 0, nil, nil
}

// The line of a request says who sent it, and why it was refused.
func TestRequestsAreLoggedWithTheirCaller(t *testing.T) {
	l := newLogged(t, "info")
	b := l.bootstrap(t)
	scim, api := "Bearer "+b.SCIMToken, "Bearer "+b.APIToken
	tenant := []string{"X-Tenant-ID", b.TenantID.String(), "Content-Type", "application/json"}

	status, _, line := l.send(t, "GET", "/scim/v2/Users", scim, "")
	require.Equal(t, http.StatusOK, status)
	assert.Equal(t, b.TenantID.String(), line["tenant"])
	assert.Equal(t, b.ConnectionID.String(), line["connection"])
	assert.NotEmpty(t, line["token"])
	assert.Equal(t, "192.0.2.7", line["client"])
	for _, absent := range []string{"refused", "oauth_client", "issuer", "store_duration", "filter"} {
		assert.NotContains(t, line, absent)
	}

	made, answer, line := l.send(t, "POST", "/v1/connections/"+b.ConnectionID.String()+"/clients", api,
		`{"auth_method":"client_secret"}`, tenant...)
	require.Equal(t, http.StatusCreated, made)
	assert.NotContains(t, line, "connection", "a native token has none")
	var client struct{ ID, ClientID, ClientSecret string }
	var fields map[string]any
	require.NoError(t, json.Unmarshal(answer, &fields))
	client.ID, client.ClientID, client.ClientSecret = fields["id"].(string), fields["client_id"].(string),
		fields["client_secret"].(string)
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {client.ClientID},
		"client_secret": {client.ClientSecret}}
	status, answer, line = l.send(t, "POST", auth.TokenPath, "", form.Encode(), "Content-Type",
		"application/x-www-form-urlencoded")
	require.Equal(t, http.StatusOK, status, string(answer))
	assert.Equal(t, client.ID, line["oauth_client"])
	require.NoError(t, json.Unmarshal(answer, &fields))
	_, _, line = l.send(t, "GET", "/scim/v2/Groups", "Bearer "+fields["access_token"].(string), "")
	assert.Equal(t, client.ID, line["oauth_client"])
	assert.NotEmpty(t, line["token"])
	form.Set("client_secret", "wrong")
	_, _, line = l.send(t, "POST", auth.TokenPath, "", form.Encode(), "Content-Type",
		"application/x-www-form-urlencoded")
	assert.Equal(t, client.ID, line["oauth_client"], "who it says it is")
	assert.Equal(t, "invalid_client: there is no such client, or its credential is not valid", line["refused"])

	_, answer, _ = l.send(t, "POST", "/v1/tokens", api, `{"name":"x","kind":"api","permissions":["USERS:READ"]}`,
		tenant...)
	require.NoError(t, json.Unmarshal(answer, &fields))
	few, fewID := "Bearer "+fields["token"].(string), fields["id"].(string)
	_, _, line = l.send(t, "POST", "/v1/users", few, `{"user_name":"ann","email":"a@x.test","name":"Ann"}`, tenant...)
	assert.Equal(t, fewID, line["token"])
	assert.Contains(t, line["refused"], "forbidden: ")
	status, _, _ = l.send(t, "DELETE", "/v1/tokens/"+fewID, api, "", tenant...)
	require.Equal(t, http.StatusNoContent, status)
	_, _, line = l.send(t, "GET", "/v1/users", few, "", tenant...)
	assert.Equal(t, "unauthenticated: the token is revoked", line["refused"], "the caller is not told, the log is")
	assert.Equal(t, fewID, line["token"])

	for _, c := range []struct{ method, path, credential, body, refused string }{
		{"GET", "/scim/v2/Users", "", "", "401: a bearer token is required (Authorization: Bearer TOKEN)"},
		{"GET", "/scim/v2/Users", "Bearer x", "",
			"401: the bearer token is no scimbridge token: it was cut, mistyped or " +
				"belongs elsewhere"},
		{"GET", "/scim/v2/Users", api, "", "401: this is a token of the native API: use the connection's SCIM token"},
		{"GET", "/scim/v2/Users?filter=" + url.QueryEscape(`annLee zz "x"`), scim, "", "invalidFilter: "},
		{"GET", "/scim/v2/Users/x", scim, "", "not_found: "},
		{"GET", "/v1/users?annlee=1", api, "", `invalid_input: unknown query parameter %q`},
		{"GET", "/v1/annlee", api, "", "not_found: there is no such path in this API"},
	} {
		_, _, line = l.send(t, c.method, c.path, c.credential, c.body, tenant...)
		assert.True(t, strings.HasPrefix(line["refused"].(string), c.refused), "%s %s: %s", c.method, c.path,
			line["refused"])
		assert.NotContains(t, line["refused"], "annlee")
		assert.NotContains(t, line["refused"], "annLee")
	}
}

// What stands in the place of an id may be somebody's name.
func TestLoggedPath(t *testing.T) {
	const id = "0197a5e3-0e70-7a11-8b22-9c33ad44be55"
	for path, want := range map[string]string{
		"/": "/", "/scim/v2/Users": "/scim/v2/Users", "/scim/v2/Users/" + id: "/scim/v2/Users/" + id,
		"/scim/v2/users/.search":              "/scim/v2/users/.search",
		"/v1/groups/" + id + "/members/" + id: "/v1/groups/" + id + "/members/" + id,
		"/v1/groups/" + id + "/members:batch": "/v1/groups/" + id + "/members:batch",
		"/scim/v2/Users/ann.lee":              "/scim/v2/Users/(no id)",
		"/v1/users/ann%40acme.test/groups":    "/v1/users/(no id)",
		"/scim/v2//Users//ann":                "/scim/v2//Users//(no id)",
		"/v1/groups/" + id + "/members/ann":   "/v1/groups/" + id + "/members/(no id)",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		assert.Equal(t, want, loggedPath(r), path)
	}
}

func TestDebugSaysMoreOfRequests(t *testing.T) {
	l := newLogged(t, "debug")
	b := l.bootstrap(t)
	path := "/scim/v2/Users?filter=" + url.QueryEscape(`userName eq "ann" and active eq true`)
	_, _, line := l.send(t, "GET", path, "Bearer "+b.SCIMToken, "")
	assert.Equal(t, "(userName eq ? and active eq ?)", line["filter"])
	assert.Equal(t, false, line["credential_cached"])
	assert.Greater(t, line["store_duration"], 0.0)
	_, _, line = l.send(t, "GET", path, "Bearer "+b.SCIMToken, "")
	assert.Equal(t, true, line["credential_cached"])
}
