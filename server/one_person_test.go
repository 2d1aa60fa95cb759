package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Who took a break-glass grant does not sign it off: not with another's token that they
// have rotated, nor as the same subject of an issuer that was made anew.
func TestNobodySignsOffTheirOwn(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, at string) {
		s := newTestServer(t, func(c *config.Config) { c.DatabaseURL = config.DatabaseURL(at) })
		b := s.bootstrap(t)
		s.serving(t)
		w := &walk{testServer: s, t: t, mine: b}
		call := membership.Call{Tenant: b.TenantID, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "x"}}
		var bob auth.Token
		var bobs string
		require.NoError(t, s.store.UpdateCredentials(t.Context(), b.TenantID, func(tx auth.Tx) (err error) {
			bob, bobs, err = auth.CreateToken(t.Context(), tx, time.Now, call,
				auth.TokenSpec{Kind: auth.KindAPI, Name: "bob", Permissions: []string{auth.AllPermissions}})
			return err
		}))
		app := newSigner(t)
		trust := func() string {
			return w.made("/v1/issuers", fmt.Sprintf(`{"issuer":%q,"audiences":[%q],"jwks":%s,"permissions":["*"]}`,
				walkIssuer, walkAudience, app.jwks()), b)["id"].(string)
		}
		issuer := trust()
		jwt := app.jwt(b, map[string]any{"sub": "carl"})

		group := w.made("/v1/groups", `{"display_name":"Owners"}`, b)["id"].(string)
		user := w.made("/v1/users", `{"user_name":"x@e.com","email":"x@e.com","name":"X"}`, b)["id"].(string)
		members := "/v1/groups/" + group + "/members"
		take := func(credential string) {
			t.Helper()
			r := w.send(http.MethodPost, members, `{"user_id":"`+user+`","break_glass":true,"reason":"INC-4711"}`,
				"Bearer "+credential, b.TenantID)
			require.Equal(t, http.StatusCreated, r.status, r.body)
		}
		sign := func(credential string) int {
			return w.send(http.MethodPost, members+"/"+user+"/sign-off", `{"reason":"it was needed"}`,
				"Bearer "+credential, b.TenantID).status
		}

		take(b.APIToken)
		next := w.made("/v1/tokens/"+bob.ID.String()+"/rotate", `{"overlap_seconds":600}`, b)["token"].(string)
		assert.Equal(t, http.StatusForbidden, sign(next), "two have it")
		assert.Equal(t, http.StatusNoContent, sign(bobs), "only bob has it")

		require.Equal(t, http.StatusNoContent, w.send(http.MethodDelete, members+"/"+user, "",
			"Bearer "+b.APIToken, b.TenantID).status)
		take(jwt)
		require.Equal(t, http.StatusNoContent,
			w.send(http.MethodDelete, "/v1/issuers/"+issuer, "", "Bearer "+b.APIToken, b.TenantID).status)
		require.NotEqual(t, issuer, trust())
		assert.Equal(t, http.StatusForbidden, sign(jwt), "it is the same subject")
		assert.Equal(t, http.StatusNoContent, sign(app.jwt(b, map[string]any{"sub": "dora"})))
	})
}

// A session that began with a JWT is of the person whose JWT it was.
func TestSessionsKeepThePerson(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, at string) {
		s := newTestServer(t, func(c *config.Config) { c.DatabaseURL = config.DatabaseURL(at) })
		b := s.bootstrap(t)
		s.serving(t)
		app := newSigner(t)
		w := &walk{testServer: s, t: t, mine: b}
		w.trust(b, app)
		jwts := auth.NewJWTs(s.store, s.keys, time.Now)
		sessions := auth.NewSessions(s.store, auth.NewVerifier(s.store, time.Now), jwts, nil, time.Now)
		token := w.made("/v1/tokens", `{"name":"x","kind":"api","permissions":[]}`, b)["id"].(string)
		for _, subject := range []string{"ann", "ann@example.com", token} {
			jwt := app.jwt(b, map[string]any{"sub": subject})
			direct, err := jwts.Verify(t.Context(), jwt, membership.ID{})
			require.NoError(t, err)
			text, err := sessions.LogInJWT(t.Context(), "r", jwt, membership.ID{})
			require.NoError(t, err)
			p, _, err := sessions.Verify(t.Context(), text)
			require.NoError(t, err)
			require.NotEmpty(t, p.Person)
			direct.CreatedAt, p.CreatedAt = time.Time{}, time.Time{}
			assert.Equal(t, direct, p, subject)
		}
	})
}

// An issuer that is narrowed while it verifies a login gives no session with what it could
// give before.
func TestSessionOfAnIssuerThatChanges(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, at string) {
		s := newTestServer(t, func(c *config.Config) {
			c.DatabaseURL = config.DatabaseURL(at)
			c.AllowedNetworks = config.Networks{netip.MustParsePrefix("127.0.0.0/8")}
		})
		b := s.bootstrap(t)
		s.serving(t)
		app := newSigner(t)
		w := &walk{testServer: s, t: t, mine: b}
		jwts := auth.NewJWTs(s.store, s.keys, time.Now)
		var id string
		narrow := func() {
			r := w.send(http.MethodPatch, "/v1/issuers/"+id, `{"permissions":["GROUPS:READ"]}`, "Bearer "+b.APIToken,
				b.TenantID)
			assert.Equal(t, http.StatusOK, r.status, r.body)
			jwts.Forget(b.TenantID) // it notices at once
		}
		keys := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			narrow()
			_, _ = rw.Write([]byte(app.jwks()))
		}))
		defer keys.Close()
		id = w.made("/v1/issuers", fmt.Sprintf(`{"issuer":%q,"audiences":[%q],"jwks_uri":%q,"permissions":["*"]}`,
			walkIssuer, walkAudience, keys.URL), b)["id"].(string)
		sessions := auth.NewSessions(s.store, auth.NewVerifier(s.store, time.Now), jwts, nil, time.Now)
		jwt := app.jwt(b, map[string]any{"permissions": []string{"GROUPS:READ", auth.AllPermissions}})
		logIn := func() (auth.Principal, error) {
			text, err := sessions.LogInJWT(t.Context(), "r", jwt, membership.ID{})
			require.NoError(t, err)
			p, _, err := sessions.Verify(t.Context(), text)
			return p, err
		}
		_, err := logIn()
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
		p, err := logIn()
		require.NoError(t, err)
		require.Equal(t, []string{"GROUPS:READ"}, p.Permissions)
	})
}
