package db

import (
	"context"
	"encoding/json"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const qInsertToken = `insert into tokens
	(tenant_id, id, kind, name, connection_id, permissions, hash, created_at, expires_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// InsertToken implements auth.Tx.
func (s *session) InsertToken(ctx context.Context, t auth.Token) error {
	permissions, err := json.Marshal(t.Permissions)
	if err != nil {
		return err
	}
	_, err = s.exec(ctx, qInsertToken, s.tenant, t.ID, string(t.Kind), t.Name, t.Connection,
		string(permissions), t.Hash, stamp(t.CreatedAt), stamp(t.ExpiresAt))
	return err
}

const qRevokeToken = `update tokens set revoked_at = $3 where tenant_id = $1 and id = $2 and revoked_at is null`

// RevokeToken implements auth.Tx.
func (s *session) RevokeToken(ctx context.Context, id membership.ID, at time.Time) error {
	return s.changed(ctx, "token", qRevokeToken, s.tenant, id, stamp(at))
}

const qToken = `select kind, name, connection_id, permissions, hash, created_at, expires_at, revoked_at
	from tokens where tenant_id = $1 and id = $2`

// Token implements auth.Store.
func (s *Store) Token(ctx context.Context, tenant, id membership.ID) (auth.Token, error) {
	t := auth.Token{Tenant: tenant, ID: id}
	var permissions string
	err := s.engine.view(ctx, tenant, func(q querier) error {
		s := &session{querier: q, tenant: tenant}
		return s.one(ctx, "token", qToken, []any{tenant, id},
			(*string)(&t.Kind), &t.Name, &t.Connection, &permissions, &t.Hash,
			(*stamp)(&t.CreatedAt), (*stamp)(&t.ExpiresAt), (*stamp)(&t.RevokedAt))
	})
	if err == nil {
		err = json.Unmarshal([]byte(permissions), &t.Permissions)
	}
	return t, s.translate(err)
}
