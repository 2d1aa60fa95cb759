package auth_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func events(t *testing.T, store *db.Store, tenant membership.ID) []membership.Event {
	t.Helper()
	return dbtest.Events(t, store, tenant, membership.EventFilter{})
}

func TestBootstrap(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		b, err := auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{
			TenantName: "Acme", IDP: "entra", ConnectionName: "Entra",
		})
		require.NoError(t, err)

		v := auth.NewVerifier(store, time.Now)
		scim, err := v.Verify(t.Context(), "Bearer "+b.SCIMToken)
		require.NoError(t, err)
		assert.Equal(t, auth.Principal{
			Tenant: b.TenantID, Kind: auth.KindSCIM, Connection: b.ConnectionID,
			Permissions: []string{auth.ScopeSCIM},
			Actor:       membership.Actor{Kind: membership.ActorConnection, ID: b.ConnectionID.String()},
			Credential:  membership.Credential{Kind: membership.CredentialToken, ID: scim.Credential.ID},
		}, scim)
		assert.False(t, scim.Credential.ID.IsZero())
		api, err := v.Verify(t.Context(), "Bearer "+b.APIToken)
		require.NoError(t, err)
		assert.Equal(t, b.TenantID, api.Tenant)
		assert.Equal(t, []string{"*"}, api.Permissions)
		assert.Equal(t, []string{auth.RoleOrgOwner}, api.Roles)

		require.NoError(t, store.Read(t.Context(), b.TenantID, func(r membership.Reader) error {
			tenant, err := r.Tenant(t.Context())
			require.NoError(t, err)
			assert.Equal(t, "Acme", tenant.Name)
			c, err := r.Connection(t.Context(), b.ConnectionID)
			assert.Equal(t, "Entra", c.Name)
			assert.Equal(t, "entra", c.IDP)
			return err
		}))
		var actions []membership.Action
		for _, e := range events(t, store, b.TenantID) {
			actions = append(actions, e.Action)
			assert.Equal(t, "operator:cli", e.Actor.String())
			for _, token := range []string{b.SCIMToken, b.APIToken} {
				secret := token[strings.LastIndex(token, "_")+1:]
				assert.NotContains(t, string(e.After), secret)
			}
		}
		assert.Equal(t, []membership.Action{
			membership.ActionTenantCreated, membership.ActionConnectionCreated,
			membership.ActionTokenCreated, membership.ActionTokenCreated,
		}, actions)

		_, err = auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{TenantName: " "})
		assert.Equal(t, membership.KindInvalid, membership.KindOf(err))
		_, err = auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{TenantName: "Acme", IDP: "ldap"})
		assert.Equal(t, membership.KindInvalid, membership.KindOf(err))
	})
}

func TestTokens(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
		clock := func() time.Time { return now }
		b, err := auth.Bootstrap(t.Context(), store, clock, auth.BootstrapSpec{TenantName: "Acme"})
		require.NoError(t, err)
		call := membership.Call{
			Tenant: b.TenantID, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"},
			RequestID: "request-1", Reason: "a test",
		}
		create := func(s auth.TokenSpec) (token auth.Token, text string, err error) {
			err = store.UpdateCredentials(t.Context(), call.Tenant, func(tx auth.Tx) error {
				token, text, err = auth.CreateToken(t.Context(), tx, clock, call, s)
				return err
			})
			return token, text, err
		}
		revoke := func(id membership.ID) error {
			return store.UpdateCredentials(t.Context(), call.Tenant, func(tx auth.Tx) error {
				return auth.RevokeToken(t.Context(), tx, clock, call, id)
			})
		}
		v := auth.NewVerifier(store, clock)
		before := len(events(t, store, b.TenantID))

		token, text, err := create(auth.TokenSpec{
			Kind: auth.KindAPI, Name: "ci", Permissions: []string{"GROUPS:READ"}, ExpiresAt: now.Add(time.Hour),
		})
		require.NoError(t, err)
		kept, err := store.Token(t.Context(), b.TenantID, token.ID)
		require.NoError(t, err)
		assert.Equal(t, token, kept, "the store keeps the hash and nothing of the secret")
		p, err := v.Verify(t.Context(), "Bearer "+text)
		require.NoError(t, err)
		assert.Equal(t, token.ID.String(), p.Actor.ID)
		assert.Equal(t, []string{"GROUPS:READ"}, p.Permissions)

		require.NoError(t, revoke(token.ID))
		v.Forget(token.ID)
		_, err = v.Verify(t.Context(), "Bearer "+text)
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(revoke(token.ID)), "revoked once, and one event")

		es := events(t, store, b.TenantID)[before:]
		require.Len(t, es, 2)
		assert.Equal(t, membership.ActionTokenCreated, es[0].Action)
		assert.JSONEq(t, `{"token_id":"`+token.ID.String()+`","kind":"api","name":"ci","permissions":["GROUPS:READ"],
			"expires_at":"2026-08-01T13:00:00.000000Z"}`, string(es[0].After))
		assert.Equal(t, membership.ActionTokenRevoked, es[1].Action)
		assert.JSONEq(t, `{"token_id":"`+token.ID.String()+`"}`, string(es[1].Before))
		for _, e := range es {
			assert.Equal(t, "request-1", e.RequestID)
			assert.Equal(t, "a test", e.Reason)
		}

		_, late, err := create(auth.TokenSpec{Kind: auth.KindAPI, Name: "short", ExpiresAt: now.Add(time.Second)})
		require.NoError(t, err)
		now = now.Add(time.Second)
		_, err = v.Verify(t.Context(), "Bearer "+late)
		require.ErrorIs(t, err, auth.ErrUnauthenticated)

		for name, c := range map[string]struct {
			spec auth.TokenSpec
			kind membership.Kind
		}{
			"no name":          {auth.TokenSpec{Kind: auth.KindAPI}, membership.KindInvalid},
			"NUL in the name":  {auth.TokenSpec{Kind: auth.KindAPI, Name: "a\x00"}, membership.KindInvalid},
			"no kind":          {auth.TokenSpec{Name: "x"}, membership.KindInvalid},
			"expired at birth": {auth.TokenSpec{Kind: auth.KindAPI, Name: "x", ExpiresAt: now}, membership.KindInvalid},
			"misspelt permission": {
				auth.TokenSpec{Kind: auth.KindAPI, Name: "x", Permissions: []string{"GROUP:READ"}},
				membership.KindInvalid,
			},
			"api with connection": {
				auth.TokenSpec{Kind: auth.KindAPI, Name: "x", Connection: b.ConnectionID}, membership.KindInvalid,
			},
			"scim without": {auth.TokenSpec{Kind: auth.KindSCIM, Name: "x"}, membership.KindInvalid},
			"scim with permissions": {
				auth.TokenSpec{Kind: auth.KindSCIM, Name: "x", Connection: b.ConnectionID, Permissions: []string{"*"}},
				membership.KindInvalid,
			},
			"scopes of an api token": {
				auth.TokenSpec{Kind: auth.KindAPI, Name: "x", Scopes: []string{auth.ScopeSCIM}}, membership.KindInvalid,
			},
			"no scope": {
				auth.TokenSpec{Kind: auth.KindSCIM, Name: "x", Connection: b.ConnectionID, Scopes: []string{}},
				membership.KindInvalid,
			},
			"misspelt scope": {
				auth.TokenSpec{Kind: auth.KindSCIM, Name: "x", Connection: b.ConnectionID,
					Scopes: []string{"scim:write"}},
				membership.KindInvalid,
			},
			"permission as scope": {
				auth.TokenSpec{Kind: auth.KindSCIM, Name: "x", Connection: b.ConnectionID, Scopes: []string{"*"}},
				membership.KindInvalid,
			},
			"in a thousand years": {
				auth.TokenSpec{Kind: auth.KindAPI, Name: "x", ExpiresAt: now.AddDate(1000, 0, 0)},
				membership.KindInvalid,
			},
			"no network": {
				auth.TokenSpec{Kind: auth.KindAPI, Name: "x", Networks: make([]netip.Prefix, 1)},
				membership.KindInvalid,
			},
			"too many networks": {
				auth.TokenSpec{Kind: auth.KindAPI, Name: "x", Networks: make([]netip.Prefix, 101)},
				membership.KindInvalid,
			},
			"no such connection": {
				auth.TokenSpec{Kind: auth.KindSCIM, Name: "x", Connection: membership.NewID()}, membership.KindNotFound,
			},
		} {
			_, _, err := create(c.spec)
			assert.Equal(t, c.kind, membership.KindOf(err), name)
		}
	})
}

// A transaction that fails after the token was made leaves neither token nor
// event.
func TestTokenOfAFailedTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		b, err := auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{TenantName: "Acme"})
		require.NoError(t, err)
		before := len(events(t, store, b.TenantID))
		var text string
		failure := errors.New("changed my mind")
		err = store.UpdateCredentials(t.Context(), b.TenantID, func(tx auth.Tx) error {
			_, text, err = auth.CreateToken(t.Context(), tx, time.Now, membership.Call{Tenant: b.TenantID},
				auth.TokenSpec{Kind: auth.KindAPI, Name: "x"})
			require.NoError(t, err)
			return failure
		})
		require.ErrorIs(t, err, failure)
		_, err = auth.NewVerifier(store, time.Now).Verify(t.Context(), "Bearer "+text)
		require.ErrorIs(t, err, auth.ErrUnauthenticated)
		assert.Len(t, events(t, store, b.TenantID), before)
	})
}
