package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	captureColumns = `connection_id, id, opened_by, opened_at, ends_at, closed_at`

	qCapture = `select ` + captureColumns + ` from request_captures
	where tenant_id = $1 and connection_id = $2`
	qCaptures = `select ` + captureColumns + ` from request_captures where tenant_id = $1`
)

func captureDest(c *membership.Capture) []any {
	return []any{
		&c.Connection, &c.ID, &c.OpenedBy, (*stamp)(&c.OpenedAt), (*stamp)(&c.EndsAt), (*stamp)(&c.ClosedAt),
	}
}

// Capture implements membership.Reader.
func (s *session) Capture(ctx context.Context, connection membership.ID) (membership.Capture, error) {
	c := membership.Capture{Tenant: s.tenant}
	err := s.one(ctx, "capture", qCapture, []any{s.tenant, connection}, captureDest(&c)...)
	return c, err
}

// Captures implements membership.Reader.
func (s *session) Captures(ctx context.Context) ([]membership.Capture, error) {
	return list(ctx, s, qCaptures, []any{s.tenant}, func(c *membership.Capture) []any {
		c.Tenant = s.tenant
		return captureDest(c)
	})
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

const qCloseCapture = `update request_captures
	set closed_at = $4, ends_at = case when ends_at > $4 then $4 else ends_at end
	where tenant_id = $1 and connection_id = $2 and id = $3 and (closed_at is null or closed_at < ends_at)`

// CloseCapture implements membership.Tx.
func (s *session) CloseCapture(ctx context.Context, connection, id membership.ID, at time.Time) error {
	return s.credentialsChanged(s.changed(ctx, "capture", qCloseCapture, s.tenant, connection, id, stamp(at)))
}
