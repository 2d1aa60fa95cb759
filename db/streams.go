package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	qDeliveriesAfter = `select ` + deliveryColumns + ofWebhook + ` and d.number > $3 order by d.number limit $4`
	// A server that holds it does not any more: what it would write is of before.
	qMoveStream = `update webhooks set position = $3, holder = '', held_until = null,
			next_at = (select min(d.next_at) from webhook_deliveries d
				where d.tenant_id = $1 and d.webhook_id = $2 and d.next_at is not null)
		where tenant_id = $1 and id = $2`
	qParkDeliveries = `update webhook_deliveries set status = 'dead', next_at = null
		where tenant_id = $1 and webhook_id = $2 and status = 'retrying'`
)

// DeliveriesAfter implements membership.Reader.
func (s *session) DeliveriesAfter(
	ctx context.Context, webhook membership.ID, number int64, limit int,
) ([]membership.Delivery, error) {
	return list(ctx, s, qDeliveriesAfter, []any{s.tenant, webhook, number, limit}, deliveryRow)
}

// DueDeliveries implements membership.Reader.
func (s *session) DueDeliveries(
	ctx context.Context, webhook membership.ID, now time.Time, limit int,
) ([]membership.Delivery, error) {
	return list(ctx, s, qDueDeliveries, []any{s.tenant, webhook, stamp(now), limit}, deliveryRow)
}

// MoveStream implements membership.Tx.
func (s *session) MoveStream(
	ctx context.Context, id membership.ID, position int64, ds []membership.Delivery,
) error {
	if err := s.writeTried(ctx, id, ds); err != nil {
		return err
	}
	return s.changed(ctx, "webhook", qMoveStream, s.tenant, id, position)
}

// ParkDeliveries implements membership.Tx.
func (s *session) ParkDeliveries(ctx context.Context, webhook membership.ID) error {
	_, err := s.exec(ctx, qParkDeliveries, s.tenant, webhook)
	return err
}
