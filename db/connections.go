package db

import (
	"context"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// liveConnection is for statements of a connection, $2, that find nothing after
// its removal. Who reads a link under the lock of its user or group and finds it
// can write: a removal locks all of them.
const liveConnection = ` and exists (select 1 from connections c
	where c.tenant_id = $1 and c.id = $2 and c.removed_at is null)`

const qInsertConnection = `insert into connections
	(tenant_id, id, name, idp, link_existing_users, group_kind, cursor_key, created_at, paused_at, no)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, {no connections $1})`

// InsertConnection implements membership.Tx.
func (s *session) InsertConnection(ctx context.Context, c membership.Connection) error {
	_, err := s.exec(ctx, qInsertConnection, s.tenant, c.ID, c.Name, c.IDP,
		c.LinkExistingUsers, string(c.GroupKind), c.CursorKey, stamp(c.CreatedAt), stamp(c.PausedAt))
	return err
}

const qUpdateConnection = `update connections set name = $3, idp = $4, link_existing_users = $5, group_kind = $6,
		paused_at = $7, removed_at = $8, removal = $9
	where tenant_id = $1 and id = $2`

// UpdateConnection implements membership.Tx.
func (s *session) UpdateConnection(ctx context.Context, c membership.Connection) error {
	return s.credentialsChanged(s.changed(ctx, "connection", qUpdateConnection, s.tenant, c.ID, c.Name, c.IDP,
		c.LinkExistingUsers, string(c.GroupKind), stamp(c.PausedAt), stamp(c.RemovedAt), string(c.Removal)))
}

const connectionColumns = `id, name, idp, link_existing_users, group_kind, cursor_key, created_at,
	paused_at, removed_at, removal`

func connectionDest(c *membership.Connection) []any {
	return []any{
		&c.ID, &c.Name, &c.IDP, &c.LinkExistingUsers, (*string)(&c.GroupKind), &c.CursorKey, (*stamp)(&c.CreatedAt),
		(*stamp)(&c.PausedAt), (*stamp)(&c.RemovedAt), (*string)(&c.Removal),
	}
}

const (
	qConnection           = `select ` + connectionColumns + ` from connections where tenant_id = $1 and id = $2`
	qLockConnection       = qConnection + ` {for update}`
	qLockConnectionShared = qConnection + ` and removed_at is null {for key share}`
)

func (s *session) connection(ctx context.Context, q string, id membership.ID) (membership.Connection, error) {
	c := membership.Connection{Tenant: s.tenant}
	err := s.one(ctx, "connection", q, []any{s.tenant, id}, connectionDest(&c)...)
	return c, err
}

// Connection implements membership.Reader.
func (s *session) Connection(ctx context.Context, id membership.ID) (membership.Connection, error) {
	return s.connection(ctx, qConnection, id)
}

// LockConnection implements membership.Tx.
func (s *session) LockConnection(ctx context.Context, id membership.ID) (membership.Connection, error) {
	return s.connection(ctx, qLockConnection, id)
}

// LockConnectionShared implements membership.Tx.
func (s *session) LockConnectionShared(ctx context.Context, id membership.ID) (membership.Connection, error) {
	return s.connection(ctx, qLockConnectionShared, id)
}

const qNameInView = `select 1 from user_links l
	where l.tenant_id = $1 and l.connection_id = $2 and l.user_name_key = $3`

// LockNameHolders implements membership.Tx.
func (s *session) LockNameHolders(
	ctx context.Context, connection membership.ID, name string, emails []string,
) (h membership.NameHolders, err error) {
	h.Connection.Tenant, h.User.Tenant = s.tenant, s.tenant
	var held bool
	var one int
	qs := []engine.Query{
		maybe(&held, qLockConnectionShared, []any{s.tenant, connection}, connectionDest(&h.Connection)...),
		maybe(&h.InView, qNameInView, []any{s.tenant, connection, name}, &one),
		{Text: qUserByName, Args: []any{s.tenant, name}, Read: func(rs engine.Rows) error {
			users, err := engine.ReadAll(rs, s.userDest)
			if len(users) > 0 {
				h.User, h.Shared = users[0], len(users) > 1
			}
			return err
		}},
	}
	if len(emails) > 0 {
		qs = append(qs,
			engine.Query{Text: qUsersByEmails, Args: []any{s.tenant, emails}, Read: func(rs engine.Rows) (err error) {
				h.ByEmail, err = engine.ReadAll(rs, s.userDest)
				return err
			}})
	}
	if err = s.pipeline(ctx, qs...); err == nil && !held {
		err = membership.NotFound("connection")
	}
	return h, err
}

const (
	connectionsOf   = `select ` + connectionColumns + ` from connections where tenant_id = $1 and id > $2`
	qConnectionsAll = connectionsOf + ` order by id limit $3`
	qConnections    = connectionsOf + ` and (removed_at is null or removal in ('', 'freeze')) order by id limit $3`
)

// Connections implements membership.Reader.
func (s *session) Connections(
	ctx context.Context, after membership.ID, limit int, removed bool,
) ([]membership.Connection, error) {
	q := qConnections
	if removed {
		q = qConnectionsAll
	}
	return list(ctx, s, q, []any{s.tenant, after, limit}, func(c *membership.Connection) []any {
		c.Tenant = s.tenant
		return connectionDest(c)
	})
}
