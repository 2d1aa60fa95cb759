package membership

import (
	"context"
	"reflect"
	"time"
)

// mayWebhooks asks for the permission to administer webhooks, and for that to read
// the events: no webhook is told more than its maker may read.
func (d *Directory) mayWebhooks(ctx context.Context, call Call) error {
	if err := d.allow(ctx, call, OpAdministerWebhooks, ID{}, ID{}); err != nil {
		return err
	}
	return d.MayReadAudit(ctx, call)
}

// Webhooks returns the tenant's webhooks.
func (d *Directory) Webhooks(ctx context.Context, call Call) (ws []Webhook, err error) {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		ws, err = r.Webhooks(ctx)
		return err
	})
	return ws, err
}

// Webhook returns one.
func (d *Directory) Webhook(ctx context.Context, call Call, id ID) (w Webhook, err error) {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return w, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		w, err = r.Webhook(ctx, id)
		return err
	})
	return w, err
}

// CreateWebhook makes a webhook, which is told of what happens from now on, or from a
// place in the log on.
func (d *Directory) CreateWebhook(ctx context.Context, call Call, s WebhookSpec) (w Webhook, err error) {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return w, err
	}
	now := d.clock.Now()
	w = Webhook{
		Tenant: call.Tenant, ID: NewID(), Signing: SigningV1, Ordered: true, State: WebhookActive,
		CreatedAt: now, UpdatedAt: now,
	}
	if w, err = s.apply(w); err != nil {
		return w, err
	}
	if err := d.webhookURL(w.URL); err != nil {
		return w, err
	}
	w.newSecret(time.Time{})
	if _, err := d.numberEvents(ctx, call.Tenant); err != nil { // what happened before is not told
		return w, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if err := addWebhook(ctx, tx, &w, s.Position); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionWebhookCreated, ID{}, ID{}, nil, w.facts()))
	})
	return w, err
}

// addWebhook writes a new webhook, at a place in the log or, with nil, at its end.
func addWebhook(ctx context.Context, tx Tx, w *Webhook, position *int64) error {
	n, err := tx.LockWebhooks(ctx)
	if err != nil {
		return err
	}
	if n >= MaxWebhooks {
		return Invalidf("a tenant has at most %d webhooks, streams among them", MaxWebhooks)
	}
	head, err := tx.EventHead(ctx)
	if err != nil {
		return err
	}
	w.Position = head
	set(&w.Position, position)
	if w.Position < 0 || w.Position > head {
		return Invalidf("position must be from 0 to %d, the number of the newest event", head)
	}
	return tx.InsertWebhook(ctx, *w)
}

func (d *Directory) webhookURL(url string) error {
	if err := d.checkURL(url); err != nil {
		return Invalidf("url %v", err)
	}
	return nil
}

// UpdateWebhook changes a webhook; nothing happens when it is so already.
func (d *Directory) UpdateWebhook(ctx context.Context, call Call, id ID, s WebhookSpec) (w Webhook, err error) {
	if s.URL != nil {
		if err := d.webhookURL(*s.URL); err != nil {
			return w, err
		}
	}
	return d.changeWebhook(ctx, call, id, ActionWebhookUpdated, func(before Webhook) (Webhook, error) {
		w, err := s.apply(before)
		if w.Signing != before.Signing {
			err = Invalidf("signing cannot be changed: make another webhook")
		}
		return w, err
	})
}

// WebhookTester sends one request to a webhook that tells of nothing. The error says why
// it was not sent.
type WebhookTester interface {
	Test(ctx context.Context, w Webhook) (Outcome, error)
}

// TestWebhook sends one request to a webhook that tells of nothing. While it does, the
// caller's credential may end.
func (d *Directory) TestWebhook(ctx context.Context, call Call, id ID) (o Outcome, err error) {
	w, err := d.Webhook(ctx, call, id)
	if err != nil {
		return o, err
	}
	if w.Stream() { // its secret is no key, and its receiver takes tokens only
		return o, Invalidf("this is a stream of security event tokens: its receiver verifies it, under /ssf")
	}
	return d.tester.Test(ctx, w)
}

// RotateWebhookSecret gives a webhook another secret. The one before signs as well
// for as long as overlap says.
func (d *Directory) RotateWebhookSecret(
	ctx context.Context, call Call, id ID, overlap time.Duration,
) (w Webhook, err error) {
	if overlap < 0 || overlap > MaxSecretOverlap {
		return w, Invalidf("overlap_seconds must be from 0 to %d", int64(MaxSecretOverlap/time.Second))
	}
	return d.changeWebhook(ctx, call, id, ActionWebhookRotated, func(w Webhook) (Webhook, error) {
		w.newSecret(d.clock.Now().Add(overlap))
		return w, nil
	})
}

func (d *Directory) changeWebhook(
	ctx context.Context, call Call, id ID, action Action, change func(Webhook) (Webhook, error),
) (w Webhook, err error) {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return w, err
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		before, err := tx.LockWebhook(ctx, id)
		if err != nil {
			return err
		}
		if before.Stream() {
			return Invalidf("this is a stream of security event tokens: its receiver changes it, under /ssf")
		}
		if w, err = change(before); err != nil || reflect.DeepEqual(w, before) {
			return err
		}
		w.UpdatedAt = d.clock.Now()
		if err := writeWebhook(ctx, tx, before, w); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(w.UpdatedAt, action, ID{}, ID{}, before.facts(), w.facts()))
	})
	return w, err
}

// writeWebhook writes a webhook that was changed. What an address asked to be spared
// from does not hold for another one.
func writeWebhook(ctx context.Context, tx WebhookWriter, before, w Webhook) error {
	if err := tx.UpdateWebhook(ctx, w); err != nil || w.URL == before.URL {
		return err
	}
	return tx.WakeDeliveries(ctx, w.ID, w.UpdatedAt)
}

// DeleteWebhook ends a webhook, with what is known of its deliveries.
func (d *Directory) DeleteWebhook(ctx context.Context, call Call, id ID) error {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		w, err := tx.LockWebhook(ctx, id)
		if err != nil {
			return err
		}
		return d.deleteWebhook(ctx, tx, call, w)
	})
}

func (d *Directory) deleteWebhook(ctx context.Context, tx Tx, call Call, w Webhook) error {
	if err := tx.DeleteWebhook(ctx, w.ID); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, call.Event(d.clock.Now(), ActionWebhookDeleted, ID{}, ID{}, w.facts(), nil))
}

// Deliveries lists what became of events at a webhook, the newest first.
func (d *Directory) Deliveries(
	ctx context.Context, call Call, id ID, status DeliveryStatus, below int64, limit int,
) (ds []Delivery, err error) {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return nil, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.Webhook(ctx, id); err != nil {
			return err
		}
		ds, err = r.Deliveries(ctx, id, status, below, limit)
		return err
	})
	return ds, err
}

// Delivery returns what became of one event at a webhook.
func (d *Directory) Delivery(ctx context.Context, call Call, webhook, id ID) (of Delivery, err error) {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return of, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if _, err := r.Webhook(ctx, webhook); err != nil {
			return err
		}
		of, err = r.Delivery(ctx, webhook, id)
		return err
	})
	return of, err
}

// RetryDelivery sends an event to a webhook again, from the beginning of the schedule.
func (d *Directory) RetryDelivery(ctx context.Context, call Call, webhook, id ID) error {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return err
	}
	return d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.LockWebhook(ctx, webhook); err != nil {
			return err
		}
		now := d.clock.Now()
		if err := tx.RetryDelivery(ctx, webhook, id, now); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionWebhookResent, ID{}, ID{}, nil, Facts{
			"webhook_id": webhook, "delivery_id": id, "deliveries": 1,
		}))
	})
}

// maxRecovered bounds one call of RecoverDeliveries.
const maxRecovered = 10_000

// RecoverDeliveries sends what was given up on since a time, and before another
// (zero: whenever), again. It returns how many that are; where they are as many as
// one call takes, there may be more.
func (d *Directory) RecoverDeliveries(
	ctx context.Context, call Call, id ID, since, until time.Time,
) (n int, err error) {
	if err := d.mayWebhooks(ctx, call); err != nil {
		return 0, err
	}
	if !until.IsZero() && !until.After(since) {
		return 0, Invalidf("until must be after since")
	}
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		if _, err := tx.LockWebhook(ctx, id); err != nil {
			return err
		}
		now := d.clock.Now()
		if n, err = tx.RecoverDeliveries(ctx, id, since, until, now, maxRecovered); err != nil || n == 0 {
			return err
		}
		facts := Facts{"webhook_id": id, "since": since, "deliveries": n}
		if !until.IsZero() {
			facts["until"] = until
		}
		return tx.AppendEvents(ctx, call.Event(now, ActionWebhookResent, ID{}, ID{}, nil, facts))
	})
	return n, err
}
