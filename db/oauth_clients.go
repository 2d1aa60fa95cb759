package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	clientColumns = `id, connection_id, auth_method, scopes, jwks, jwks_uri, issuer, subject, audience,
		reuse_assertions, token_lifetime, created_at, last_used_at, refused_at, revoked_at`

	qClient     = `select ` + clientColumns + ` from oauth_clients where tenant_id = $1 and id = $2`
	qLockClient = `select ` + clientColumns + ` from oauth_clients
	where tenant_id = $1 and id = $2 and revoked_at is null {for update}`
	qClients = `select ` + clientColumns + ` from oauth_clients
	where tenant_id = $1 and revoked_at is null and id > $2 order by id limit $3`
	qConnectionClients = `select ` + clientColumns + ` from oauth_clients
	where tenant_id = $1 and connection_id = $4 and revoked_at is null and id > $2 order by id limit $3`
)

// clientRow is a row of oauth_clients on its way to be an auth.OAuthClient.
type clientRow struct {
	auth.OAuthClient
	keys    string
	seconds int64
}

func (r *clientRow) dest() []any {
	return []any{
		&r.ID, &r.Connection, (*string)(&r.Method), jsonInto[string]{&r.Scopes}, &r.keys, &r.Keys.URI,
		&r.Issuer, &r.Subject, &r.Audience, &r.ReuseAssertions, &r.seconds,
		(*stamp)(&r.CreatedAt), (*stamp)(&r.LastUsedAt), (*stamp)(&r.RefusedAt), (*stamp)(&r.RevokedAt),
	}
}

func (r *clientRow) client(tenant membership.ID) auth.OAuthClient {
	c := r.OAuthClient
	c.Tenant, c.TokenLifetime = tenant, time.Duration(r.seconds)*time.Second
	if r.keys != "" {
		c.Keys.Set = []byte(r.keys)
	}
	return c
}

// client makes the same queries for one that is there and one that is not.
func (s *session) client(ctx context.Context, q string, id membership.ID) (auth.OAuthClient, error) {
	var r clientRow
	err := s.one(ctx, "client", q, []any{s.tenant, id}, r.dest()...)
	if err != nil && membership.KindOf(err) != membership.KindNotFound {
		return auth.OAuthClient{}, err
	}
	secrets, serr := s.clientSecrets(ctx, []membership.ID{id})
	if serr != nil {
		return auth.OAuthClient{}, serr
	}
	c := r.client(s.tenant)
	c.Secrets = secrets[id]
	return c, err
}

const qClientSecrets = `select s.client_id, s.id, s.hash, s.created_at, s.expires_at, s.last_used_at
	from {ids $2} i join oauth_secrets s on s.tenant_id = $1 and s.client_id = i.id
	where s.revoked_at is null order by s.client_id, s.id`

func (s *session) clientSecrets(
	ctx context.Context, clients []membership.ID,
) (map[membership.ID][]auth.ClientSecret, error) {
	type row struct {
		auth.ClientSecret
		client membership.ID
	}
	rows, err := list(ctx, s, qClientSecrets, []any{s.tenant, clients}, func(r *row) []any {
		return []any{
			&r.client, &r.ID, &r.Hash, (*stamp)(&r.CreatedAt), (*stamp)(&r.ExpiresAt), (*stamp)(&r.LastUsedAt),
		}
	})
	of := make(map[membership.ID][]auth.ClientSecret, len(clients))
	for _, r := range rows {
		of[r.client] = append(of[r.client], r.ClientSecret)
	}
	return of, err
}

// Client implements auth.ClientStore.
func (s *Store) Client(ctx context.Context, tenant, id membership.ID) (c auth.OAuthClient, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		c, err = s.client(ctx, qClient, id)
		return err
	})
	return c, err
}

// Clients implements auth.ClientStore.
func (s *Store) Clients(
	ctx context.Context, tenant, connection, after membership.ID, limit int,
) (cs []auth.OAuthClient, err error) {
	query, args := qClients, []any{tenant, after, limit}
	if !connection.IsZero() {
		query, args = qConnectionClients, append(args, connection)
	}
	err = s.read(ctx, tenant, func(s *session) error {
		rows, err := list(ctx, s, query, args, (*clientRow).dest)
		if err != nil {
			return err
		}
		ids := make([]membership.ID, len(rows))
		for i, r := range rows {
			ids[i] = r.ID
		}
		secrets, err := s.clientSecrets(ctx, ids)
		cs = make([]auth.OAuthClient, len(rows))
		for i, r := range rows {
			cs[i] = r.client(tenant)
			cs[i].Secrets = secrets[r.ID]
		}
		return err
	})
	return cs, err
}

// UpdateClients implements auth.ClientStore.
func (s *Store) UpdateClients(ctx context.Context, tenant membership.ID, fn func(auth.ClientTx) error) error {
	return s.update(ctx, tenant, func(s *session) error { return fn(s) })
}
