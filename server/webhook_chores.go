package server

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	// tidyEvery is how often old deliveries are forgotten, tidyBatch of a webhook in
	// one step; measureEvery how often the metrics are set.
	tidyEvery, tidyBatch = 10 * time.Minute, 1000
	measureEvery         = 30 * time.Second
	// choreRest bounds both to a twentieth of the time, however many webhooks there are.
	choreRest = 20
)

// tidy forgets what became of events long ago.
func (h *Webhooks) tidy(ctx context.Context) error {
	all, err := h.store.AllWebhooks(ctx)
	for _, w := range all {
		if err != nil {
			break
		}
		for n := int64(tidyBatch); err == nil && n == tidyBatch; {
			n, err = h.store.DropDeliveries(ctx, w.Tenant, w.ID, h.now().Add(-membership.DeliveryLife), tidyBatch)
		}
	}
	return err
}

// measure sets the metrics of each webhook, with one query of each tenant that has some.
func (h *Webhooks) measure(ctx context.Context) error {
	webhooks, err := h.store.AllWebhooks(ctx)
	if err != nil {
		return err
	}
	var all []db.WebhookStats
	for i, w := range webhooks {
		if i > 0 && webhooks[i-1].Tenant == w.Tenant {
			continue
		}
		stats, err := h.store.WebhookStats(ctx, w.Tenant)
		if err != nil {
			return err
		}
		all = append(all, stats...)
	}
	h.metrics.behind.set(all, h.now())
	return nil
}
