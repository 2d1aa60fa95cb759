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

const qTenants = `select tenant_id, name, created_at from tenants where tenant_id > $1 order by tenant_id limit $2`

// Tenants lists at most limit tenants in the order of their ids, those with
// greater ids than after. It is for those who run the program on the
// server's store: no use case of a tenant has it.
func (s *Store) Tenants(ctx context.Context, after membership.ID, limit int) (ts []membership.Tenant, err error) {
	err = s.read(ctx, membership.ID{}, func(s *session) error {
		if err := s.execAll(ctx, s.store.engine.Dialect().ListTenants); err != nil {
			return err
		}
		ts, err = list(ctx, s, qTenants, []any{after, limit}, func(t *membership.Tenant) []any {
			return []any{&t.ID, &t.Name, (*stamp)(&t.CreatedAt)}
		})
		return err
	})
	return ts, err
}
