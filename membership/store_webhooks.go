package membership

import (
	"context"
	"time"
)

// WebhookReader reads a tenant's webhooks.
type WebhookReader interface {
	// Webhooks returns them in the order of their ids.
	Webhooks(ctx context.Context) ([]Webhook, error)
	Webhook(ctx context.Context, id ID) (Webhook, error)
	// Deliveries lists those of a webhook, the greatest number first, below a number
	// (0: all) and of a status ("": of any).
	Deliveries(ctx context.Context, webhook ID, status DeliveryStatus, below int64, limit int) ([]Delivery, error)
	Delivery(ctx context.Context, webhook, id ID) (Delivery, error)
	// DeliveriesAfter lists those of greater numbers, in their order.
	DeliveriesAfter(ctx context.Context, webhook ID, number int64, limit int) ([]Delivery, error)
	// DueDeliveries lists those that are to be tried again by now, in the order of their
	// numbers.
	DueDeliveries(ctx context.Context, webhook ID, now time.Time, limit int) ([]Delivery, error)
}

// WebhookWriter writes a tenant's webhooks. Writers of one lock it first.
type WebhookWriter interface {
	// LockWebhooks makes others that make one wait, and returns how many there are.
	LockWebhooks(ctx context.Context) (int, error)
	LockWebhook(ctx context.Context, id ID) (Webhook, error)
	InsertWebhook(ctx context.Context, w Webhook) error
	// UpdateWebhook writes all but the position and the owner.
	UpdateWebhook(ctx context.Context, w Webhook) error
	// DeleteWebhook deletes its deliveries, too.
	DeleteWebhook(ctx context.Context, id ID) error
	// RetryDelivery makes a delivery due now, whatever became of it.
	RetryDelivery(ctx context.Context, webhook, id ID, now time.Time) error
	// RecoverDeliveries makes dead ones whose last attempt was since a time, and before
	// another (zero: whenever), due now: limit of them at most, the first ones. It returns
	// how many.
	RecoverDeliveries(ctx context.Context, webhook ID, since, until, now time.Time, limit int) (int, error)
	// WakeDeliveries makes those that wait to be tried again due now.
	WakeDeliveries(ctx context.Context, webhook ID, now time.Time) error
	// ParkDeliveries gives up on those that wait to be tried again.
	ParkDeliveries(ctx context.Context, webhook ID) error
	// MoveStream writes the position of a stream, and what became of events at it. It ends
	// the hold of the server that sends to it.
	MoveStream(ctx context.Context, id ID, position int64, ds []Delivery) error
}
