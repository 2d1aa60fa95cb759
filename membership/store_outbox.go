package membership

import (
	"context"
	"time"
)

// OutboxReader reads notifications that were not delivered.
type OutboxReader interface {
	// Notifications lists at most limit that wait, with greater ids than after, in
	// the order of their ids.
	Notifications(ctx context.Context, after ID, limit int) ([]Notification, error)
}

// OutboxWriter writes notifications.
type OutboxWriter interface {
	InsertNotification(ctx context.Context, n Notification) error
	// DeliverNotification is KindNotFound for one that does not wait.
	DeliverNotification(ctx context.Context, id ID, at time.Time) error
}
