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

const qInsertConnection = `insert into connections
	(tenant_id, id, name, idp, link_existing_users, group_kind, cursor_key, created_at, paused_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// InsertConnection implements membership.Tx.
func (s *session) InsertConnection(ctx context.Context, c membership.Connection) error {
	_, err := s.exec(ctx, qInsertConnection, s.tenant, c.ID, c.Name, c.IDP,
		c.LinkExistingUsers, string(c.GroupKind), c.CursorKey, stamp(c.CreatedAt), stamp(c.PausedAt))
	return err
}

const connectionColumns = `id, name, idp, link_existing_users, group_kind, cursor_key, created_at, paused_at`

func connectionDest(c *membership.Connection) []any {
	return []any{
		&c.ID, &c.Name, &c.IDP, &c.LinkExistingUsers, (*string)(&c.GroupKind), &c.CursorKey,
		(*stamp)(&c.CreatedAt), (*stamp)(&c.PausedAt),
	}
}

const qConnection = `select ` + connectionColumns + ` from connections where tenant_id = $1 and id = $2`

// Connection implements membership.Reader.
func (s *session) Connection(ctx context.Context, id membership.ID) (membership.Connection, error) {
	c := membership.Connection{Tenant: s.tenant}
	err := s.one(ctx, "connection", qConnection, []any{s.tenant, id}, connectionDest(&c)...)
	return c, err
}

const qConnections = `select ` + connectionColumns + ` from connections
	where tenant_id = $1 and id > $2 order by id limit $3`

// Connections implements membership.Reader.
func (s *session) Connections(ctx context.Context, after membership.ID, limit int) ([]membership.Connection, error) {
	return list(ctx, s, qConnections, []any{s.tenant, after, limit}, func(c *membership.Connection) []any {
		c.Tenant = s.tenant
		return connectionDest(c)
	})
}
