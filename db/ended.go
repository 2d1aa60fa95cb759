package db

import (
	"context"
	"time"
)

const (
	qDropAssertions = `delete from oauth_assertions where tenant_id = $1 and hash in
		(select hash from oauth_assertions where tenant_id = $1 and expires_at <= $2 order by expires_at limit $3)`
	qDropSessions = `delete from sessions where tenant_id = $1 and id in
		(select id from sessions where tenant_id = $1 and expires_at <= $2 order by expires_at limit $3)`
	qDropAccessTokens = `delete from tokens where tenant_id = $1 and id in
		(select t.id from oauth_clients c
			{lookup tokens t by tokens_client on t.tenant_id = $1 and t.client_id = c.id and t.expires_at <= $2}
			where c.tenant_id = $1 limit $3)`
	qDropClientSecrets = `delete from oauth_secrets where tenant_id = $1 and (client_id, id) in
		(select s.client_id, s.id from oauth_clients c
			{lookup oauth_secrets s on s.tenant_id = $1 and s.client_id = c.id
				and (s.revoked_at <= $2 or s.expires_at <= $2 or c.revoked_at <= $2)}
			where c.tenant_id = $1 limit $3)`
	qDropClients = `delete from oauth_clients where tenant_id = $1 and id in
		(select c.id from oauth_clients c where c.tenant_id = $1 and c.revoked_at <= $2
			and not exists (select 1 from oauth_secrets s where s.tenant_id = $1 and s.client_id = c.id)
			and not exists (select 1 from tokens t {index tokens_client}
				where t.tenant_id = $1 and t.client_id = c.id) limit $3)`
)

// DropAssertions implements auth.EndedTx.
func (s *session) DropAssertions(ctx context.Context, expired time.Time, limit int) (int64, error) {
	return s.exec(ctx, qDropAssertions, s.tenant, stamp(expired), limit)
}

// DropSessions implements auth.EndedTx.
func (s *session) DropSessions(ctx context.Context, expired time.Time, limit int) (int64, error) {
	return s.exec(ctx, qDropSessions, s.tenant, stamp(expired), limit)
}

// DropAccessTokens implements auth.EndedTx.
func (s *session) DropAccessTokens(ctx context.Context, expired time.Time, limit int) (int64, error) {
	return s.exec(ctx, qDropAccessTokens, s.tenant, stamp(expired), limit)
}

// DropClientSecrets implements auth.EndedTx.
func (s *session) DropClientSecrets(ctx context.Context, ended time.Time, limit int) (int64, error) {
	return s.exec(ctx, qDropClientSecrets, s.tenant, stamp(ended), limit)
}

// DropClients implements auth.EndedTx.
func (s *session) DropClients(ctx context.Context, ended time.Time, limit int) (int64, error) {
	return s.exec(ctx, qDropClients, s.tenant, stamp(ended), limit)
}
