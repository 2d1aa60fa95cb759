package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
	"github.com/scimbridge/scimbridge/membership"
)

// playOkta returns an address at which recorded conversations of Okta are played with the
// token that is sent there, one after another.
func (s testServer) playOkta(t *testing.T) string {
	t.Helper()
	conversations, err := replay.Conversations()
	require.NoError(t, err)
	conversations = slices.DeleteFunc(conversations, func(c replay.Conversation) bool {
		return c.ID != "okta-02-connection-test" && c.ID != "okta-10-oin-group-push"
	})
	require.Len(t, conversations, 2)
	player := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := io.ReadAll(r.Body)
		client := replay.Client{Base: s.BaseURL() + SCIMPrefix, Token: string(token)}
		for _, c := range conversations {
			result, err := client.Play(r.Context(), c)
			if err != nil || !result.OK() {
				http.Error(w, fmt.Sprint(c.ID, ": ", err, " ", result), http.StatusInternalServerError)
				return
			}
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(player.Close)
	return player.URL
}

const setupCookie = "scimbridge-setup"

var pasted = regexp.MustCompile(`<code>(scimbridge_[a-z0-9_]+)</code>`)

// What the holder of a link can do, and nothing else; over HTTP.
func TestSetupPage(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		links := "/v1/connections/" + b.ConnectionID.String() + "/setup-links"
		made := w.made(links, `{}`, b)
		_, code, _ := strings.Cut(made["url"].(string), "#")

		v := newVisitor(t, s.BaseURL())
		for range 3 { // a look uses nothing up
			require.Equal(t, http.StatusOK, v.get("/console/setup").status)
		}
		assert.Empty(t, eventsOf(t, s, b, membership.ActionSetupLinkUsed))
		for name, p := range map[string]shownPage{
			"no form token": v.send(http.MethodPost, "/console/setup", map[string][]string{"code": {code}}),
			"another site": v.send(http.MethodPost, "/console/setup",
				map[string][]string{"code": {code}, "form_token": {v.token}}, "Origin", "https://evil.example.com"),
		} {
			assert.Equal(t, http.StatusForbidden, p.status, name)
			assert.Empty(t, v.cookie(setupCookie), name)
		}
		for _, wrong := range []string{"", "x", code[:len(code)-1], b.APIToken, b.SCIMToken} {
			p := v.post("/console/setup", "code", wrong)
			assert.Equal(t, http.StatusUnauthorized, p.status, wrong)
			assert.Contains(t, p.body, "This link is not valid")
			if len(wrong) > 9 {
				assert.NotContains(t, p.body, wrong)
			}
		}
		p := v.post("/console/setup", "code", " "+made["url"].(string)+"\n")
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		assert.Equal(t, "/console/setup/connection", p.to())
		assert.Len(t, eventsOf(t, s, b, membership.ActionSetupLinkUsed), 1)
		cookie := p.header.Values("Set-Cookie")[0]
		for _, part := range []string{setupCookie + "=scimbridge_setup_session_", "HttpOnly", "SameSite=Lax"} {
			assert.Contains(t, cookie, part)
		}
		assert.NotContains(t, cookie, code)

		p = v.get("/console/setup/connection")
		require.Equal(t, http.StatusOK, p.status, p.body)
		w.framed(p)
		assert.Contains(t, p.body, "Waiting for the first request")
		assert.Contains(t, p.body, s.BaseURL()+"/scim/v2")
		for _, hidden := range []string{b.TenantID.String(), code, "/console/groups"} {
			assert.NotContains(t, p.body, hidden)
		}
		// It is no session of the console, and no token.
		v.setCookie(sessionCookie, v.cookie(setupCookie))
		loggedOut(t, v, "the session of a link")
		require.Equal(t, http.StatusForbidden, v.send(http.MethodPost, "/console/setup/connection/token", nil).status)

		v.get("/console/setup/connection")
		p = v.post("/console/setup/connection/token", "provider", "okta")
		require.Equal(t, http.StatusOK, p.status, p.body)
		token := pasted.FindStringSubmatch(p.body)[1]
		assert.Equal(t, http.StatusOK, w.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+token, b.TenantID).status)
		require.Eventually(t, func() bool {
			p = v.get("/console/setup/connection/progress")
			return strings.Contains(p.body, "It looks for people")
		}, 10*time.Second, 50*time.Millisecond)
		assert.NotContains(t, p.body, token, "it is shown once")
		w.send(http.MethodPost, "/scim/v2/Users", `{}`, "Bearer "+token, b.TenantID)
		require.Eventually(t, func() bool {
			p = v.get("/console/setup/connection")
			return strings.Contains(p.body, "The provider was answered 400")
		}, 10*time.Second, 50*time.Millisecond, "what was refused, and why")
		p = v.post("/console/setup/connection/client", "provider", "generic")
		require.Equal(t, http.StatusOK, p.status, p.body)
		assert.Contains(t, p.body, "<code>client_")
		assert.Contains(t, p.body, "<code>scimbridge_secret_")

		// Another browser; and the first one leaves.
		second := newVisitor(t, s.BaseURL())
		second.get("/console/setup")
		require.Equal(t, http.StatusSeeOther, second.post("/console/setup", "code", code).status)
		v.get("/console/setup/connection")
		left := v.cookie(setupCookie)
		require.Equal(t, http.StatusSeeOther, v.post("/console/setup/leave").status)
		v.setCookie(setupCookie, left)
		assert.Equal(t, http.StatusUnauthorized, v.get("/console/setup/connection").status)
		second.get("/console/setup/connection")
		p = second.post("/console/setup/done")
		require.Equal(t, http.StatusOK, p.status, p.body)
		assert.Equal(t, http.StatusUnauthorized, second.get("/console/setup/connection").status)
		assert.Len(t, eventsOf(t, s, b, membership.ActionSetupLinkDone), 1)
		second.get("/console/setup")
		assert.Equal(t, http.StatusUnauthorized, second.post("/console/setup", "code", code).status)
		assert.Equal(t, http.StatusOK, w.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+token, b.TenantID).status)

		// No secret is in the log.
		for _, line := range s.logs.All() {
			for _, secret := range []string{code, token, left} {
				assert.NotContains(t, fmt.Sprint(line.Message, line.ContextMap()), secret[len(secret)-40:])
			}
		}
	})
}

// A link with less abilities shows less, and a form that was made by hand is refused.
func TestSetupPageWithoutAbilities(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		w := &walk{testServer: s, t: t, mine: b}
		links := "/v1/connections/" + b.ConnectionID.String() + "/setup-links"
		made := w.made(links, `{"abilities":[]}`, b)
		_, code, _ := strings.Cut(made["url"].(string), "#")
		v := newVisitor(t, s.BaseURL())
		v.get("/console/setup")
		require.Equal(t, http.StatusSeeOther, v.post("/console/setup", "code", code).status)
		p := v.get("/console/setup/connection")
		require.Equal(t, http.StatusOK, p.status)
		assert.Contains(t, p.body, "does not let you make a token")
		assert.Contains(t, p.body, "does not show requests")
		assert.Empty(t, eventsOf(t, s, b, membership.ActionRefused), "to look at the page is no attempt")
		for _, act := range []string{"token", "client"} {
			p := v.post("/console/setup/connection/"+act, "provider", "okta")
			assert.Equal(t, http.StatusForbidden, p.status, act)
		}
		assert.NotEmpty(t, eventsOf(t, s, b, membership.ActionRefused))
		w.send(http.MethodDelete, links+"/"+made["id"].(string), "", "Bearer "+b.APIToken, b.TenantID)
		assert.Equal(t, http.StatusUnauthorized, v.get("/console/setup/connection").status, "it was revoked")
	})
}
