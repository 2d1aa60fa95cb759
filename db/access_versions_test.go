package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Whatever ends a credential, or changes what it opens, raises the version of the
// tenant, and of no other; what a request does to its own token does not.
func TestAccessVersions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		at := dbtest.Now()
		w, other := newTenant(t, s), newTenant(t, s)
		versions := func() map[membership.ID]int64 {
			all, err := s.AccessVersions(t.Context(), []membership.ID{w.ID, other.ID, membership.NewID()})
			require.NoError(t, err)
			require.Len(t, all, 2)
			return map[membership.ID]int64{all[0].Tenant: all[0].Version, all[1].Tenant: all[1].Version}
		}
		update := func(fn func(auth.Tx) error) {
			require.NoError(t, s.UpdateCredentials(t.Context(), w.ID, fn))
		}
		token := func(client membership.ID) auth.Token {
			token, _ := auth.Mint(auth.Token{
				Tenant: w.ID, Kind: auth.KindSCIM, Name: "t", Connection: w.Connection, Client: client, CreatedAt: at,
			})
			update(func(tx auth.Tx) error { return tx.InsertToken(t.Context(), token) })
			return token
		}
		one, two, third := token(membership.ID{}), token(membership.ID{}), token(membership.ID{})
		client := auth.OAuthClient{Tenant: w.ID, ID: membership.NewID(), Connection: w.Connection, CreatedAt: at}
		clients := func(fn func(auth.ClientTx) error) {
			require.NoError(t, s.UpdateClients(t.Context(), w.ID, fn))
		}
		clients(func(tx auth.ClientTx) error { return tx.InsertClient(t.Context(), client) })
		token(client.ID)
		update(func(tx auth.Tx) error { return tx.UseToken(t.Context(), one.ID, at, at) })
		require.Equal(t, map[membership.ID]int64{w.ID: 0, other.ID: 0}, versions(), "new tokens, and uses")

		grows := func(name string, change func()) {
			t.Helper()
			before := versions()
			change()
			after := versions()
			require.Greater(t, after[w.ID], before[w.ID], name)
			require.Equal(t, before[other.ID], after[other.ID], name)
		}
		grows("a token", func() {
			update(func(tx auth.Tx) error { return tx.RevokeToken(t.Context(), one.ID, at) })
		})
		grows("a rotation", func() {
			two.ReplacedBy, two.ExpiresAt = third.ID, at.Add(time.Hour)
			update(func(tx auth.Tx) error { return tx.ReplaceToken(t.Context(), two) })
		})
		grows("the tokens of a client", func() {
			clients(func(tx auth.ClientTx) error { return tx.EndClientTokens(t.Context(), client.ID) })
		})
		grows("a client", func() {
			clients(func(tx auth.ClientTx) error { return tx.RevokeClient(t.Context(), client.ID, at) })
		})
		grows("the tokens of a connection", func() {
			update(func(tx auth.Tx) error {
				_, err := tx.RevokeTokensOf(t.Context(), w.Connection, at)
				return err
			})
		})
		grows("the clients of a connection", func() {
			update(func(tx auth.Tx) error {
				_, err := tx.RevokeClientsOf(t.Context(), w.Connection, at)
				return err
			})
		})
		grows("a connection", func() {
			update(func(tx auth.Tx) error {
				c, err := tx.LockConnection(t.Context(), w.Connection)
				require.NoError(t, err)
				c.PausedAt = at
				return tx.UpdateConnection(t.Context(), c)
			})
		})
		grows("a policy", func() {
			require.NoError(t, s.UpdatePolicies(t.Context(), w.ID, func(tx auth.PolicyTx) error {
				return tx.SavePolicy(t.Context(), auth.TenantPolicy{ID: "p", Cedar: "x", CreatedAt: at, UpdatedAt: at})
			}))
		})
		grows("an issuer", func() {
			require.NoError(t, s.UpdateIssuers(t.Context(), w.ID, func(tx auth.IssuerTx) error {
				return tx.SaveIssuer(t.Context(), auth.Issuer{
					Tenant: w.ID, ID: membership.NewID(), Issuer: "i", JWKS: "{}", CreatedAt: at, UpdatedAt: at,
				})
			}))
		})
		before := versions()
		require.Error(t, s.UpdateCredentials(t.Context(), w.ID, func(tx auth.Tx) error {
			if err := tx.RevokeToken(t.Context(), third.ID, at); err != nil {
				return err
			}
			return membership.NotFound("anything")
		}))
		require.Equal(t, before, versions(), "what is rolled back changes nothing")
	})
}
