package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

const qInsertTenant = `insert into tenants (tenant_id, name, created_at) values ($1, $2, $3)`

// InsertTenant implements membership.Tx.
func (s *session) InsertTenant(ctx context.Context, t membership.Tenant) error {
	_, err := s.exec(ctx, qInsertTenant, t.ID, t.Name, stamp(t.CreatedAt))
	return err
}

const qTenant = `select name, created_at from tenants where tenant_id = $1`

// Tenant implements membership.Reader.
func (s *session) Tenant(ctx context.Context) (membership.Tenant, error) {
	t := membership.Tenant{ID: s.tenant}
	err := s.one(ctx, "tenant", qTenant, []any{s.tenant}, &t.Name, (*stamp)(&t.CreatedAt))
	return t, err
}

const qAllTenants = `select tenant_id from tenants order by tenant_id`
