package db_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// A token of the schema before tokens had scopes still opens what it did, and
// so does one that a program of that version inserts during an upgrade.
func TestTokensOfTheSchemaBefore(t *testing.T) {
	ctx := context.Background()
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		s, err := db.Open(ctx, url, db.Options{Spread: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		require.NoError(t, s.MigrateTo(ctx, 2))
		tenant, connection := membership.NewID(), membership.NewID()
		insert := func() string {
			token, text := auth.Mint(auth.Token{Tenant: tenant})
			require.NoError(t, s.Exec(ctx, tenant, `insert into tokens
				(tenant_id, id, kind, name, connection_id, permissions, hash, created_at, expires_at)
				values ($1, $2, 'scim', 'old', $3, 'null', $4, $5, null)`, tenant, token.ID, connection, token.Hash,
				db.Stamp(dbtest.Now())))
			return text
		}
		require.NoError(t,
			s.Exec(ctx, tenant, `insert into tenants (tenant_id, name, created_at) values ($1, 'old', $2)`,
				tenant, db.Stamp(dbtest.Now())))
		before := insert()
		require.Error(t, s.Ready(ctx))
		require.NoError(t, s.Migrate(ctx))
		during := insert()
		for _, text := range []string{before, during} {
			p, err := auth.NewVerifier(s, dbtest.Now).Verify(ctx, "Bearer "+text)
			require.NoError(t, err)
			require.Equal(t, auth.Principal{
				Tenant: tenant, Kind: auth.KindSCIM, Connection: connection, Permissions: []string{auth.ScopeSCIM},
				Actor:      membership.Actor{Kind: membership.ActorConnection, ID: connection.String()},
				Credential: membership.Credential{Kind: membership.CredentialToken, ID: p.Credential.ID},
			}, p)
		}
	})
}
