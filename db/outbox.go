package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

const qNotifications = `select id, kind, payload, created_at from outbox
	where tenant_id = $1 and id > $2 and delivered_at is null order by id limit $3`

// Notifications implements membership.OutboxReader.
func (s *session) Notifications(
	ctx context.Context, after membership.ID, limit int,
) ([]membership.Notification, error) {
	return list(ctx, s, qNotifications, []any{s.tenant, after, limit}, func(n *membership.Notification) []any {
		return []any{&n.ID, &n.Kind, &n.Payload, (*stamp)(&n.CreatedAt)}
	})
}

const qInsertNotification = `insert into outbox (tenant_id, id, kind, payload, created_at) values ($1, $2, $3, $4, $5)`

// InsertNotification implements membership.OutboxWriter.
func (s *session) InsertNotification(ctx context.Context, n membership.Notification) error {
	_, err := s.exec(ctx, qInsertNotification, s.tenant, n.ID, n.Kind, string(n.Payload), stamp(n.CreatedAt))
	return err
}

// Programs of before a release kept what was delivered, and said when.
const qDeliver = `delete from outbox where tenant_id = $1 and id = $2 and delivered_at is null`

// DeliverNotification implements membership.OutboxWriter.
func (s *session) DeliverNotification(ctx context.Context, id membership.ID) error {
	return s.changed(ctx, "notification", qDeliver, s.tenant, id)
}
