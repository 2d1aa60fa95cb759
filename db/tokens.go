package db

import (
	"context"
	"net/netip"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const qInsertToken = `insert into tokens
	(tenant_id, id, kind, name, connection_id, permissions, scopes, networks, hash, created_at, expires_at,
	principal, roles, client_id, person, first_id)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`

// InsertToken implements auth.Tx.
func (s *session) InsertToken(ctx context.Context, t auth.Token) error {
	_, err := s.exec(ctx, qInsertToken, s.tenant, t.ID, string(t.Kind), t.Name, t.Connection,
		jsonList(t.Permissions), jsonList(t.Scopes), jsonList(t.Networks), t.Hash, stamp(t.CreatedAt),
		stamp(t.ExpiresAt),
		string(t.Principal), jsonList(t.Roles), t.Client, t.Person, t.First)
	return err
}

const qRevokeToken = `update tokens set revoked_at = $3 where tenant_id = $1 and id = $2 and revoked_at is null`

// RevokeToken implements auth.Tx.
func (s *session) RevokeToken(ctx context.Context, id membership.ID, at time.Time) error {
	return s.credentialsChanged(s.changed(ctx, "token", qRevokeToken, s.tenant, id, stamp(at)))
}

const (
	qTokensOf = `select id from tokens where tenant_id = $1 and connection_id = $2 and revoked_at is null
		and (expires_at is null or expires_at > $3) order by id {for update}`
	qRevokeTokensOf = `update tokens set revoked_at = $3
		where tenant_id = $1 and connection_id = $2 and revoked_at is null`
)

// RevokeTokensOf implements auth.Tx.
func (s *session) RevokeTokensOf(ctx context.Context, connection membership.ID, at time.Time) ([]membership.ID, error) {
	live, err := s.ids(ctx, qTokensOf, s.tenant, connection, stamp(at))
	if err != nil {
		return nil, err
	}
	_, err = s.exec(ctx, qRevokeTokensOf, s.tenant, connection, stamp(at))
	return live, s.credentialsChanged(err)
}

// Of a client, the access tokens do not count: they come and go.
const qCredentialsOf = `select
	(select count(*) from oauth_clients where tenant_id = $1 and connection_id = $2 and revoked_at is null) +
	(select count(*) from tokens where tenant_id = $1 and connection_id = $2 and revoked_at is null and client_id = $4
	and (expires_at is null or expires_at > $3)) +
	(select count(*) from setup_links where tenant_id = $1 and connection_id = $2 and done_at is null
	and revoked_at is null and expires_at > $3)`

// CredentialsOf implements auth.Store.
func (s *Store) CredentialsOf(ctx context.Context, tenant, connection membership.ID, at time.Time) (n int, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		return s.one(ctx, "connection", qCredentialsOf, []any{tenant, connection, stamp(at), membership.ID{}}, &n)
	})
	return n, err
}

const qReplaceToken = `update tokens set replaced_by = $3, expires_at = $4, revoked_at = $5
	where tenant_id = $1 and id = $2 and revoked_at is null`

// ReplaceToken implements auth.Tx.
func (s *session) ReplaceToken(ctx context.Context, t auth.Token) error {
	return s.credentialsChanged(s.changed(ctx, "token", qReplaceToken, s.tenant, t.ID, t.ReplacedBy,
		stamp(t.ExpiresAt), stamp(t.RevokedAt)))
}

const qUseToken = `update tokens set last_used_at = $3
	where tenant_id = $1 and id = $2 and (last_used_at is null or last_used_at <= $4)`

// UseToken implements auth.Tx.
func (s *session) UseToken(ctx context.Context, id membership.ID, at, unlessAfter time.Time) error {
	_, err := s.exec(ctx, qUseToken, s.tenant, id, stamp(at), stamp(unlessAfter))
	return err
}

const qWarnOfToken = `update tokens set warned_at = $3 where tenant_id = $1 and id = $2`

// WarnOfToken implements auth.Tx.
func (s *session) WarnOfToken(ctx context.Context, id membership.ID, at time.Time) error {
	return s.changed(ctx, "token", qWarnOfToken, s.tenant, id, stamp(at))
}

const (
	tokenColumns = `id, kind, name, connection_id, permissions, scopes, networks, hash,
	created_at, expires_at, revoked_at, last_used_at, warned_at, replaced_by, principal, roles, client_id,
	person, first_id`

	qToken = `select ` + tokenColumns + `,
		(select c.paused_at from connections c where c.tenant_id = $1 and c.id = tokens.connection_id),
		(select c.removed_at from connections c where c.tenant_id = $1 and c.id = tokens.connection_id),
		(select c.ends_at from request_captures c where c.tenant_id = $1 and c.connection_id = tokens.connection_id)
	from tokens where tenant_id = $1 and id = $2`
	qLockToken = `select ` + tokenColumns + ` from tokens
	where tenant_id = $1 and id = $2 and revoked_at is null {for update}`
	qTokens = `select ` + tokenColumns + ` from tokens
	where tenant_id = $1 and revoked_at is null and client_id = $4 and id > $2 order by id limit $3`
)

func tokenDest(t *auth.Token) []any {
	return []any{
		&t.ID, (*string)(&t.Kind), &t.Name, &t.Connection,
		jsonInto[string]{&t.Permissions}, jsonInto[string]{&t.Scopes}, jsonInto[netip.Prefix]{&t.Networks}, &t.Hash,
		(*stamp)(&t.CreatedAt), (*stamp)(&t.ExpiresAt), (*stamp)(&t.RevokedAt),
		(*stamp)(&t.LastUsedAt), (*stamp)(&t.WarnedAt), &t.ReplacedBy,
		(*string)(&t.Principal), jsonInto[string]{&t.Roles}, &t.Client, &t.Person, &t.First,
	}
}

// LockToken implements auth.Tx.
func (s *session) LockToken(ctx context.Context, id membership.ID) (auth.Token, error) {
	t := auth.Token{Tenant: s.tenant}
	err := s.one(ctx, "token", qLockToken, []any{s.tenant, id}, tokenDest(&t)...)
	return t, err
}

// Token implements auth.Store.
func (s *Store) Token(ctx context.Context, tenant, id membership.ID) (t auth.Token, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		t = auth.Token{Tenant: tenant}
		dest := append(tokenDest(&t), (*stamp)(&t.ConnectionPausedAt), (*stamp)(&t.ConnectionRemovedAt),
			(*stamp)(&t.CaptureUntil))
		return s.one(ctx, "token", qToken, []any{tenant, id}, dest...)
	})
	return t, err
}

// Tokens implements auth.Store.
func (s *Store) Tokens(ctx context.Context, tenant, after membership.ID, limit int) (ts []auth.Token, err error) {
	noClient := membership.ID{} // clients' access tokens come and go by themselves
	err = s.read(ctx, tenant, func(s *session) error {
		ts, err = list(ctx, s, qTokens, []any{tenant, after, limit, noClient}, func(t *auth.Token) []any {
			t.Tenant = tenant
			return tokenDest(t)
		})
		return err
	})
	return ts, err
}
