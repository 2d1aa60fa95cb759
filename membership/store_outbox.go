package membership

import "context"

// OutboxReader reads notifications that were not delivered.
type OutboxReader interface {
	// Notifications lists at most limit that wait, with greater ids than after, in
	// the order of their ids.
	Notifications(ctx context.Context, after ID, limit int) ([]Notification, error)
}

// OutboxWriter writes notifications.
type OutboxWriter interface {
	InsertNotification(ctx context.Context, n Notification) error
	// DeliverNotification ends the waiting of one, or is KindNotFound.
	DeliverNotification(ctx context.Context, id ID) error
}
