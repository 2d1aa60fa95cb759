package auth_test

import (
	"crypto/elliptic"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// with returns claims with some changed; nil leaves one out.
func with(claims map[string]any, changes ...any) map[string]any {
	out := maps.Clone(claims)
	for i := 0; i < len(changes); i += 2 {
		if out[changes[i].(string)] = changes[i+1]; changes[i+1] == nil {
			delete(out, changes[i].(string))
		}
	}
	return out
}

func TestPrivateKeyJWT(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		key, other := rsaSigner("1", 0), rsaSigner("1", 1)
		c, _ := o.client(auth.ClientSpec{Method: auth.MethodJWT, Keys: auth.KeySource{Set: jwks(t, key.jwk(t))}})
		second, _ := o.client(auth.ClientSpec{Method: auth.MethodJWT, Keys: auth.KeySource{Set: jwks(t, other.jwk(t))}})
		secretive, _ := o.client(auth.ClientSpec{})
		claims := func(changes ...any) map[string]any { return with(o.ownClaims(c), changes...) }
		rs := func(changes ...any) string { return key.sign(t, jwa.RS256(), claims(changes...)) }
		at := func(d time.Duration) int64 { return o.now.Add(d).Unix() }

		for name, form := range map[string]url.Values{
			"without client_id": assertionForm(rs()), "with client_id": assertionForm(rs(), "client_id", c.ClientID()),
			"public URL":   assertionForm(rs("aud", publicURL)),
			"a list":       assertionForm(rs("aud", []string{"x", publicURL + "/oauth2/token"})),
			"as the grant": {"grant_type": {jwtGrant}, "assertion": {rs()}},
			"PS256":        assertionForm(key.sign(t, jwa.PS256(), claims())),
			"an hour":      assertionForm(rs("exp", at(time.Hour))),
		} {
			a := post(t, o.endpoint, form)
			assert.Equal(t, http.StatusOK, a.status, "%s: %s", name, a.body)
		}

		public, err := x509.MarshalPKIXPublicKey(rsaKeys()[0].Public())
		require.NoError(t, err)
		asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
		none := func() string { return compact(`{"alg":"none","kid":"1"}`, `{"sub":"`+c.ClientID()+`"}`, nil) }
		unknown := auth.OAuthClient{Tenant: o.tenant.TenantID, ID: membership.NewID()}
		for name, form := range map[string]url.Values{
			"wrong audience":         assertionForm(rs("aud", "https://other.example.com")),
			"no audience":            assertionForm(rs("aud", nil)),
			"wrong issuer":           assertionForm(rs("iss", second.ClientID())),
			"wrong subject":          assertionForm(rs("sub", second.ClientID()), "client_id", c.ClientID()),
			"expired":                assertionForm(rs("exp", at(-time.Minute), "iat", at(-time.Hour))),
			"no exp":                 assertionForm(rs("exp", nil)),
			"not yet valid":          assertionForm(rs("nbf", at(2*time.Minute))),
			"too long a lifetime":    assertionForm(rs("exp", at(2*time.Hour))),
			"no jti":                 assertionForm(rs("jti", nil)),
			"alg none":               assertionForm(none()),
			"HS256 with the RSA key": assertionForm(signWith(t, jwa.HS256(), asPEM, "1", claims())),
			"RS256 under another alg": assertionForm(compact(`{"alg":"ES256","kid":"1"}`, `{"sub":"`+c.ClientID()+`"}`,
				[]byte("x"))),
			"unknown kid":            assertionForm(rsaSigner("2", 0).sign(t, jwa.RS256(), claims())),
			"another key":            assertionForm(other.sign(t, jwa.RS256(), claims())),
			"another client's":       assertionForm(rs(), "client_id", second.ClientID()),
			"a client with a secret": assertionForm(rs(), "client_id", secretive.ClientID()),
			"an unknown client":      assertionForm(rs(), "client_id", unknown.ClientID()),
			"another tenant's client": assertionForm(rs(), "client_id",
				auth.OAuthClient{Tenant: membership.NewID(), ID: c.ID}.ClientID()),
			"no JWT":                   assertionForm("x"),
			"a secret for the key's":   secretForm(c, "x"),
			"a token of the bridge":    assertionForm(o.tenant.SCIMToken),
			"a number as the audience": assertionForm(rs("aud", 7)),
		} {
			t.Run(name, func(t *testing.T) {
				o.t = t
				o.refuses("invalid_client", form)
			})
		}
		o.t = t
		o.refuses("invalid_grant", url.Values{"grant_type": {jwtGrant}, "assertion": {rs("aud", "x")}})
		o.refuses("invalid_grant", url.Values{"grant_type": {jwtGrant}, "assertion": {"x"}})

		// What only the store knows is told in one way.
		want := o.refuses("invalid_client", assertionForm(rs(), "client_id", unknown.ClientID())).body
		assert.Equal(t, want, o.refuses("invalid_client", assertionForm(other.sign(t, jwa.RS256(), claims()))).body)
		require.NoError(t, o.clients.Revoke(t.Context(), o.call, c.Connection, c.ID))
		assert.Equal(t, want, o.refuses("invalid_client", assertionForm(rs())).body)
		assert.Equal(t, want, o.refuses("invalid_client", assertionForm(rs("aud", "x"))).body)
	})
}

func TestReplay(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, dbURL string) {
		store := dbtest.Open(t, dbURL)
		o := &counter{desk: newDesk(t, store)}
		directory := membership.NewDirectory(store, auth.Policy{}, membership.Options{Clock: o.clock})
		o.clients = auth.NewClients(store, directory, o.keys(), o.clock, nil)
		replicas := []*httptest.Server{o.replica(t, store), o.replica(t, dbtest.Open(t, dbURL))}
		o.endpoint = replicas[0]
		key := ecSigner(t, "1", elliptic.P256())
		c, _ := o.client(auth.ClientSpec{Method: auth.MethodJWT, Keys: auth.KeySource{Set: jwks(t, key.jwk(t))}})

		once := assertionForm(key.sign(t, jwa.ES256(), o.ownClaims(c)))
		o.token(once)
		for _, r := range replicas {
			o.endpoint = r
			assert.Contains(t, o.refuses("invalid_client", once).Description, "jti")
		}
		// The same jti in another assertion is a replay as well, another one is not.
		claims := o.ownClaims(c)
		o.token(assertionForm(key.sign(t, jwa.ES256(), claims)))
		o.refuses("invalid_client",
			assertionForm(key.sign(t, jwa.ES256(), with(claims, "exp", o.now.Add(10*time.Minute).Unix()))))

		for range 5 {
			form := assertionForm(key.sign(t, jwa.ES256(), o.ownClaims(c)))
			answers := make([]answer, 8)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() { answers[i] = post(t, replicas[i%2], form) })
			}
			wg.Wait()
			won := 0
			for _, a := range answers {
				if a.status == http.StatusOK {
					won++
				} else {
					assert.Equal(t, "invalid_client", a.Error, a.body)
				}
			}
			assert.Equal(t, 1, won, "exactly one of them is the first")
		}
	})
}

func TestWorkloadIdentityFederation(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		first, second := ecSigner(t, "1", elliptic.P256()), ecSigner(t, "2", elliptic.P256())
		server := newKeyServer(t, jwks(t, first.jwk(t)))
		spec := auth.ClientSpec{
			Method: auth.MethodJWT, Keys: auth.KeySource{URI: server.URL + "/keys"},
			Issuer: "https://issuer.example.com/v2.0", Subject: "system:job", Audience: "api://scimbridge",
		}
		c, _ := o.client(spec)
		spec.ReuseAssertions = true
		reusing, _ := o.client(spec)
		claims := func(changes ...any) map[string]any {
			return with(map[string]any{
				"iss": spec.Issuer, "sub": spec.Subject, "aud": []string{spec.Audience},
				"jti": membership.NewID().String(),
				"exp": o.now.Add(time.Hour).Unix(), "iat": o.now.Unix(), "nbf": o.now.Unix(),
			}, changes...)
		}
		form := func(s signer, c auth.OAuthClient, changes ...any) url.Values {
			return assertionForm(s.sign(t, jwa.ES256(), claims(changes...)), "client_id", c.ClientID())
		}
		o.token(form(first, c))
		o.token(form(first, c, "exp", o.now.Add(24*time.Hour).Unix()))
		o.token(url.Values{"grant_type": {jwtGrant}, "client_id": {c.ClientID()},
			"assertion": {first.sign(t, jwa.ES256(), claims())}})
		for _, r := range []struct {
			why  string
			form url.Values
		}{
			{"iss", form(first, c, "iss", "https://issuer.example.com")},
			{"iss", form(first, c, "iss", c.ClientID())},
			{"sub", form(first, c, "sub", "system:other")},
			{"aud", form(first, c, "aud", publicURL)},
			{"exp", form(first, c, "exp", o.now.Add(26*time.Hour).Unix())},
			{"exp", form(first, c, "exp", o.now.Add(-2*time.Minute).Unix(), "iat", nil)},
			{"nbf", form(first, c, "nbf", o.now.Add(2*time.Minute).Unix())},
			{"exp", form(first, c, "jti", nil, "exp", o.now.Add(3*time.Hour).Unix())},
		} {
			assert.Contains(t, o.refuses("invalid_client", r.form).Description, r.why)
		}
		again := form(first, c)
		o.token(again)
		assert.Contains(t, o.refuses("invalid_client", again).Description, "jti")
		for _, again := range []url.Values{
			form(first, c, "jti", nil), form(first, reusing),
			form(first, reusing, "jti", nil, "exp", o.now.Add(24*time.Hour).Unix()),
		} {
			o.token(again)
			o.token(again)
		}

		// The server of the keys: fetched once, asked again for what is new, and
		// not missed while it is down.
		require.EqualValues(t, 1, server.requests.Load())
		server.serve(jwks(t, first.jwk(t), second.jwk(t)))
		o.token(form(second, c))
		require.EqualValues(t, 2, server.requests.Load())
		for range 10 {
			o.refuses("invalid_client", form(ecSigner(t, "3", elliptic.P256()), c))
		}
		require.EqualValues(t, 2, server.requests.Load())
		server.fail()
		o.now = o.now.Add(time.Hour)
		o.token(form(second, c))

		nobody := newKeyServer(t, nil)
		nobody.fail()
		spec.Keys.URI = nobody.URL
		dark, _ := o.client(spec)
		a := post(t, o.endpoint, form(first, dark))
		assert.Equal(t, http.StatusServiceUnavailable, a.status)
		assert.Equal(t, "temporarily_unavailable", a.Error)
		assert.NotEmpty(t, a.header.Get("Retry-After"))
	})
}

// What Entra sends: no jti, 65 minutes, and an audience without what its page
// shows behind it.
func TestEntraWorkloadIdentity(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		key := rsaSigner("entra", 0)
		const issuer = "https://login.microsoftonline.com/ce5f061f-0000-4000-8000-301f87bcb7f0/v2.0"
		const app = "b5ba7a93-0000-4000-8000-a2b5da870c16"
		c, _ := o.client(auth.ClientSpec{
			Method: auth.MethodJWT, Keys: auth.KeySource{URI: newKeyServer(t, jwks(t, key.jwk(t, "use", "sig"))).URL},
			Issuer: issuer, Subject: "d2f8ee76-0000-4000-8000-f5b640669704", Audience: "api://" + app + "/.default",
		})
		form := assertionForm(key.sign(t, jwa.RS256(), map[string]any{
			"aud": "api://" + app, "iss": issuer, "iat": o.now.Unix(), "nbf": o.now.Unix(),
			"exp": o.now.Add(65 * time.Minute).
				Unix(),
			"appid": app, "appidacr": "2", "idp": issuer, "oid": "d2f8ee76-0000-4000-8000-f5b640669704",
			"sub": "d2f8ee76-0000-4000-8000-f5b640669704", "tid": "ce5f061f-0000-4000-8000-301f87bcb7f0", "ver": "2.0",
		}, "typ", "JWT"), "client_id", c.ClientID(), "scope", "scim")
		for range 2 {
			a := post(t, o.endpoint, form)
			require.Equal(t, http.StatusOK, a.status, a.body)
			assert.Equal(t, "scim", a.Scope)
			assert.Equal(t, 3600, a.ExpiresIn)
		}
	})
}

func TestClientsOfBadSpecifications(t *testing.T) {
	eachCounter(t, func(t *testing.T, o *counter) {
		key := ecSigner(t, "1", elliptic.P256())
		set := auth.KeySource{Set: jwks(t, key.jwk(t))}
		for name, s := range map[string]auth.ClientSpec{
			"method":             {Method: "password"},
			"scope":              {Method: auth.MethodSecret, Scopes: []string{"openid"}},
			"no scope":           {Method: auth.MethodSecret, Scopes: []string{}},
			"keys with a secret": {Method: auth.MethodSecret, Keys: set},
			"issuer":             {Method: auth.MethodSecret, Issuer: "x", Subject: "y"},
			"lifetime":           {Method: auth.MethodSecret, TokenLifetime: time.Minute},
			"long lifetime":      {Method: auth.MethodSecret, TokenLifetime: 7 * time.Hour},
			"expired":            {Method: auth.MethodSecret, SecretExpiresAt: o.now},
			"expires late":       {Method: auth.MethodSecret, SecretExpiresAt: o.now.AddDate(4, 0, 0)},
			"no keys":            {Method: auth.MethodJWT},
			"both keys": {Method: auth.MethodJWT,
				Keys: auth.KeySource{Set: set.Set, URI: "https://example.com"}},
			"no URI":            {Method: auth.MethodJWT, Keys: auth.KeySource{URI: "keys"}},
			"no set":            {Method: auth.MethodJWT, Keys: auth.KeySource{Set: []byte("{}")}},
			"issuer alone":      {Method: auth.MethodJWT, Keys: set, Issuer: "x"},
			"subject alone":     {Method: auth.MethodJWT, Keys: set, Subject: "x"},
			"reuse of its own":  {Method: auth.MethodJWT, Keys: set, ReuseAssertions: true},
			"a secret's expiry": {Method: auth.MethodJWT, Keys: set, SecretExpiresAt: o.now.AddDate(1, 0, 0)},
			"NUL":               {Method: auth.MethodJWT, Keys: set, Issuer: "\x00", Subject: "x"},
		} {
			s.Connection = o.tenant.ConnectionID
			assert.Empty(t, o.during(func() {
				_, _, err := o.clients.Create(t.Context(), o.call, s)
				assert.Equal(t, membership.KindInvalid, membership.KindOf(err), "%s: %v", name, err)
			}))
		}
		_, _, err := o.clients.Create(t.Context(), o.call,
			auth.ClientSpec{Connection: membership.NewID(), Method: auth.MethodSecret})
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
	})
}
