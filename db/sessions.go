package db

import (
	"context"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	sessionColumns = `id, hash, token_id, issuer_id, issuer_at, actor_kind, actor_id, permissions, roles, created_at,
		expires_at`
	qSession = `select ` + sessionColumns + ` from sessions where tenant_id = $1 and id = $2`
)

// Session implements auth.SessionStore.
func (s *Store) Session(ctx context.Context, tenant, id membership.ID) (n auth.Session, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		n = auth.Session{Tenant: tenant}
		return s.one(ctx, "session", qSession, []any{tenant, id},
			&n.ID, &n.Hash, &n.Token, &n.Issuer, (*stamp)(&n.IssuerAt), (*string)(&n.Actor.Kind), &n.Actor.ID,
			jsonInto[string]{&n.Permissions}, jsonInto[string]{&n.Roles}, (*stamp)(&n.CreatedAt),
			(*stamp)(&n.ExpiresAt))
	})
	return n, err
}

// UpdateSessions implements auth.SessionStore.
func (s *Store) UpdateSessions(ctx context.Context, tenant membership.ID, fn func(auth.SessionTx) error) error {
	return s.update(ctx, tenant, func(s *session) error { return fn(s) })
}

const qInsertSession = `insert into sessions (tenant_id, id, hash, token_id, issuer_id, issuer_at, actor_kind, actor_id,
		permissions, roles, created_at, expires_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

// InsertSession implements auth.SessionTx.
func (s *session) InsertSession(ctx context.Context, n auth.Session) error {
	_, err := s.exec(ctx, qInsertSession, s.tenant, n.ID, n.Hash, n.Token, n.Issuer, stamp(n.IssuerAt),
		string(n.Actor.Kind), n.Actor.ID, jsonList(n.Permissions), jsonList(n.Roles), stamp(n.CreatedAt),
		stamp(n.ExpiresAt))
	return err
}

const qDeleteSession = `delete from sessions where tenant_id = $1 and id = $2`

// DeleteSession implements auth.SessionTx.
func (s *session) DeleteSession(ctx context.Context, id membership.ID) error {
	return s.changed(ctx, "session", qDeleteSession, s.tenant, id)
}

const qDropOldSessions = `delete from sessions where tenant_id = $1 and id in (
		select x.id from sessions x where x.tenant_id = $1 and x.actor_kind = $2 and x.actor_id = $3
		order by x.id desc limit 1000000 offset $4)`

// DropOldSessions implements auth.SessionTx.
func (s *session) DropOldSessions(ctx context.Context, a membership.Actor, keep int) error {
	_, err := s.exec(ctx, qDropOldSessions, s.tenant, string(a.Kind), a.ID, keep)
	return err
}

const qCountSessions = `select count(*) from sessions where tenant_id = $1`

// CountSessions implements auth.SessionTx.
func (s *session) CountSessions(ctx context.Context) (n int, err error) {
	err = s.one(ctx, "tenant", qCountSessions, []any{s.tenant}, &n)
	return n, err
}
