package server

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

const (
	// deliverEvery is how soon a committed event is sent for the first time.
	deliverEvery = 250 * time.Millisecond
	// leaseTime is how long a server that died keeps others from its webhooks. One that
	// lives renews it, several times while it lasts.
	leaseTime = 15 * time.Second
	batchTime = 20 * time.Second
	// deliverBatch is how many events are read at once; tryBatch how many are tried
	// again.
	deliverBatch = 500
	tryBatch     = 100
	// abreast is how many requests to one webhook run at once, if it is not ordered.
	abreast = 16
	// maxRetrying is how many deliveries of one webhook wait to be tried again: with
	// more of them it is told of nothing new.
	maxRetrying = 1000
	// afterFailure is for how long a webhook is let alone that failed in all of a batch,
	// maxWait the longest that its receiver can ask for.
	afterFailure, maxWait = 5 * time.Second, time.Hour
	// maxDelivering is how many webhooks are sent to at once; a tenant gets no more of
	// them than are left for others.
	maxDelivering = 256
)

// Webhooks tells webhooks of events, in the background. Several servers may run one on
// one store: a webhook is one server's at a time.
type Webhooks struct {
	store   *db.Store
	client  *http.Client
	holder  string
	now     membership.Clock
	log     *zap.Logger
	metrics *webhookMetrics
	tokens  api.EventTokens // nil: nothing is sent to streams
	every   time.Duration   // deliverEvery
	lease   time.Duration   // leaseTime

	mu      sync.Mutex
	running map[db.WebhookRef]bool // by tenant and id
	tenants map[membership.ID]int
	group   sync.WaitGroup
}

func newWebhooks(
	store *db.Store, guard *outbound.Guard, tokens api.EventTokens, m *webhookMetrics, log *zap.Logger,
) *Webhooks {
	return &Webhooks{
		tokens: tokens,
		store:  store, client: guard.Client(sendTimeout, 0), holder: membership.NewID().String(), now: time.Now,
		log: log, metrics: m, every: deliverEvery, lease: leaseTime,
		running: map[db.WebhookRef]bool{}, tenants: map[membership.ID]int{},
	}
}

// Run delivers until ctx ends. What it has begun to send then is cut off, and sent
// again by the next server.
func (h *Webhooks) Run(ctx context.Context) {
	h.group.Go(func() { h.repeat(ctx, h.every, 0, h.look) })
	h.group.Go(func() { h.repeat(ctx, tidyEvery, choreRest, h.tidy) })
	h.group.Go(func() { h.repeat(ctx, measureEvery, choreRest, h.measure) })
	h.group.Wait()
}

// repeat does something again and again. The pause in between is at least rest times as
// long as it took.
func (h *Webhooks) repeat(ctx context.Context, every time.Duration, rest int, do func(context.Context) error) {
	for pause := every; ; {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		began := time.Now()
		if err := do(ctx); err != nil && ctx.Err() == nil {
			h.log.Warn("webhooks cannot be looked after now", zap.Error(err))
		}
		pause = max(every, time.Duration(rest)*time.Since(began))
	}
}

// look begins with every webhook that has something to be sent, as far as there is room.
func (h *Webhooks) look(ctx context.Context) error {
	due, err := h.store.WebhooksDue(ctx, h.now(), h.tokens != nil)
	for _, w := range due {
		if h.enter(w) {
			h.group.Go(func() {
				defer h.leave(w)
				if err := h.work(ctx, w); err != nil && ctx.Err() == nil {
					h.log.Warn("a webhook cannot be looked after now", zap.Stringer("tenant_id", w.Tenant),
						zap.Stringer("webhook_id", w.ID), zap.Error(err))
				}
			})
		}
	}
	return err
}

func (h *Webhooks) enter(w db.WebhookRef) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	free := maxDelivering - len(h.running)
	if h.running[w] || free <= 0 || h.tenants[w.Tenant] >= free {
		return false
	}
	h.running[w] = true
	h.tenants[w.Tenant]++
	return true
}

func (h *Webhooks) leave(w db.WebhookRef) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.running, w)
	if h.tenants[w.Tenant]--; h.tenants[w.Tenant] == 0 {
		delete(h.tenants, w.Tenant)
	}
}

// work sends to a webhook, batch by batch, until there is nothing more.
func (h *Webhooks) work(ctx context.Context, of db.WebhookRef) error {
	for more := true; more && ctx.Err() == nil; {
		if err := h.number(ctx, of.Tenant); err != nil {
			return err
		}
		now := h.now()
		w, held, err := h.store.HoldWebhook(ctx, of.Tenant, of.ID, h.holder, now, now.Add(h.lease), tryBatch)
		if err != nil || !held {
			return err
		}
		b := &webhookBatch{of: h, work: w, began: now}
		err = h.holding(ctx, of, b.run)
		// What was sent is written, also if the server stops.
		finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		held, ferr := h.store.FinishWebhook(finish, h.holder, b.step())
		cancel()
		if err != nil || ferr != nil || !held {
			return firstOf(err, ferr)
		}
		h.count(b)
		more = b.more
	}
	return nil
}

// holding does something while it renews the lease of a webhook. When that is lost, or
// the webhook is disabled, it is cut off.
func (h *Webhooks) holding(ctx context.Context, w db.WebhookRef, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	defer renewing.Wait()
	defer cancel()
	renewing.Go(func() {
		for tick := time.Tick(h.lease / 3); ; {
			select {
			case <-ctx.Done():
				return
			case <-tick:
			}
			held, err := h.store.RenewWebhook(ctx, w.Tenant, w.ID, h.holder, h.now().Add(h.lease))
			if err == nil && !held {
				cancel()
			}
		}
	})
	return do(ctx)
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// number numbers what was committed just now, so that it need not wait for the sealer.
func (h *Webhooks) number(ctx context.Context, tenant membership.ID) error {
	pending := false
	err := h.store.Read(ctx, tenant, func(r membership.Reader) (err error) {
		pending, err = r.EventsPending(ctx)
		return err
	})
	if err != nil || !pending {
		return err
	}
	return h.store.Update(ctx, tenant, func(tx membership.Tx) error {
		_, err := tx.NumberEvents(ctx, numberBatch)
		return err
	})
}

func (h *Webhooks) count(b *webhookBatch) {
	for _, d := range b.done {
		if d.Status == membership.DeliveryDone {
			h.metrics.attempts.WithLabelValues("delivered").Inc()
			continue
		}
		h.metrics.attempts.WithLabelValues("failed").Inc()
		if d.Status == membership.DeliveryDead {
			h.metrics.parked.Inc()
		}
	}
	if b.why != "" {
		h.metrics.disabled.Inc()
	}
}

// Test implements membership.WebhookTester.
func (h *Webhooks) Test(ctx context.Context, w membership.Webhook) (o membership.Outcome, err error) {
	if err := auth.Wait(ctx); err != nil { // the receiver may be slow
		return o, err
	}
	now := h.now()
	body := messageOf(membership.Event{Action: "webhook.test", At: now})
	return sendWebhook(ctx, h.client, w, membership.NewID().String(), now, body), nil
}

func jitter() float64 { return rand.Float64() } //nolint:gosec // no secret
