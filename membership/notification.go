package membership

import (
	"context"
	"time"
)

// Notification is an outbox message to the application about a change that people may
// want to know of. It is written in the transaction of the change, and stays until its
// delivery is confirmed.
type Notification struct {
	ID        ID
	Kind      string // NotifyMembersAdded
	Payload   []byte // a JSON object with ids only
	CreatedAt time.Time
}

// NotifyMembersAdded is the kind of a Notification of members that a call added:
// {"group_id","user_ids","invited_by"?}.
const NotifyMembersAdded = "group.members_added"

func membersAdded(c MemberChange, inviter ID) Notification {
	payload := Facts{"group_id": c.Group, "user_ids": c.Open}
	if !inviter.IsZero() {
		payload["invited_by"] = inviter
	}
	return Notification{ID: NewID(), Kind: NotifyMembersAdded, Payload: payload.json(), CreatedAt: c.At}
}

// Notifications lists those that wait, behind after, at most limit. more: there
// may be others behind them.
func (d *Directory) Notifications(
	ctx context.Context, call Call, after ID, limit int,
) (ns []Notification, more bool, err error) {
	if err := d.Administer(ctx, call); err != nil {
		return nil, false, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		ns, more, err = fillPage(limit,
			func(n *Notification) int { return len(n.Payload) },
			func(last *Notification, n int) ([]Notification, error) {
				from := after
				if last != nil {
					from = last.ID
				}
				return r.Notifications(ctx, from, n)
			})
		return err
	})
	return ns, more, err
}

// DeliverNotification ends the waiting of a notification.
func (d *Directory) DeliverNotification(ctx context.Context, call Call, id ID) error {
	if err := d.Administer(ctx, call); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if err := tx.DeliverNotification(ctx, id); err != nil {
			return err
		}
		return tx.AppendEvents(ctx,
			call.Event(d.clock.Now(), ActionNotificationDelivered, ID{}, ID{}, nil, Facts{"notification_id": id}))
	})
}
