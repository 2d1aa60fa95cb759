package server

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

const sessionCookie = "scimbridge-session"

// eachConsole runs a test with a running server of each engine.
func eachConsole(
	t *testing.T, test func(*testing.T, testServer, auth.Bootstrapped), changes ...func(*config.Config),
) {
	t.Helper()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newTestServer(t, append([]func(*config.Config){func(c *config.Config) {
			c.DatabaseURL = config.DatabaseURL(url)
		}}, changes...)...)
		b := s.bootstrap(t)
		s.serving(t)
		test(t, s, b)
	})
}

// loggedOut requires that the next page of a visitor is the login.
func loggedOut(t *testing.T, v *visitor, why string) {
	t.Helper()
	p := v.get("/console/groups")
	assert.Equal(t, http.StatusSeeOther, p.status, why)
	assert.Equal(t, "/console/login?next=%2Fconsole%2Fgroups", p.to(), why)
}

func TestConsoleLogin(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		v := newVisitor(t, s.BaseURL())
		loggedOut(t, v, "a stranger")
		v.get("/console/login?next=%2Fconsole%2Fgroups%3Fq%3Da%26kind%3Dcustom")
		for name, token := range map[string]string{
			"nothing": "", "garbage": "x", "a SCIM token": b.SCIMToken, "cut": b.APIToken[:100],
			"wrong": b.APIToken[:len(b.APIToken)-60] + b.SCIMToken[len(b.SCIMToken)-60:], "a JWT": "a.b.c",
		} {
			p := v.post("/console/login", "token", token)
			want := http.StatusUnauthorized
			if token == "" {
				want = http.StatusBadRequest
			}
			assert.Equal(t, want, p.status, name)
			assert.Contains(t, p.body, `role="alert"`, name)
			assert.Empty(t, v.cookie(sessionCookie), name)
			if len(token) > 9 {
				assert.NotContains(t, p.body, token, name)
			}
		}
		p := v.post("/console/login", "token", " Bearer "+b.APIToken+"\n", "next", "/console/groups?q=a&kind=custom")
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		assert.Equal(t, "/console/groups?q=a&kind=custom", p.to())
		session := v.cookie(sessionCookie)
		assert.NotEmpty(t, session)
		assert.NotContains(t, session, b.APIToken)
		assert.Empty(t, v.cookie("scimbridge-login"), "it was for one login")
		p = v.get("/console/groups")
		assert.Equal(t, http.StatusOK, p.status)
		assert.Contains(t, p.body, "There are no groups yet")

		events := eventsOf(t, s, b, membership.ActionSessionStarted)
		require.Len(t, events, 1)
		assert.Equal(t, membership.ActorUser, events[0].Actor.Kind)
		assert.Equal(t, membership.CredentialToken, events[0].Credential.Kind)
	})
}

func eventsOf(t *testing.T, s testServer, b auth.Bootstrapped, action membership.Action) []membership.Event {
	t.Helper()
	d := membership.NewDirectory(s.store, auth.Policy{}, membership.Options{})
	p, err := d.NumberedEvents(t.Context(), membership.Call{
		Tenant: b.TenantID, Actor: membership.Actor{Kind: membership.ActorUser, ID: "x"},
		Permissions: []string{auth.AllPermissions},
	}, membership.EventFilter{Action: action, Limit: 100})
	require.NoError(t, err)
	return p.Events
}

func TestConsoleLogout(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		v := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		session := v.cookie(sessionCookie)
		p := v.post("/console/logout")
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		assert.Empty(t, v.cookie(sessionCookie))
		loggedOut(t, v, "after the logout")
		v.setCookie(sessionCookie, session)
		loggedOut(t, v, "a session that was kept opens nothing")
		assert.Len(t, eventsOf(t, s, b, membership.ActionSessionEnded), 1)
	})
}

// A session that somebody made a browser have is never the one of its login.
func TestConsoleSessionFixation(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		attacker := newVisitor(t, s.BaseURL()).logIn(b.APIToken)
		planted := attacker.cookie(sessionCookie)
		victim := newVisitor(t, s.BaseURL())
		victim.setCookie(sessionCookie, planted)
		victim.logIn(b.APIToken)
		assert.NotEqual(t, planted, victim.cookie(sessionCookie))
		loggedOut(t, attacker, "the session of before the login has ended")

		// Nor does another site log a browser in as somebody else.
		reader := newVisitor(t, s.BaseURL())
		reader.get("/console/login")
		form := url.Values{"token": {b.APIToken}, "form_token": {reader.token}}
		for _, header := range [][]string{
			{"Origin", "https://evil.example.com"}, {"Sec-Fetch-Site", "cross-site", "Origin", "null"}, {"Origin", ""},
		} {
			p := reader.send(http.MethodPost, "/console/login", form, header...)
			assert.Equal(t, http.StatusForbidden, p.status, header)
			form.Set("form_token", reader.token)
		}
		foreign := newVisitor(t, s.BaseURL())
		foreign.get("/console/login")
		form.Set("form_token", foreign.token)
		assert.Equal(t, http.StatusForbidden, reader.send(http.MethodPost, "/console/login", form).status)
		assert.Empty(t, reader.cookie(sessionCookie))

		// Of two cookies another site may have set one.
		p := victim.send(http.MethodGet, "/console/groups", nil, "Cookie",
			sessionCookie+"=x; "+sessionCookie+"="+victim.cookie(sessionCookie))
		assert.Equal(t, http.StatusSeeOther, p.status)
	})
}

func TestConsoleSessionsEnd(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, at string) {
		use := func(c *config.Config) { c.DatabaseURL, c.FailedAuthLimit = config.DatabaseURL(at), 0 }
		s := newTestServer(t, use)
		b := s.bootstrap(t)
		s.serving(t)
		other := s // a second server on the same database, where the engine has one
		if strings.HasPrefix(at, "postgres") {
			other = newTestServer(t, use)
			other.serving(t)
		}
		token := func(spec auth.TokenSpec) (auth.Token, string) {
			var made auth.Token
			var text string
			call := membership.Call{Tenant: b.TenantID, Actor: membership.Actor{Kind: membership.ActorSystem, ID: "x"}}
			require.NoError(t, s.store.UpdateCredentials(t.Context(), b.TenantID, func(tx auth.Tx) (err error) {
				made, text, err = auth.CreateToken(t.Context(), tx, time.Now, call, spec)
				return err
			}))
			return made, text
		}
		revoke := func(id membership.ID) {
			call := membership.Call{Tenant: b.TenantID, Actor: membership.Actor{Kind: membership.ActorSystem, ID: "x"}}
			require.NoError(t, s.store.UpdateCredentials(t.Context(), b.TenantID, func(tx auth.Tx) error {
				return auth.RevokeToken(t.Context(), tx, time.Now, call, id)
			}))
		}
		spec := auth.TokenSpec{Kind: auth.KindAPI, Name: "x", Permissions: []string{auth.AllPermissions}}

		made, text := token(spec)
		v, w := newVisitor(t, s.BaseURL()).logIn(text), newVisitor(t, other.BaseURL())
		w.setCookie(sessionCookie, v.cookie(sessionCookie))
		assert.Equal(t, http.StatusOK, w.get("/console/groups").status, "every server knows the session")
		revoke(made.ID)
		loggedOut(t, w, "the token was revoked a moment ago")
		loggedOut(t, v, "and here")
		v.get("/console/login")
		assert.Equal(t, http.StatusUnauthorized, v.post("/console/login", "token", text).status)

		// A session lives for 12 hours, whatever its cookie.
		_, text = token(spec)
		ago := func(d time.Duration) membership.Clock { return func() time.Time { return time.Now().Add(-d) } }
		for age, alive := range map[time.Duration]bool{11 * time.Hour: true, 12*time.Hour + time.Second: false} {
			verifier := auth.NewVerifier(s.store, ago(age))
			sessions := auth.NewSessions(s.store, verifier, auth.NewJWTs(s.store, s.keys, ago(age)), nil, ago(age))
			old, _, err := sessions.LogIn(t.Context(), "r", text)
			require.NoError(t, err)
			v := newVisitor(t, s.BaseURL())
			v.setCookie(sessionCookie, old)
			assert.Equal(t, alive, v.get("/console/groups").status == http.StatusOK, age)
		}
		spec.ExpiresAt = time.Now().Add(time.Hour)
		_, text = token(spec)
		v = newVisitor(t, s.BaseURL()).logIn(text)
		n := sessionOf(t, s, v)
		assert.WithinDuration(t, spec.ExpiresAt, n.ExpiresAt, time.Millisecond, "it ends with the token")

		// Further sessions of a token end the oldest.
		first := newVisitor(t, s.BaseURL()).logIn(text)
		for range auth.MaxActorSessions {
			newVisitor(t, s.BaseURL()).logIn(text)
		}
		loggedOut(t, first, "too many others")

		// What is no session is none.
		good := newVisitor(t, s.BaseURL()).logIn(text).cookie(sessionCookie)
		for _, bad := range []string{
			"", "x", good[:len(good)-1], good + "A", "B" + good[1:], good[:60] + good[:len(good)-60], b.APIToken,
			strings.Repeat("A", len(good)),
		} {
			v := newVisitor(t, s.BaseURL())
			v.setCookie(sessionCookie, bad)
			loggedOut(t, v, bad)
		}
	})
}

func sessionOf(t *testing.T, s testServer, v *visitor) auth.Session {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(v.cookie(sessionCookie))
	require.NoError(t, err)
	n, err := s.store.Session(t.Context(), membership.ID(b[:16]), membership.ID(b[16:32])) // tenant and id
	require.NoError(t, err)
	return n
}

func TestConsoleFailedLoginsAreLimited(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		v := newVisitor(t, s.BaseURL())
		v.get("/console/login")
		for range 20 {
			p := v.post("/console/login", "token", "garbage")
			if p.status == http.StatusTooManyRequests {
				assert.NotEmpty(t, p.header.Get("Retry-After"))
				assert.Contains(t, p.body, "Too many requests")
				return
			}
			require.Equal(t, http.StatusUnauthorized, p.status)
		}
		t.Error("failed logins are not limited")
	}, func(c *config.Config) { c.FailedAuthLimit = 1 })
}

// The cookie of a session can be read by no script, goes to no other site with a form,
// and over https no other host of the domain can set it.
func TestConsoleCookies(t *testing.T) {
	for public, want := range map[string]struct {
		name, path string
		secure     bool
		none       bool
	}{
		"http://127.0.0.1:8080":    {name: "scimbridge-session", path: "/console"},
		"http://[::1]:8080":        {name: "scimbridge-session", path: "/console"},
		"http://localhost":         {name: "scimbridge-session", path: "/console"},
		"https://scim.example.com": {name: "__Host-scimbridge-session", path: "/", secure: true},
		"http://scim.example.com":  {none: true},
		"http://10.0.0.1:8080":     {none: true},
	} {
		s := newTestServer(t, func(c *config.Config) { c.PublicURL = public })
		b := s.bootstrap(t)
		ask := func(method string, form url.Values, cookie string) *http.Response {
			r := httptest.NewRequestWithContext(t.Context(), method, public+"/console/login",
				strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", public)
			if cookie != "" {
				r.Header.Set("Cookie", cookie)
			}
			w := httptest.NewRecorder()
			s.handle.ServeHTTP(w, r)
			return w.Result()
		}
		res := ask(http.MethodGet, nil, "")
		text := body(t, res)
		if want.none {
			assert.Contains(t, text, "The console wants https", public)
			assert.Empty(t, res.Cookies(), public)
			res = ask(http.MethodPost, url.Values{"token": {b.APIToken}}, "")
			assert.Equal(t, http.StatusForbidden, res.StatusCode, public)
			assert.Empty(t, res.Cookies(), public)
			continue
		}
		require.Len(t, res.Cookies(), 1, public)
		login := res.Cookies()[0]
		res = ask(http.MethodPost, url.Values{
			"token": {b.APIToken}, "form_token": {formTokens.FindStringSubmatch(text)[1]},
		}, login.Name+"="+login.Value)
		require.Equal(t, http.StatusSeeOther, res.StatusCode, body(t, res))
		for _, c := range append(res.Cookies(), login) {
			assert.Equal(t, want.secure, strings.HasPrefix(c.Name, "__Host-"), c.Name)
			assert.Equal(t, want.secure, c.Secure, c.Name)
			assert.True(t, c.HttpOnly, c.Name)
			assert.Equal(t, http.SameSiteLaxMode, c.SameSite, c.Name)
			assert.Equal(t, want.path, c.Path, c.Name)
			assert.Empty(t, c.Domain, c.Name)
		}
		assert.Equal(t, want.name, res.Cookies()[0].Name)
		assert.LessOrEqual(t, res.Cookies()[0].MaxAge, int(auth.SessionLife/time.Second))
	}
}

func TestConsoleLeadsNowhereElse(t *testing.T) {
	eachConsole(t, func(t *testing.T, s testServer, b auth.Bootstrapped) {
		for _, next := range []string{
			"https://evil.example.com", "//evil.example.com", `/\evil.example.com`, "/v1/users", "javascript:alert(1)",
			"/console/../v1", "/console/login", "/console/logout", "console", "/consolex", "http:/console",
			" /console/x",
			"/console/" + strings.Repeat("a", 3000), "/console//evil.example.com\x00",
		} {
			v := newVisitor(t, s.BaseURL())
			v.get("/console/login")
			p := v.post("/console/login", "token", b.APIToken, "next", next)
			if p.status == http.StatusBadRequest { // a NUL byte
				continue
			}
			require.Equal(t, http.StatusSeeOther, p.status, next)
			assert.True(t, p.to() == "/console" || strings.HasPrefix(p.to(), "/console/"), "%s: %s", next, p.to())
			assert.NotContains(t, p.to(), "..", next)
		}
	}, func(c *config.Config) { c.RateLimit = 0 })
}

func TestConsoleOff(t *testing.T) {
	s := newTestServer(t, func(c *config.Config) { c.Console = false })
	for _, path := range []string{"/console", "/console/login", "/console/groups"} {
		res := s.do(t, http.MethodGet, path)
		assert.Equal(t, http.StatusNotFound, res.StatusCode, path)
		assert.Equal(t, "application/json", res.Header.Get("Content-Type"))
	}
	assert.Empty(t, consoleRoutes(s))
}
