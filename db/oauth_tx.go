package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// LockClient implements auth.ClientTx.
func (s *session) LockClient(ctx context.Context, id membership.ID) (auth.OAuthClient, error) {
	return s.client(ctx, qLockClient, id)
}

const qInsertClient = `insert into oauth_clients
	(tenant_id, id, connection_id, auth_method, scopes, jwks, jwks_uri, issuer, subject, audience, reuse_assertions,
	token_lifetime, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

// InsertClient implements auth.ClientTx.
func (s *session) InsertClient(ctx context.Context, c auth.OAuthClient) error {
	_, err := s.exec(ctx, qInsertClient, s.tenant, c.ID, c.Connection, string(c.Method), jsonList(c.Scopes),
		string(c.Keys.Set), c.Keys.URI, c.Issuer, c.Subject, c.Audience, c.ReuseAssertions,
		int64(c.TokenLifetime/time.Second), stamp(c.CreatedAt))
	return err
}

const qRevokeClient = `update oauth_clients set revoked_at = $3 where tenant_id = $1 and id = $2 and revoked_at is null`

// RevokeClient implements auth.ClientTx.
func (s *session) RevokeClient(ctx context.Context, id membership.ID, at time.Time) error {
	return s.credentialsChanged(s.changed(ctx, "client", qRevokeClient, s.tenant, id, stamp(at)))
}

const (
	qClientsOf = `select id from oauth_clients where tenant_id = $1 and connection_id = $2 and revoked_at is null
	order by id {for update}`
	qRevokeClientsOf = `update oauth_clients set revoked_at = $3
		where tenant_id = $1 and connection_id = $2 and revoked_at is null`
	qEndClientsTokensOf = `delete from tokens where tenant_id = $1 and connection_id = $2 and client_id <> $3`
)

// RevokeClientsOf implements auth.Tx.
func (s *session) RevokeClientsOf(
	ctx context.Context, connection membership.ID, at time.Time,
) ([]membership.ID, error) {
	clients, err := s.ids(ctx, qClientsOf, s.tenant, connection)
	if err != nil {
		return nil, err
	}
	if _, err := s.exec(ctx, qRevokeClientsOf, s.tenant, connection, stamp(at)); err != nil {
		return nil, err
	}
	_, err = s.exec(ctx, qEndClientsTokensOf, s.tenant, connection, membership.ID{})
	return clients, s.credentialsChanged(err)
}

const qInsertClientSecret = `insert into oauth_secrets (tenant_id, client_id, id, hash, created_at, expires_at)
	values ($1, $2, $3, $4, $5, $6)`

// InsertClientSecret implements auth.ClientTx.
func (s *session) InsertClientSecret(ctx context.Context, client membership.ID, c auth.ClientSecret) error {
	_, err := s.exec(ctx, qInsertClientSecret, s.tenant, client, c.ID, c.Hash, stamp(c.CreatedAt), stamp(c.ExpiresAt))
	return err
}

const qRevokeClientSecret = `update oauth_secrets set revoked_at = $4
	where tenant_id = $1 and client_id = $2 and id = $3 and revoked_at is null`

// RevokeClientSecret implements auth.ClientTx.
func (s *session) RevokeClientSecret(ctx context.Context, client, id membership.ID, at time.Time) error {
	return s.changed(ctx, "secret", qRevokeClientSecret, s.tenant, client, id, stamp(at))
}

const (
	qUseClient       = `update oauth_clients set last_used_at = $3 where tenant_id = $1 and id = $2`
	qUseClientSecret = `update oauth_secrets set last_used_at = $4 where tenant_id = $1 and client_id = $2 and id = $3`
)

// UseClient implements auth.ClientTx.
func (s *session) UseClient(ctx context.Context, client, secret membership.ID, at time.Time) error {
	if err := s.changed(ctx, "client", qUseClient, s.tenant, client, stamp(at)); err != nil || secret.IsZero() {
		return err
	}
	return s.changed(ctx, "secret", qUseClientSecret, s.tenant, client, secret, stamp(at))
}

const qRefuseClient = `update oauth_clients set refused_at = $3
	where tenant_id = $1 and id = $2 and (refused_at is null or refused_at <= $4)`

// RefuseClient implements auth.ClientTx.
func (s *session) RefuseClient(ctx context.Context, id membership.ID, at, unlessAfter time.Time) (bool, error) {
	n, err := s.exec(ctx, qRefuseClient, s.tenant, id, stamp(at), stamp(unlessAfter))
	return n > 0, err
}

const (
	qForgetAssertions = `delete from oauth_assertions where tenant_id = $1 and hash in
	(select hash from oauth_assertions where tenant_id = $1 and expires_at <= $2 order by expires_at limit 100)`
	// Of two transactions with one hash the later waits for the earlier.
	qUseAssertion = `insert into oauth_assertions (tenant_id, hash, expires_at) values ($1, $2, $3)
	on conflict (tenant_id, hash) do nothing`
)

// UseAssertion implements auth.ClientTx.
func (s *session) UseAssertion(ctx context.Context, hash []byte, now, expires time.Time) (bool, error) {
	if _, err := s.exec(ctx, qForgetAssertions, s.tenant, stamp(now)); err != nil {
		return false, err
	}
	n, err := s.exec(ctx, qUseAssertion, s.tenant, hash, stamp(expires))
	return n > 0, err
}

const (
	qEndClientTokens    = `delete from tokens where tenant_id = $1 and client_id = $2`
	qForgetClientTokens = `delete from tokens where tenant_id = $1 and id in
	(select id from tokens where tenant_id = $1 and client_id = $2 and expires_at <= $3 order by expires_at limit 100)`
)

// EndClientTokens implements auth.ClientTx.
func (s *session) EndClientTokens(ctx context.Context, client membership.ID) error {
	if client.IsZero() {
		return membership.NotFound("client") // the zero id marks tokens that are no client's
	}
	_, err := s.exec(ctx, qEndClientTokens, s.tenant, client)
	return s.credentialsChanged(err)
}

// ForgetClientTokens implements auth.ClientTx.
func (s *session) ForgetClientTokens(ctx context.Context, client membership.ID, before time.Time) error {
	if client.IsZero() {
		return membership.NotFound("client")
	}
	_, err := s.exec(ctx, qForgetClientTokens, s.tenant, client, stamp(before))
	return err
}
