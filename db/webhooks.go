package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	webhookColumns = `w.id, w.url, w.signing, w.secret, w.old_secret, w.old_until, w.events,
		w.connection_ids, w.group_ids, w.ordered, w.state, w.why, w.position, w.failing_from,
		w.created_at, w.updated_at, w.requested, w.description, w.verified_at, w.owner`
	qWebhooks      = `select ` + webhookColumns + ` from webhooks w where w.tenant_id = $1 order by w.id`
	qWebhook       = `select ` + webhookColumns + ` from webhooks w where w.tenant_id = $1 and w.id = $2`
	qLockWebhook   = qWebhook + ` {for update}`
	qCountWebhooks = `select count(*) from webhooks where tenant_id = $1`
	qInsertWebhook = `insert into webhooks (tenant_id, id, url, signing, secret, old_secret, old_until, events,
			connection_ids, group_ids, ordered, state, why, failing_from, updated_at, requested, description,
			verified_at, position, created_at, owner)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`
	qUpdateWebhook = `update webhooks set url = $3, signing = $4, secret = $5, old_secret = $6, old_until = $7,
			events = $8, connection_ids = $9, group_ids = $10, ordered = $11, state = $12, why = $13,
			failing_from = $14, updated_at = $15, requested = $16, description = $17, verified_at = $18,
			paused_until = null
		where tenant_id = $1 and id = $2`
	qDeleteWebhook    = `delete from webhooks where tenant_id = $1 and id = $2`
	qDeleteDeliveries = `delete from webhook_deliveries where tenant_id = $1 and webhook_id = $2`
)

func webhookRow(s *session) func(w *membership.Webhook) []any {
	return func(w *membership.Webhook) []any {
		w.Tenant = s.tenant
		return []any{
			&w.ID, &w.URL, (*string)(&w.Signing), &w.Secret, &w.OldSecret, (*stamp)(&w.OldUntil),
			jsonInto[membership.Action]{&w.Events}, jsonInto[membership.ID]{&w.Connections},
			jsonInto[membership.ID]{&w.Groups},
			&w.Ordered, (*string)(&w.State), &w.Why, &w.Position, (*stamp)(&w.FailingFrom),
			(*stamp)(&w.CreatedAt), (*stamp)(&w.UpdatedAt),
			jsonInto[membership.SignalType]{&w.Requested}, &w.Description, (*stamp)(&w.VerifiedAt), &w.Owner,
		}
	}
}

// Webhooks implements membership.Reader.
func (s *session) Webhooks(ctx context.Context) ([]membership.Webhook, error) {
	return list(ctx, s, qWebhooks, []any{s.tenant}, webhookRow(s))
}

// Webhook implements membership.Reader.
func (s *session) Webhook(ctx context.Context, id membership.ID) (w membership.Webhook, err error) {
	err = s.one(ctx, "webhook", qWebhook, []any{s.tenant, id}, webhookRow(s)(&w)...)
	return w, err
}

// LockWebhook implements membership.Tx.
func (s *session) LockWebhook(ctx context.Context, id membership.ID) (w membership.Webhook, err error) {
	err = s.one(ctx, "webhook", qLockWebhook, []any{s.tenant, id}, webhookRow(s)(&w)...)
	return w, err
}

// LockWebhooks implements membership.Tx.
func (s *session) LockWebhooks(ctx context.Context) (n int, err error) {
	var version int64
	if err := s.one(ctx, "tenant", qLockIssuers, []any{s.tenant}, &version); err != nil {
		return 0, err
	}
	err = s.one(ctx, "tenant", qCountWebhooks, []any{s.tenant}, &n)
	return n, err
}

func webhookArguments(tenant membership.ID, w membership.Webhook) []any {
	secret, old := w.Secret, w.OldSecret
	if secret == nil {
		secret = []byte{}
	}
	if old == nil {
		old = []byte{}
	}
	return []any{
		tenant, w.ID, w.URL, string(w.Signing), secret, old, stamp(w.OldUntil), jsonList(w.Events),
		jsonList(w.Connections), jsonList(w.Groups), w.Ordered, string(w.State), w.Why,
		stamp(w.FailingFrom), stamp(w.UpdatedAt), jsonList(w.Requested), w.Description, stamp(w.VerifiedAt),
	}
}

// InsertWebhook implements membership.Tx.
func (s *session) InsertWebhook(ctx context.Context, w membership.Webhook) error {
	_, err := s.exec(ctx, qInsertWebhook,
		append(webhookArguments(s.tenant, w), w.Position, stamp(w.CreatedAt), w.Owner)...)
	return err
}

// UpdateWebhook implements membership.Tx.
func (s *session) UpdateWebhook(ctx context.Context, w membership.Webhook) error {
	return s.changed(ctx, "webhook", qUpdateWebhook, webhookArguments(s.tenant, w)...)
}

// DeleteWebhook implements membership.Tx.
func (s *session) DeleteWebhook(ctx context.Context, id membership.ID) error {
	if _, err := s.exec(ctx, qDeleteDeliveries, s.tenant, id); err != nil {
		return err
	}
	return s.changed(ctx, "webhook", qDeleteWebhook, s.tenant, id)
}

const (
	deliveryColumns = `d.webhook_id, d.number, d.id, d.action, d.status, d.attempts, d.http_status,
		d.problem, d.at, d.next_at, d.taken, d.duration_us, d.earlier`
	ofWebhook     = ` from webhook_deliveries d where d.tenant_id = $1 and d.webhook_id = $2`
	qDeliveries   = `select ` + deliveryColumns + ofWebhook + ` and d.number < $3 order by d.number desc limit $4`
	qDeliveriesOf = `select ` + deliveryColumns + ofWebhook +
		` and d.number < $3 and d.status = $5 order by d.number desc limit $4`
	qDelivery      = `select ` + deliveryColumns + ofWebhook + ` and d.id = $3`
	qDueDeliveries = `select ` + deliveryColumns + ofWebhook + ` and d.next_at <= $3 order by d.number limit $4`
	qRetryDelivery = `update webhook_deliveries set status = 'retrying', attempts = 0, next_at = $4, taken = 0
		where tenant_id = $1 and webhook_id = $2 and id = $3`
	qRecoverDeliveries = `update webhook_deliveries set status = 'retrying', attempts = 0, next_at = $4, taken = 0
		where tenant_id = $1 and webhook_id = $2 and number in (select d.number` + ofWebhook + `
			and d.status = 'dead' and d.at >= $3 and d.at < $6 order by d.number limit $5)`
	qWakeDeliveries = `update webhook_deliveries set next_at = $3
		where tenant_id = $1 and webhook_id = $2 and next_at > $3`
	qWakeWebhook   = `update webhooks set paused_until = null where tenant_id = $1 and id = $2`
	qWebhookDueNow = `update webhooks set next_at = $3, paused_until = null where tenant_id = $1 and id = $2`
)

// endOfNumbers is above the number of any event.
const endOfNumbers = 1<<63 - 1

func deliveryRow(d *membership.Delivery) []any {
	return []any{
		&d.Webhook, &d.Number, &d.ID, (*string)(&d.Action), (*string)(&d.Status), &d.Attempts, &d.HTTP, &d.Problem,
		(*stamp)(&d.At), (*stamp)(&d.NextAt), &d.Taken, (*elapsed)(&d.Took), attemptsInto{&d.Earlier},
	}
}

// Deliveries implements membership.Reader.
func (s *session) Deliveries(
	ctx context.Context, webhook membership.ID, status membership.DeliveryStatus, below int64, limit int,
) ([]membership.Delivery, error) {
	if below == 0 {
		below = endOfNumbers
	}
	if status == "" {
		return list(ctx, s, qDeliveries, []any{s.tenant, webhook, below, limit}, deliveryRow)
	}
	return list(ctx, s, qDeliveriesOf, []any{s.tenant, webhook, below, limit, string(status)}, deliveryRow)
}

// Delivery implements membership.Reader.
func (s *session) Delivery(ctx context.Context, webhook, id membership.ID) (d membership.Delivery, err error) {
	err = s.one(ctx, "delivery", qDelivery, []any{s.tenant, webhook, id}, deliveryRow(&d)...)
	return d, err
}

// RetryDelivery implements membership.Tx.
func (s *session) RetryDelivery(ctx context.Context, webhook, id membership.ID, now time.Time) error {
	if err := s.changed(ctx, "delivery", qRetryDelivery, s.tenant, webhook, id, stamp(now)); err != nil {
		return err
	}
	return s.changed(ctx, "webhook", qWebhookDueNow, s.tenant, webhook, stamp(now))
}

// RecoverDeliveries implements membership.Tx.
func (s *session) RecoverDeliveries(
	ctx context.Context, webhook membership.ID, since, until, now time.Time, limit int,
) (int, error) {
	if until.IsZero() {
		until = endOfTime
	}
	n, err := s.exec(ctx, qRecoverDeliveries, s.tenant, webhook, stamp(since), stamp(now), limit, stamp(until))
	switch {
	case err != nil:
		return 0, err
	case n == 0:
		return 0, s.changed(ctx, "webhook", qWakeWebhook, s.tenant, webhook)
	}
	return int(n), s.changed(ctx, "webhook", qWebhookDueNow, s.tenant, webhook, stamp(now))
}

// WakeDeliveries implements membership.Tx.
func (s *session) WakeDeliveries(ctx context.Context, webhook membership.ID, now time.Time) error {
	n, err := s.exec(ctx, qWakeDeliveries, s.tenant, webhook, stamp(now))
	if err != nil || n == 0 {
		return err
	}
	return s.changed(ctx, "webhook", qWebhookDueNow, s.tenant, webhook, stamp(now))
}
