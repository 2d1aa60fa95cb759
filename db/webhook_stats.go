package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// WebhookStats is how far a webhook is behind.
type WebhookStats struct {
	WebhookRef
	Pending int64     // events that it was not told of yet; of a disabled one none
	Oldest  time.Time // when the first of them happened; zero: there is none
	Parked  int64     // dead deliveries
	Failing time.Time // zero: the last attempt succeeded
}

const (
	qAllWebhooks = `select w.tenant_id, w.id from webhooks w order by w.tenant_id, w.id`

	// What is tried again is before what was never tried. Each part looks up a few keys
	// of an index: the log is not read.
	qWebhookStats = `select x.id, x.fresh + x.retrying, x.parked, x.failing_from, coalesce((select {fact e.body at}
			from events e {index events_by_number} where e.tenant_id = $1 and e.number = x.oldest), '')
		from (select w.id, w.failing_from,
			case when w.state in ('active', 'enabled') then coalesce(h.number, 0) - w.position else 0 end as fresh,
			case when w.state in ('active', 'enabled') then (select count(*) from webhook_deliveries d
				where d.tenant_id = $1 and d.webhook_id = w.id and d.status = 'retrying') else 0 end as retrying,
			(select count(*) from webhook_deliveries d
				where d.tenant_id = $1 and d.webhook_id = w.id and d.status = 'dead') as parked,
			case when w.state in ('active', 'enabled') then coalesce((select min(d.number)
				from webhook_deliveries d
				where d.tenant_id = $1 and d.webhook_id = w.id and d.status = 'retrying'), w.position + 1) end as oldest
			from webhooks w left join event_heads h on h.tenant_id = $1 where w.tenant_id = $1) x order by x.id`
)

// AllWebhooks lists those of all tenants, by tenant and id.
func (s *Store) AllWebhooks(ctx context.Context) (ws []WebhookRef, err error) {
	err = s.acrossTenants(ctx, func(s *session) error {
		ws, err = list(ctx, s, qAllWebhooks, nil, webhookRefRow)
		return err
	})
	return ws, err
}

func webhookRefRow(w *WebhookRef) []any { return []any{&w.Tenant, &w.ID} }

// WebhookStats says how far the webhooks of a tenant are behind, by id.
func (s *Store) WebhookStats(ctx context.Context, tenant membership.ID) (all []WebhookStats, err error) {
	type row struct {
		WebhookStats
		oldest string
	}
	var rows []row
	err = s.read(ctx, tenant, func(s *session) error {
		rows, err = list(ctx, s, qWebhookStats, []any{tenant}, func(r *row) []any {
			return []any{&r.ID, &r.Pending, &r.Parked, (*stamp)(&r.Failing), &r.oldest}
		})
		return err
	})
	for _, r := range rows {
		r.Tenant = tenant
		if r.oldest != "" {
			if r.Oldest, err = time.Parse(eventTime, r.oldest); err != nil {
				return nil, err
			}
		}
		all = append(all, r.WebhookStats)
	}
	return all, err
}
