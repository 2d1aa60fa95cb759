package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const qCapture = `select id, opened_by, opened_at, ends_at from request_captures
	where tenant_id = $1 and connection_id = $2 and ends_at > $3`

// Capture implements membership.Reader.
func (s *session) Capture(
	ctx context.Context, connection membership.ID, at time.Time,
) (membership.Capture, error) {
	c := membership.Capture{Tenant: s.tenant, Connection: connection}
	err := s.one(ctx, "capture", qCapture, []any{s.tenant, connection, stamp(at)},
		&c.ID, &c.OpenedBy, (*stamp)(&c.OpenedAt), (*stamp)(&c.EndsAt))
	return c, err
}

const qPutCapture = `insert into request_captures (tenant_id, connection_id, id, opened_by, opened_at, ends_at)
	values ($1, $2, $3, $4, $5, $6)
	on conflict (tenant_id, connection_id) do update set id = excluded.id, opened_by = excluded.opened_by,
		opened_at = excluded.opened_at, ends_at = excluded.ends_at`

// PutCapture implements membership.Tx.
func (s *session) PutCapture(ctx context.Context, c membership.Capture) error {
	_, err := s.exec(ctx, qPutCapture, s.tenant, c.Connection, c.ID, c.OpenedBy, stamp(c.OpenedAt), stamp(c.EndsAt))
	return s.credentialsChanged(err)
}

const qDeleteCapture = `delete from request_captures
	where tenant_id = $1 and connection_id = $2 and id = $3 and ends_at > $4`

// DeleteCapture implements membership.Tx.
func (s *session) DeleteCapture(ctx context.Context, connection, id membership.ID, at time.Time) error {
	return s.credentialsChanged(s.changed(ctx, "capture", qDeleteCapture, s.tenant, connection, id, stamp(at)))
}
