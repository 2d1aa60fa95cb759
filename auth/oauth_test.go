package auth_test

import (
	"crypto/elliptic"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

const publicURL = "https://scim.example.com"

// counter is a desk with OAuth clients, and a server that gives them tokens.
type counter struct {
	*desk
	clients  *auth.Clients
	endpoint *httptest.Server
}

func eachCounter(t *testing.T, test func(t *testing.T, o *counter)) {
	eachDesk(t, func(t *testing.T, d *desk) {
		o := &counter{desk: d}
		directory := membership.NewDirectory(d.store, auth.Policy{},
			membership.Options{Clock: d.clock, Refusals: d.refusals})
		o.clients = auth.NewClients(d.store, directory, o.keys(), d.clock, d.verifier.Forget)
		o.endpoint = o.replica(t, d.store)
		test(t, o)
	})
}

func (o *counter) keys() *auth.KeySets {
	return auth.NewKeySets(outbound.New(loopback), o.clock, zaptest.NewLogger(o.t))
}

// replica is one more server, on a store of its own.
func (o *counter) replica(t *testing.T, store *db.Store) *httptest.Server {
	s := httptest.NewServer(auth.Addressed(auth.NewTokenEndpoint(store, o.keys(), o.clock, auth.TokenEndpointConfig{
		PublicURL: publicURL, Logger: zaptest.NewLogger(t),
	})))
	t.Cleanup(s.Close)
	return s
}

func (o *counter) client(s auth.ClientSpec) (auth.OAuthClient, string) {
	o.t.Helper()
	if s.Connection.IsZero() {
		s.Connection = o.tenant.ConnectionID
	}
	if s.Method == "" {
		s.Method = auth.MethodSecret
	}
	c, secret, err := o.clients.Create(o.t.Context(), o.call, s)
	require.NoError(o.t, err)
	return c, secret
}

// answer is an answer of the token endpoint.
type answer struct {
	status int
	header http.Header
	body   string

	AccessToken string `json:"access_token"`
	TokenType   string `json:"token_type"`
	ExpiresIn   int    `json:"expires_in"`
	Scope       string `json:"scope"`
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func post(t testing.TB, server *httptest.Server, form url.Values, change ...func(*http.Request)) (a answer) {
	t.Helper()
	return postBody(t, server, form.Encode(), change...)
}

func postBody(t testing.TB, server *httptest.Server, body string, change ...func(*http.Request)) (a answer) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+auth.TokenPath,
		strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Request-Id", "request-3")
	for _, c := range change {
		c(req)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(b, &a), "%s", b)
	a.status, a.header, a.body = res.StatusCode, res.Header, string(b)
	assert.Equal(t, "no-store", a.header.Get("Cache-Control"))
	assert.Equal(t, "application/json", a.header.Get("Content-Type"))
	return a
}

func secretForm(c auth.OAuthClient, secret string, more ...string) url.Values {
	f := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.ClientID()}, "client_secret": {secret}}
	for i := 0; i < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

func assertionForm(assertion string, more ...string) url.Values {
	f := url.Values{
		"grant_type": {"client_credentials"}, "client_assertion": {assertion},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	}
	for i := 0; i < len(more); i += 2 {
		f.Set(more[i], more[i+1])
	}
	return f
}

func (o *counter) token(form url.Values, change ...func(*http.Request)) string {
	o.t.Helper()
	a := post(o.t, o.endpoint, form, change...)
	require.Equal(o.t, http.StatusOK, a.status, a.body)
	return a.AccessToken
}

// refuses requires an error of RFC 6749 section 5.2.
func (o *counter) refuses(code string, form url.Values, change ...func(*http.Request)) answer {
	o.t.Helper()
	a := post(o.t, o.endpoint, form, change...)
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
		assert.Equal(o.t, `Basic realm="scimbridge"`, a.header.Get("WWW-Authenticate"))
	}
	require.Equal(o.t, status, a.status, a.body)
	require.Equal(o.t, code, a.Error, a.body)
	require.NotEmpty(o.t, a.Description)
	require.Empty(o.t, a.AccessToken)
	return a
}

func TestClientLibraries(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		c, secret := o.client(auth.ClientSpec{TokenLifetime: 2 * time.Hour})
		key := ecSigner(t, "1", elliptic.P256())
		own, _ := o.client(auth.ClientSpec{Method: auth.MethodJWT, Keys: auth.KeySource{Set: jwks(t, key.jwk(t))}})
		for name, config := range map[string]clientcredentials.Config{
			"client_secret_basic": {ClientID: c.ClientID(), ClientSecret: secret, AuthStyle: oauth2.AuthStyleInHeader},
			"client_secret_post": {
				ClientID: c.ClientID(), ClientSecret: secret, AuthStyle: oauth2.AuthStyleInParams,
				Scopes: []string{"scim"},
			},
			"private_key_jwt": {AuthStyle: oauth2.AuthStyleInParams, EndpointParams: assertionForm(
				key.sign(t, jwa.ES256(), o.ownClaims(own)))},
		} {
			delete(config.EndpointParams, "grant_type") // the library's own word
			config.TokenURL = o.endpoint.URL + auth.TokenPath
			token, err := config.Token(t.Context())
			require.NoError(t, err, name)
			assert.Equal(t, "Bearer", token.TokenType)
			p, err := o.verifier.Verify(t.Context(), "Bearer "+token.AccessToken)
			require.NoError(t, err)
			acting := p.Credential
			assert.Equal(t, membership.CredentialAccessToken, acting.Kind)
			assert.Contains(t, []string{c.ClientID(), own.ClientID()},
				auth.OAuthClient{Tenant: c.Tenant, ID: acting.Owner}.ClientID())
			assert.Equal(t, auth.Principal{
				Credential: acting,
				Tenant:     o.tenant.TenantID, Kind: auth.KindSCIM, Connection: o.tenant.ConnectionID,
				Permissions: []string{auth.ScopeSCIM},
				Actor:       membership.Actor{Kind: membership.ActorConnection, ID: o.tenant.ConnectionID.String()},
			}, p)
		}
		a := post(t, o.endpoint, secretForm(c, secret))
		assert.Equal(t, 7200, a.ExpiresIn)
		assert.Equal(t, "scim", a.Scope)
		o.now = o.now.Add(2*time.Hour - time.Microsecond)
		assert.True(t, opens(t, o.verifier, a.AccessToken))
		o.now = o.now.Add(time.Microsecond)
		assert.False(t, opens(t, o.verifier, a.AccessToken))
	})
}

func (o *counter) ownClaims(c auth.OAuthClient) map[string]any {
	return map[string]any{
		"iss": c.ClientID(), "sub": c.ClientID(), "aud": publicURL + auth.TokenPath, "jti": membership.NewID().String(),
		"exp": o.now.Add(5 * time.Minute).Unix(), "iat": o.now.Unix(),
	}
}

func TestScopesOfAccessTokens(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		both, secret := o.client(auth.ClientSpec{Scopes: []string{"scim:read", "scim"}})
		reads, readsSecret := o.client(auth.ClientSpec{Scopes: []string{"scim:read"}})
		assert.Equal(t, "scim scim:read", post(t, o.endpoint, secretForm(both, secret)).Scope)
		assert.Equal(t, "scim:read", post(t, o.endpoint, secretForm(both, secret, "scope", "scim:read")).Scope)
		text := o.token(secretForm(reads, readsSecret, "scope", "scim:read scim:read"))
		p, err := o.verifier.Verify(t.Context(), "Bearer "+text)
		require.NoError(t, err)
		assert.Equal(t, []string{"scim:read"}, p.Permissions)
		for _, scope := range []string{"scim", "scim:read scim", "openid", "SCIM"} {
			o.refuses("invalid_scope", secretForm(reads, readsSecret, "scope", scope))
		}
	})
}

func TestSecrets(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		ctx := t.Context()
		c, first := o.client(auth.ClientSpec{SecretExpiresAt: o.now.AddDate(1, 0, 0)})
		other, others := o.client(auth.ClientSpec{})
		made, second, err := o.clients.CreateSecret(ctx, o.call, c.Connection, c.ID, time.Time{})
		require.NoError(t, err)
		assert.Equal(t, auth.DefaultSecretLifetime, made.ExpiresAt.Sub(o.now))
		assert.Regexp(t, `^scimbridge_secret_[a-z2-7]{58}$`, second)
		o.token(secretForm(c, first))
		o.token(secretForm(c, second))

		unknown := auth.OAuthClient{Tenant: o.tenant.TenantID, ID: membership.NewID()}
		elsewhere := auth.OAuthClient{Tenant: membership.NewID(), ID: c.ID}
		key := ecSigner(t, "1", elliptic.P256())
		withKey, _ := o.client(auth.ClientSpec{Method: auth.MethodJWT, Keys: auth.KeySource{Set: jwks(t, key.jwk(t))}})
		want := o.refuses("invalid_client", secretForm(c, "wrong")).body
		for name, form := range map[string]url.Values{
			"another client's": secretForm(c, others), "unknown client": secretForm(unknown, first),
			"another tenant": secretForm(elsewhere, first),
			"no client":      {"grant_type": {"client_credentials"}, "client_id": {"x"}, "client_secret": {first}},
			"in capitals":    secretForm(c, strings.ToUpper(first)), "cut": secretForm(c, first[:40]),
			"a client with a key": secretForm(withKey, first),
		} {
			assert.Equal(t, want, o.refuses("invalid_client", form).body, name)
		}

		o.now = o.now.AddDate(1, 0, 0)
		assert.Equal(t, want, o.refuses("invalid_client", secretForm(c, first)).body, "expired")
		o.token(secretForm(c, second))
		require.NoError(t, o.clients.Revoke(ctx, o.call, other.Connection, other.ID))
		assert.Equal(t, want, o.refuses("invalid_client", secretForm(other, others)).body, "revoked")

		for range auth.MaxSecrets - 2 {
			_, _, err = o.clients.CreateSecret(ctx, o.call, c.Connection, c.ID, o.now.AddDate(3, 0, 0))
			require.NoError(t, err)
		}
		for _, expires := range []time.Time{{}, o.now, o.now.AddDate(3, 0, 5)} {
			_, _, err = o.clients.CreateSecret(ctx, o.call, c.Connection, c.ID, expires)
			assert.Equal(t, membership.KindInvalid, membership.KindOf(err))
		}
		_, _, err = o.clients.CreateSecret(ctx, o.call, c.Connection, withKey.ID, time.Time{})
		assert.Equal(t, membership.KindInvalid, membership.KindOf(err))
	})
}

func TestEndOfAccessTokens(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		ctx := t.Context()
		replica := auth.NewVerifier(o.store, o.clock)
		c, first := o.client(auth.ClientSpec{})
		made, second, err := o.clients.CreateSecret(ctx, o.call, c.Connection, c.ID, time.Time{})
		require.NoError(t, err)
		one, two := o.token(secretForm(c, first)), o.token(secretForm(c, second))
		work := func(want bool, texts ...string) {
			t.Helper()
			for _, text := range texts {
				assert.Equal(t, want, opens(t, o.verifier, text), "at once where it was ended")
				o.now = o.now.Add(5*time.Second - time.Nanosecond)
				assert.Equal(t, want, opens(t, replica, text), "while nobody watches for changes")
			}
		}
		work(true, one, two)
		require.NoError(t, o.clients.RevokeSecret(ctx, o.call, c.Connection, c.ID, c.Secrets[0].ID, false))
		o.refuses("invalid_client", secretForm(c, first))
		work(true, one, two)
		require.NoError(t, o.clients.RevokeSecret(ctx, o.call, c.Connection, c.ID, made.ID, false))
		work(false, one, two)
		assert.Equal(t, membership.KindNotFound,
			membership.KindOf(o.clients.RevokeSecret(ctx, o.call, c.Connection, c.ID, made.ID, false)))

		// A leaked one, with all that was got by it.
		_, third, err := o.clients.CreateSecret(ctx, o.call, c.Connection, c.ID, time.Time{})
		require.NoError(t, err)
		fourth, _, err := o.clients.CreateSecret(ctx, o.call, c.Connection, c.ID, time.Time{})
		require.NoError(t, err)
		one = o.token(secretForm(c, third))
		require.NoError(t, o.clients.RevokeSecret(ctx, o.call, c.Connection, c.ID, fourth.ID, true))
		work(false, one)

		one = o.token(secretForm(c, third))
		otherClient, otherSecret := o.client(auth.ClientSpec{})
		others := o.token(secretForm(otherClient, otherSecret))
		work(true, one)
		es := o.during(func() { require.NoError(t, o.clients.Revoke(ctx, o.call, c.Connection, c.ID)) })
		require.Len(t, es, 1)
		assert.Equal(t, membership.ActionClientRevoked, es[0].Action)
		work(false, one)
		work(true, others, o.tenant.SCIMToken)
		o.refuses("invalid_client", secretForm(c, third))
		for _, err := range []error{
			o.clients.Revoke(ctx, o.call, c.Connection, c.ID),
			o.clients.RevokeSecret(ctx, o.call, c.Connection, c.ID, c.Secrets[0].ID, false),
		} {
			assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
		}
	})
}

// With a connection its clients end, and all that they were given.
func TestRemovalOfAConnectionEndsItsClients(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		ctx := t.Context()
		c, secret := o.client(auth.ClientSpec{})
		text := o.token(secretForm(c, secret))
		require.True(t, opens(t, o.verifier, text))
		directory := membership.NewDirectory(o.store, auth.Policy{},
			membership.Options{Clock: o.clock, Refusals: o.refusals})
		connections := auth.NewConnections(o.store, directory, o.clock, o.verifier.ForgetConnection)
		preview, err := connections.PreviewRemoval(ctx, o.call, c.Connection, membership.RemovalRelease)
		require.NoError(t, err)
		assert.Equal(t, 2, preview.Credentials, "the client and bootstrap's token; access tokens come and go")
		es := o.during(func() {
			require.NoError(t, connections.Remove(ctx, o.call, c.Connection, membership.RemovalRelease))
		})
		assert.Equal(t, membership.ActionClientRevoked, es[0].Action)
		assert.Contains(t, string(es[2].After), `"credentials":2`)
		assert.False(t, opens(t, o.verifier, text))
		o.refuses("invalid_client", secretForm(c, secret))
		_, err = o.clients.Client(ctx, o.call, c.Connection, c.ID)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
		_, _, err = o.clients.Create(ctx, o.call, auth.ClientSpec{Connection: c.Connection, Method: auth.MethodSecret})
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
	})
}

// Access tokens are not what administrators look after, and leave by themselves.
func TestAccessTokensDoNotPileUp(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		ctx := t.Context()
		before, err := o.List(ctx, o.call, membership.ID{}, 100)
		require.NoError(t, err)
		c, secret := o.client(auth.ClientSpec{})
		var text string
		es := o.during(func() { text = o.token(secretForm(c, secret)) })
		require.Len(t, es, 1)
		assert.Equal(t, membership.ActionTokenIssued, es[0].Action)
		assert.Equal(t, membership.Actor{Kind: membership.ActorConnection, ID: c.Connection.String()}, es[0].Actor)
		assert.Equal(t, "request-3", es[0].RequestID)
		assert.Contains(t, string(es[0].After), c.Secrets[0].ID.String())
		assert.NotContains(t, string(es[0].After), text[len(text)-50:])

		usage := auth.NewUsage(o.store, o.clock, &warnings{}, zaptest.NewLogger(t))
		o.verifier.Report(usage)
		require.True(t, opens(t, o.verifier, text))
		assert.Empty(t, o.during(func() { usage.Flush(ctx) }), "nobody has to be warned of its end")

		after, err := o.List(ctx, o.call, membership.ID{}, 100)
		require.NoError(t, err)
		assert.Equal(t, before, after)
		var facts struct {
			TokenID membership.ID `json:"token_id"`
		}
		require.NoError(t, json.Unmarshal(es[0].After, &facts))
		_, err = o.Token(ctx, o.call, facts.TokenID)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
		_, _, err = o.Rotate(ctx, o.call, facts.TokenID, 0)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))

		o.now = o.now.Add(time.Hour)
		o.token(secretForm(c, secret))
		_, err = o.store.Token(ctx, o.tenant.TenantID, facts.TokenID)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err), "gone with the next one")
		got, err := o.clients.Client(ctx, o.call, c.Connection, c.ID)
		require.NoError(t, err)
		assert.Equal(t, o.now, got.LastUsedAt)
		assert.Equal(t, o.now, got.Secrets[0].LastUsedAt)
	})
}

func TestRefusedAttemptsLeaveEvents(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		c, _ := o.client(auth.ClientSpec{})
		attack := func() []membership.Event {
			return o.during(func() {
				for range 5 {
					o.refuses("invalid_client", secretForm(c, "wrong"))
				}
			})
		}
		es := attack()
		require.Len(t, es, 1, "an attacker cannot fill the log")
		assert.Equal(t, membership.ActionClientRefused, es[0].Action)
		assert.Equal(t, "request-3", es[0].RequestID)
		assert.Equal(t, c.Connection, es[0].Connection)
		assert.Contains(t, string(es[0].After), c.ID.String())
		o.now = o.now.Add(59 * time.Second)
		assert.Empty(t, attack())
		o.now = o.now.Add(time.Second)
		assert.Len(t, attack(), 1)
		assert.Empty(t, o.during(func() {
			o.refuses("invalid_client",
				secretForm(auth.OAuthClient{Tenant: o.tenant.TenantID, ID: membership.NewID()}, "x"))
		}))
	})
}

func TestMalformedTokenRequests(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		c, secret := o.client(auth.ClientSpec{})
		good := secretForm(c, secret)
		basic := func(id, secret string) func(*http.Request) {
			return func(r *http.Request) { r.SetBasicAuth(id, secret) }
		}
		without := func(names ...string) url.Values {
			f := url.Values{}
			for n, v := range good {
				f[n] = v
			}
			for _, n := range names {
				f.Del(n)
			}
			return f
		}
		o.token(good)
		o.token(without("client_id", "client_secret"), basic(c.ClientID(), secret))
		o.token(without("client_secret"), basic(c.ClientID(), secret))
		o.token(without("client_id", "client_secret"), basic(strings.ReplaceAll(c.ClientID(), "_", "%5F"), secret))
		o.token(secretForm(c, secret, "unheard_of", "x"))

		for name, do := range map[string]func() answer{
			"no grant": func() answer { return o.refuses("invalid_request", without("grant_type")) },
			"another grant": func() answer {
				return o.refuses("unsupported_grant_type", secretForm(c, secret, "grant_type", "password"))
			},
			"no client": func() answer { return o.refuses("invalid_client", without("client_id", "client_secret")) },
			"no secret": func() answer { return o.refuses("invalid_client", without("client_secret")) },
			"two ways":  func() answer { return o.refuses("invalid_request", good, basic(c.ClientID(), secret)) },
			"three ways": func() answer {
				return o.refuses("invalid_request",
					secretForm(c, secret, "client_assertion", "x"))
			},
			"another in both": func() answer {
				return o.refuses("invalid_request", without("client_secret"),
					basic("other", secret))
			},
			"no Basic": func() answer {
				return o.refuses("invalid_client", without("client_id", "client_secret"),
					func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") })
			},
			"half an escape": func() answer {
				return o.refuses("invalid_client", without("client_id", "client_secret"), basic("%5", secret))
			},
			"assertion type": func() answer {
				return o.refuses("invalid_request", assertionForm("x", "client_assertion_type", "saml"))
			},
			"no assertion": func() answer { return o.refuses("invalid_request", assertionForm("")) },
			"grant, no token": func() answer {
				return o.refuses("invalid_request", url.Values{"grant_type": {jwtGrant}})
			},
			"grant, secret": func() answer {
				return o.refuses("invalid_request", secretForm(c, secret, "grant_type", jwtGrant, "assertion", "x"))
			},
			"NUL":       func() answer { return o.refuses("invalid_request", secretForm(c, "\x00")) },
			"not UTF-8": func() answer { return o.refuses("invalid_request", secretForm(c, "\xff")) },
			"in the URL": func() answer {
				return o.refuses("invalid_request", good, func(r *http.Request) { r.URL.RawQuery = "client_id=x" })
			},
			"JSON": func() answer {
				return o.refuses("invalid_request", good,
					func(r *http.Request) { r.Header.Set("Content-Type", "application/json") })
			},
			"no content type": func() answer {
				return o.refuses("invalid_request", good, func(r *http.Request) { r.Header.Del("Content-Type") })
			},
		} {
			t.Run(name, func(t *testing.T) {
				o.t = t
				do()
			})
		}
		o.t = t
		for _, body := range []string{good.Encode() + "&scope=scim&scope=scim", good.Encode() + "&client_id=x",
			good.Encode() + "&x=1;y=2", "%zz"} {
			a := postBody(t, o.endpoint, body)
			assert.Equal(t, http.StatusBadRequest, a.status)
			assert.Equal(t, "invalid_request", a.Error)
		}
		a := postBody(t, o.endpoint, good.Encode()+"&x="+strings.Repeat("x", 64<<10))
		assert.Equal(t, http.StatusRequestEntityTooLarge, a.status)
	})
}

const jwtGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

func TestClientsGiveNobodyMore(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		ctx := t.Context()
		weak := o.calling("TENANT:ADMIN", "USERS:READ", "GROUPS:READ")
		_, _, err := o.clients.Create(ctx, weak,
			auth.ClientSpec{Connection: o.tenant.ConnectionID, Method: auth.MethodSecret})
		assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
		_, _, err = o.clients.Create(ctx, weak, auth.ClientSpec{
			Connection: o.tenant.ConnectionID, Method: auth.MethodSecret, Scopes: []string{auth.ScopeSCIMRead},
		})
		require.NoError(t, err)
		c, _ := o.client(auth.ClientSpec{})
		es := o.during(func() {
			_, _, err = o.clients.CreateSecret(ctx, weak, c.Connection, c.ID, time.Time{})
		})
		assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
		require.Len(t, es, 1)
		assert.Equal(t, membership.ActionRefused, es[0].Action)
		assert.NoError(t, o.clients.Revoke(ctx, weak, c.Connection, c.ID), "revoking gives nobody anything")
		for _, p := range []string{"USERS:READ", "AUDIT:READ"} {
			_, _, err = o.clients.Create(ctx, o.calling(p),
				auth.ClientSpec{Connection: o.tenant.ConnectionID, Method: auth.MethodSecret})
			assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
		}
	})
}
