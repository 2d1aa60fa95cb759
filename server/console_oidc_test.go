package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// openIDProvider builds a provider that is not ours. It is a module of its own, so that
// what it needs is no part of the program.
var openIDProvider = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "scimbridge-oidc-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "oidc")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", file, ".")
	cmd.Dir = "testdata/oidc"
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return file, nil
})

// signingOn is a server whose people log in at a provider.
type signingOn struct {
	testServer
	mine   auth.Bootstrapped
	issuer string
}

func newSigningOn(t *testing.T, tenantURL string, ofClaims func(auth.Bootstrapped) []string) signingOn {
	t.Helper()
	program, err := openIDProvider()
	require.NoError(t, err)
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listen := free.Addr().String()
	require.NoError(t, free.Close())
	o := signingOn{issuer: "http://" + listen}
	o.testServer = newTestServer(t, func(c *config.Config) {
		c.DatabaseURL = config.DatabaseURL(tenantURL)
		c.AllowedNetworks = config.Networks{netip.MustParsePrefix("127.0.0.0/8")}
		c.OIDC = config.OIDC{Issuer: o.issuer, ClientID: "console", ClientSecret: "secret"}
		c.FailedAuthLimit = 0
	})
	o.mine = o.bootstrap(t)
	o.serving(t)
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), "LISTEN="+listen, "REDIRECT="+o.publicURL+"/console/login/callback")
	cmd.Env = append(cmd.Env, ofClaims(o.mine)...)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		res, err := http.Get(o.issuer + "/.well-known/openid-configuration")
		if err != nil {
			return false
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, time.Minute, 20*time.Millisecond)
	return o
}

// trust makes the provider an issuer of the tenant, and returns its id.
func (o signingOn) trust(t *testing.T, more string) string {
	t.Helper()
	w := &walk{testServer: o.testServer, t: t, mine: o.mine}
	return w.made("/v1/issuers", fmt.Sprintf(`{"issuer":%q,"audiences":["console"],"permissions":["GROUPS:READ"],
		"jwks_uri":%q%s}`, o.issuer, o.issuer+"/keys", more), o.mine)["id"].(string)
}

var authRequests = regexp.MustCompile(`name="id" value="([^"]+)"`)

// signIn is what a person does at the provider; it returns where that leads them.
func (o signingOn) signIn(t *testing.T, to string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	client := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), o.publicURL) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := client.Get(to)
	require.NoError(t, err)
	page, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	res.Body.Close()
	id := authRequests.FindSubmatch(page)
	require.NotNil(t, id, "%d %s", res.StatusCode, page)
	res, err = client.PostForm(res.Request.URL.String(), url.Values{
		"username": {"test-user@127.0.0.1"}, "password": {"verysecure"}, "id": {string(id[1])},
	})
	require.NoError(t, err)
	res.Body.Close()
	back := res.Header.Get("Location")
	require.True(t, strings.HasPrefix(back, o.publicURL+"/console/login/callback?"), "%d %s", res.StatusCode, back)
	return strings.TrimPrefix(back, o.publicURL)
}

func TestConsoleLoginAtAnOpenIDProvider(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, at string) {
		o := newSigningOn(t, at, func(b auth.Bootstrapped) []string {
			return []string{"TENANT=" + b.TenantID.String(), "PERMISSIONS=GROUPS:READ USERS:READ"}
		})
		v := newVisitor(t, o.BaseURL())
		assert.Contains(t, v.get("/console/login").body, "single sign-on")
		begin := func(v *visitor) string {
			p := v.get("/console/login/oidc?next=%2Fconsole%2Fgroups")
			require.Equal(t, http.StatusSeeOther, p.status, p.body)
			to, err := url.Parse(p.to())
			require.NoError(t, err)
			for _, name := range []string{"state", "nonce", "code_challenge"} {
				assert.GreaterOrEqual(t, len(to.Query().Get(name)), 43, name)
			}
			assert.Equal(t, "S256", to.Query().Get("code_challenge_method"))
			return p.to()
		}

		// The provider knows them; no tenant trusts it yet.
		p := v.get(o.signIn(t, begin(v)))
		assert.Equal(t, http.StatusUnauthorized, p.status)
		assert.Contains(t, p.body, "The provider knows you")
		assert.Empty(t, v.cookie(sessionCookie))

		issuer := o.trust(t, "")
		back := o.signIn(t, begin(v))
		stranger := newVisitor(t, o.BaseURL())
		assert.Equal(t, http.StatusForbidden, stranger.get(back).status, "the login of another browser")
		p = v.get(back)
		require.Equal(t, http.StatusSeeOther, p.status, p.body)
		assert.Equal(t, "/console/groups", p.to())
		p = v.get("/console/groups")
		assert.Equal(t, http.StatusOK, p.status)
		assert.Contains(t, p.body, "id1", "the subject at the provider")
		assert.Equal(t, http.StatusForbidden, v.get("/console/people").status, "the issuer may not give that")
		assert.Equal(t, http.StatusForbidden, v.get(back).status, "a login works once")

		// In a browser that is logged in none begins, and none that had begun ends that.
		session := v.cookie(sessionCookie)
		assert.Equal(t, http.StatusConflict, v.get("/console/login/oidc").status)
		x := newVisitor(t, o.BaseURL())
		back = o.signIn(t, begin(x))
		x.setCookie(sessionCookie, session)
		p = x.get(back)
		assert.Equal(t, http.StatusConflict, p.status, p.body)
		assert.Equal(t, session, x.cookie(sessionCookie))
		assert.Equal(t, http.StatusOK, v.get("/console/groups").status)

		// What is put together of two logins is none.
		w := newVisitor(t, o.BaseURL())
		mine, theirs := parameters(t, o.signIn(t, begin(w))), parameters(t, o.signIn(t, begin(stranger)))
		for name, q := range map[string]url.Values{
			"another's code":  {"state": mine["state"], "code": theirs["code"]},
			"another's state": {"state": theirs["state"], "code": mine["code"]},
			"no state":        {"code": mine["code"]},
			"a cut state":     {"state": {mine.Get("state")[:50]}, "code": mine["code"]},
			"refused":         {"state": mine["state"], "error": {"access_denied"}},
			"no code":         {"state": mine["state"]},
		} {
			cookie := w.cookie("scimbridge-login")
			p := w.get("/console/login/callback?" + q.Encode())
			assert.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, p.status, name)
			assert.Empty(t, w.cookie(sessionCookie), name)
			w.setCookie("scimbridge-login", cookie)
		}

		// A change of the issuer ends the sessions that it gave.
		call := &walk{testServer: o.testServer, t: t}
		r := call.send(http.MethodPatch, "/v1/issuers/"+issuer, `{"permissions":["USERS:READ"]}`,
			"Bearer "+o.mine.APIToken, o.mine.TenantID)
		require.Equal(t, http.StatusOK, r.status, r.body)
		require.Eventually(t, func() bool { return v.get("/console/groups").status == http.StatusSeeOther },
			10*time.Second, 50*time.Millisecond)
		loggedOut(t, v, "the issuer was changed")
	})
}

func parameters(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u.Query()
}

// A provider whose tokens name no tenant serves one all the same: the address of the login
// names it, and the tenant trusts that issuer as a whole.
func TestConsoleLoginNamesATenant(t *testing.T) {
	o := newSigningOn(t, "sqlite:"+filepath.Join(t.TempDir(), "x.db"),
		func(auth.Bootstrapped) []string { return []string{"PERMISSIONS=GROUPS:READ"} })
	o.trust(t, fmt.Sprintf(`,"tenant_claim":"iss","tenant_value":%q`, o.issuer))
	for tenant, want := range map[string]int{
		"": http.StatusUnauthorized, o.mine.TenantID.String(): http.StatusSeeOther,
		o.mine.ConnectionID.String(): http.StatusUnauthorized,
	} {
		v := newVisitor(t, o.BaseURL())
		p := v.get("/console/login?tenant=" + tenant)
		assert.Equal(t, tenant != "", strings.Contains(p.body, "tenant="+tenant+`"`), tenant)
		p = v.get(o.signIn(t, v.get("/console/login/oidc?tenant="+tenant).to()))
		assert.Equal(t, want, p.status, "%s %s", tenant, p.body)
	}
}

// A provider that does not answer leaves the login by token.
func TestConsoleWithoutItsOpenIDProvider(t *testing.T) {
	s := newTestServer(t, func(c *config.Config) {
		c.OIDC = config.OIDC{Issuer: "http://127.0.0.1:1", ClientID: "console"}
		c.AllowedNetworks = loopback
	})
	b := s.bootstrap(t)
	s.serving(t)
	v := newVisitor(t, s.BaseURL())
	p := v.get("/console/login/oidc")
	assert.Equal(t, http.StatusServiceUnavailable, p.status)
	assert.Contains(t, p.body, "log in with an API token")
	v.logIn(b.APIToken)
}

// Another site cannot begin a login, for a tenant that it has chosen: its reader gets to the
// page with the button.
func TestConsoleLoginBeginsHere(t *testing.T) {
	s := newTestServer(t, func(c *config.Config) {
		c.OIDC = config.OIDC{Issuer: "http://127.0.0.1:1", ClientID: "console"}
		c.AllowedNetworks = loopback
	})
	b := s.bootstrap(t)
	s.serving(t)
	for site, want := range map[string]int{
		"cross-site": http.StatusOK, "same-site": http.StatusOK, "x": http.StatusOK,
		"none": http.StatusServiceUnavailable, "same-origin": http.StatusServiceUnavailable,
	} {
		p := newVisitor(t, s.BaseURL()).send(http.MethodGet, "/console/login/oidc?tenant="+b.TenantID.String(), nil,
			"Sec-Fetch-Site", site)
		assert.Equal(t, want, p.status, site)
		assert.Equal(t, want == http.StatusOK, strings.Contains(p.body, `href="/console/login/oidc?`), site)
	}
}

// The provider is connected to as every other address is: what it is, and what it names,
// has to be public or in an allowed network.
func TestConsoleProviderIsGuarded(t *testing.T) {
	var inside atomic.Int32
	everywhere, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", ":0")
	require.NoError(t, err)
	metadata := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		inside.Add(1)
	}))
	_ = metadata.Listener.Close()
	metadata.Listener = everywhere
	metadata.Start()
	defer metadata.Close()
	_, port, err := net.SplitHostPort(everywhere.Addr().String())
	require.NoError(t, err)
	elsewhere := "http://127.0.0.2:" + port // it is the same machine, and no allowed network
	var issuer *httptest.Server
	issuer = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%[1]s/a","token_endpoint":"%s/t","jwks_uri":"%[2]s/k"}`,
			issuer.URL, elsewhere)
	}))
	defer issuer.Close()
	for _, refused := range []string{
		issuer.URL, "https://10.0.0.1/", "https://169.254.169.254/", "https://localhost/",
	} {
		c := config.Default()
		c.Listen = "127.0.0.1:0"
		c.DatabaseURL = config.DatabaseURL("sqlite:" + filepath.Join(t.TempDir(), "store.db"))
		c.OIDC = config.OIDC{Issuer: refused, ClientID: "console"}
		_, err := Open(t.Context(), c, "test", zap.NewNop())
		require.ErrorContains(t, err, "oidc_issuer", refused)
		require.ErrorContains(t, err, "allowed_networks", refused)
	}

	s := newTestServer(t, func(c *config.Config) {
		c.AllowedNetworks = config.Networks{netip.MustParsePrefix("127.0.0.1/32")}
		c.OIDC = config.OIDC{Issuer: issuer.URL, ClientID: "console"}
	})
	s.serving(t)
	v := newVisitor(t, s.BaseURL())
	to, err := url.Parse(v.get("/console/login/oidc").to())
	require.NoError(t, err)
	require.NotEmpty(t, to.Query().Get("state"))
	p := v.get("/console/login/callback?code=x&state=" + url.QueryEscape(to.Query().Get("state")))
	assert.Equal(t, http.StatusUnauthorized, p.status, p.body)
	assert.Zero(t, inside.Load(), "the code is not taken to where the provider says")
}
