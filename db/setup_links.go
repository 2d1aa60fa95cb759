package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	setupLinkColumns = `l.id, l.connection_id, l.abilities, l.hash, l.created_by, l.created_at, l.expires_at,
		l.last_used_at, l.done_at, l.revoked_at, l.token_id, l.client_id, l.made`

	qSetupLink     = `select ` + setupLinkColumns + ` from setup_links l where l.tenant_id = $1 and l.id = $2`
	qLockSetupLink = qSetupLink + ` {for update}`
	qSetupLinks    = `select ` + setupLinkColumns + ` from setup_links l where l.tenant_id = $1 order by l.id`
	qSetupLinksOf  = `select ` + setupLinkColumns + ` from setup_links l
		where l.tenant_id = $1 and l.connection_id = $2 order by l.id`
)

func setupLinkDest(l *auth.SetupLink) []any {
	return []any{
		&l.ID, &l.Connection, jsonInto[auth.Ability]{&l.Abilities}, &l.Hash, &l.CreatedBy,
		(*stamp)(&l.CreatedAt), (*stamp)(&l.ExpiresAt), (*stamp)(&l.LastUsedAt), (*stamp)(&l.DoneAt),
		(*stamp)(&l.RevokedAt), &l.Token, &l.Client, &l.Made,
	}
}

func (s *session) setupLink(ctx context.Context, q string, id membership.ID) (auth.SetupLink, error) {
	l := auth.SetupLink{Tenant: s.tenant}
	err := s.one(ctx, "set-up link", q, []any{s.tenant, id}, setupLinkDest(&l)...)
	return l, err
}

// SetupLink implements auth.SetupStore.
func (s *Store) SetupLink(ctx context.Context, tenant, id membership.ID) (l auth.SetupLink, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		l, err = s.setupLink(ctx, qSetupLink, id)
		return err
	})
	return l, err
}

// SetupLinks implements auth.SetupStore.
func (s *Store) SetupLinks(ctx context.Context, tenant, connection membership.ID) (ls []auth.SetupLink, err error) {
	query, args := qSetupLinks, []any{tenant}
	if !connection.IsZero() {
		query, args = qSetupLinksOf, append(args, connection)
	}
	err = s.read(ctx, tenant, func(s *session) error {
		ls, err = list(ctx, s, query, args, func(l *auth.SetupLink) []any {
			l.Tenant = tenant
			return setupLinkDest(l)
		})
		return err
	})
	return ls, err
}

// UpdateSetupLinks implements auth.SetupStore.
func (s *Store) UpdateSetupLinks(ctx context.Context, tenant membership.ID, fn func(auth.SetupTx) error) error {
	return s.update(ctx, tenant, func(s *session) error { return fn(s) })
}

const (
	qForgetSetupLinks = `delete from setup_links where tenant_id = $1 and id in (
		select l.id from setup_links l where l.tenant_id = $1
			and (l.done_at is not null or l.revoked_at is not null or l.expires_at <= $2)
		order by l.id desc limit 1000 offset $3)`
	qCountSetupLinks = `select count(*) from setup_links
		where tenant_id = $1 and done_at is null and revoked_at is null and expires_at > $2`
)

// LockSetupLinks implements auth.SetupTx.
func (s *session) LockSetupLinks(ctx context.Context, now time.Time, keep int) (open int, err error) {
	var version int64
	if err := s.one(ctx, "tenant", qLockIssuers, []any{s.tenant}, &version); err != nil {
		return 0, err
	}
	if _, err := s.exec(ctx, qForgetSetupLinks, s.tenant, stamp(now), keep); err != nil {
		return 0, err
	}
	err = s.one(ctx, "tenant", qCountSetupLinks, []any{s.tenant, stamp(now)}, &open)
	return open, err
}

// LockSetupLink implements auth.SetupTx.
func (s *session) LockSetupLink(ctx context.Context, id membership.ID) (auth.SetupLink, error) {
	return s.setupLink(ctx, qLockSetupLink, id)
}

const qInsertSetupLink = `insert into setup_links (tenant_id, id, connection_id, abilities, hash, created_by,
		created_at, expires_at, last_used_at, done_at, revoked_at, token_id, client_id, made)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`

// InsertSetupLink implements auth.SetupTx.
func (s *session) InsertSetupLink(ctx context.Context, l auth.SetupLink) error {
	_, err := s.exec(ctx, qInsertSetupLink, s.tenant, l.ID, l.Connection, jsonList(l.Abilities), l.Hash, l.CreatedBy,
		stamp(l.CreatedAt), stamp(l.ExpiresAt), stamp(l.LastUsedAt), stamp(l.DoneAt), stamp(l.RevokedAt),
		l.Token, l.Client, l.Made)
	return err
}

const qUpdateSetupLink = `update setup_links
	set last_used_at = $3, done_at = $4, revoked_at = $5, token_id = $6, client_id = $7, made = $8
	where tenant_id = $1 and id = $2`

// UpdateSetupLink implements auth.SetupTx.
func (s *session) UpdateSetupLink(ctx context.Context, l auth.SetupLink) error {
	return s.changed(ctx, "set-up link", qUpdateSetupLink, s.tenant, l.ID, stamp(l.LastUsedAt), stamp(l.DoneAt),
		stamp(l.RevokedAt), l.Token, l.Client, l.Made)
}

const (
	qOpenSetupLinksOf = `select id from setup_links where tenant_id = $1 and connection_id = $2
		and done_at is null and revoked_at is null and expires_at > $3 order by id {for update}`
	qRevokeSetupLinksOf = `update setup_links set revoked_at = $3 where tenant_id = $1 and connection_id = $2
		and done_at is null and revoked_at is null and expires_at > $3`
)

// RevokeSetupLinksOf implements auth.TokenTx.
func (s *session) RevokeSetupLinksOf(
	ctx context.Context, connection membership.ID, at time.Time,
) ([]membership.ID, error) {
	open, err := s.ids(ctx, qOpenSetupLinksOf, s.tenant, connection, stamp(at))
	if err != nil || len(open) == 0 {
		return nil, err
	}
	if _, err := s.exec(ctx, qRevokeSetupLinksOf, s.tenant, connection, stamp(at)); err != nil {
		return nil, err
	}
	for _, id := range open {
		if err := s.EndSetupSessions(ctx, id); err != nil {
			return nil, err
		}
	}
	return open, nil
}

const qSetupSession = `select s.id, s.hash, s.created_at, s.expires_at, s.link_id from setup_sessions s
	where s.tenant_id = $1 and s.id = $2`

// SetupSession implements auth.SetupStore.
func (s *Store) SetupSession(ctx context.Context, tenant, id membership.ID) (out auth.SetupSession, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		var link membership.ID
		err := s.one(ctx, "set-up session", qSetupSession, []any{tenant, id},
			&out.ID, &out.Hash, (*stamp)(&out.CreatedAt), (*stamp)(&out.ExpiresAt), &link)
		if err != nil {
			return err
		}
		if out.Link, err = s.setupLink(ctx, qSetupLink, link); err != nil {
			return err
		}
		out.Connection, err = s.Connection(ctx, out.Link.Connection)
		return err
	})
	return out, err
}

const (
	qInsertSetupSession = `insert into setup_sessions (tenant_id, link_id, id, hash, created_at, expires_at)
		values ($1, $2, $3, $4, $5, $6)`
	qEndOldSetupSessions = `delete from setup_sessions where tenant_id = $1 and id in (
		select s.id from setup_sessions s where s.tenant_id = $1 and s.link_id = $2
		order by s.created_at desc, s.id desc limit 1000 offset $3)`
	qEndSetupSession  = `delete from setup_sessions where tenant_id = $1 and id = $2`
	qEndSetupSessions = `delete from setup_sessions {index setup_sessions_link} where tenant_id = $1 and link_id = $2`
)

// InsertSetupSession implements auth.SetupTx.
func (s *session) InsertSetupSession(ctx context.Context, n auth.SetupSession, keep int) error {
	if _, err := s.exec(ctx, qInsertSetupSession, s.tenant, n.Link.ID, n.ID, n.Hash, stamp(n.CreatedAt),
		stamp(n.ExpiresAt)); err != nil {
		return err
	}
	_, err := s.exec(ctx, qEndOldSetupSessions, s.tenant, n.Link.ID, keep)
	return err
}

// EndSetupSession implements auth.SetupTx.
func (s *session) EndSetupSession(ctx context.Context, id membership.ID) error {
	_, err := s.exec(ctx, qEndSetupSession, s.tenant, id)
	return err
}

// EndSetupSessions implements auth.SetupTx.
func (s *session) EndSetupSessions(ctx context.Context, link membership.ID) error {
	_, err := s.exec(ctx, qEndSetupSessions, s.tenant, link)
	return err
}
