package db

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// WebhookWork is a webhook that one server holds, with what is to be tried again now.
type WebhookWork struct {
	membership.Webhook
	Due      []membership.Delivery
	Retrying int // in all
}

// WebhookStep is what a server did for a webhook that it holds.
type WebhookStep struct {
	Webhook membership.Webhook // with its new position and state
	Done    []membership.Delivery
	Event   *membership.Event
	// Until it is let alone, if nobody wakes it; a time that has passed: not at all.
	Until time.Time
}

// WebhookRef names a webhook among those of all tenants.
type WebhookRef struct{ Tenant, ID membership.ID }

const (
	qWebhooksDue = `select w.tenant_id, w.id from webhooks w left join event_heads h on h.tenant_id = w.tenant_id
		where w.state in ('active', 'enabled') and w.url <> '' and (w.signing <> 'set' or $2)
			and (w.held_until is null or w.held_until <= $1)
			and (w.paused_until is null or w.paused_until <= $1)
			and (w.next_at <= $1 or (w.next_at is null or not w.ordered) and (coalesce(h.number, 0) > w.position
				or exists (select 1 from events e {index events_waiting}
					where e.tenant_id = w.tenant_id and e.number is null and e.position > 0)))
		order by w.tenant_id, w.id`
	qHoldWebhook = `update webhooks set holder = $3, held_until = $4
		where tenant_id = $1 and id = $2 and state in ('active', 'enabled')
			and (held_until is null or held_until <= $5)
			and (paused_until is null or paused_until <= $5)`
	qRenewWebhook = `update webhooks set held_until = $4
		where tenant_id = $1 and id = $2 and holder = $3 and held_until is not null
			and state in ('active', 'enabled')`
	qRetryingOf = `select count(*)` + ofWebhook + ` and d.next_at is not null`
	qWriteTried = `insert into webhook_deliveries
			(tenant_id, webhook_id, number, id, action, status, attempts, http_status, problem, at, next_at, taken,
			duration_us, earlier)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
		on conflict (tenant_id, webhook_id, number) do update set status = excluded.status,
			attempts = excluded.attempts, http_status = excluded.http_status, problem = excluded.problem,
			at = excluded.at, next_at = excluded.next_at, taken = excluded.taken,
			duration_us = excluded.duration_us, earlier = excluded.earlier`
	qFinishWebhook = `update webhooks set position = $4, failing_from = $5, held_until = null, paused_until = $6,
			state = case when $7 in ('disabled', 'paused') then $7 else state end,
			why = case when $7 in ('disabled', 'paused') then $8 else why end,
			next_at = (select min(d.next_at) from webhook_deliveries d
				where d.tenant_id = $1 and d.webhook_id = $2 and d.next_at is not null)
		where tenant_id = $1 and id = $2 and holder = $3`
	qDropDeliveries = `delete from webhook_deliveries where tenant_id = $1 and webhook_id = $2 and number in (
		select o.number from (select d.number, d.at, d.next_at` + ofWebhook + ` order by d.number limit $4) o
		where o.at < $3 and o.next_at is null)`
)

// WebhooksDue lists the webhooks of all tenants that have something to be sent and that
// no server holds, with the streams among them or without.
func (s *Store) WebhooksDue(ctx context.Context, now time.Time, streams bool) (ws []WebhookRef, err error) {
	err = s.acrossTenants(ctx, func(s *session) error {
		ws, err = list(ctx, s, qWebhooksDue, []any{stamp(now), streams}, webhookRefRow)
		return err
	})
	return ws, err
}

// HoldWebhook makes a server the one that sends to a webhook, until a time; held says
// whether it is.
func (s *Store) HoldWebhook(
	ctx context.Context, tenant, id membership.ID, holder string, now, until time.Time, limit int,
) (w WebhookWork, held bool, err error) {
	err = s.update(ctx, tenant, func(s *session) error {
		n, err := s.exec(ctx, qHoldWebhook, tenant, id, holder, stamp(until), stamp(now))
		if held = err == nil && n > 0; !held {
			return err
		}
		if w.Webhook, err = s.Webhook(ctx, id); err != nil {
			return err
		}
		if err := s.one(ctx, "webhook", qRetryingOf, []any{tenant, id}, &w.Retrying); err != nil || w.Retrying == 0 {
			return err
		}
		w.Due, err = list(ctx, s, qDueDeliveries, []any{tenant, id, stamp(now), limit}, deliveryRow)
		return err
	})
	return w, held, err
}

// RenewWebhook extends the hold of a server on a webhook; held says whether it has it
// still, and the webhook is not disabled.
func (s *Store) RenewWebhook(
	ctx context.Context, tenant, id membership.ID, holder string, until time.Time,
) (held bool, err error) {
	err = s.update(ctx, tenant, func(s *session) error {
		n, err := s.exec(ctx, qRenewWebhook, tenant, id, holder, stamp(until))
		held = n > 0
		return err
	})
	return held, err
}

// FinishWebhook writes what a server did. held is false, and nothing is written, if it
// does not hold the webhook any more: then another one has sent the same.
func (s *Store) FinishWebhook(ctx context.Context, holder string, step WebhookStep) (held bool, err error) {
	w := step.Webhook
	err = s.update(ctx, w.Tenant, func(s *session) error {
		held = false
		var has membership.Webhook
		if has, err = s.LockWebhook(ctx, w.ID); err != nil {
			return err
		}
		until, done := step.Until, step.Done
		if has.URL != w.URL { // the new one has not asked for it
			until, done = time.Time{}, slices.Clone(done)
			for i := range done {
				if !done[i].NextAt.IsZero() {
					done[i].NextAt = done[i].At
				}
			}
		}
		if err := s.writeTried(ctx, w.ID, done); err != nil {
			return err
		}
		n, err := s.exec(ctx, qFinishWebhook, w.Tenant, w.ID, holder, w.Position, stamp(w.FailingFrom),
			stamp(until), string(w.State), w.Why)
		if err != nil {
			return err
		}
		if n == 0 {
			return errNotHeld
		}
		held = true
		if step.Event != nil && has.State.Live() {
			return s.AppendEvents(ctx, *step.Event)
		}
		return nil
	})
	if err == errNotHeld || membership.KindOf(err) == membership.KindNotFound { //nolint:errorlint // it is that one
		return false, nil
	}
	return held && err == nil, err
}

func (s *session) writeTried(ctx context.Context, webhook membership.ID, ds []membership.Delivery) error {
	if len(ds) == 0 {
		return nil
	}
	rows := make([][]any, len(ds))
	for i, d := range ds {
		rows[i] = []any{
			s.tenant, webhook, d.Number, d.ID, string(d.Action), string(d.Status), d.Attempts, d.HTTP, d.Problem,
			stamp(d.At), stamp(d.NextAt), d.Taken, d.Took.Microseconds(), attemptTexts(d.Earlier),
		}
	}
	return s.execEach(ctx, qWriteTried, rows)
}

// errNotHeld rolls back what a server wrote for a webhook that another one holds.
var errNotHeld error = &membership.Error{Kind: membership.KindGone, Message: "another server holds the webhook"}

// DropDeliveries forgets what became of events before a time. It looks at limit of them
// at most, the first ones.
func (s *Store) DropDeliveries(
	ctx context.Context, tenant, webhook membership.ID, before time.Time, limit int,
) (n int64, err error) {
	err = s.update(ctx, tenant, func(s *session) error {
		n, err = s.exec(ctx, qDropDeliveries, tenant, webhook, stamp(before), limit)
		return err
	})
	return n, err
}
