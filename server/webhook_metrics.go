package server

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scimbridge/scimbridge/db"
)

// webhookMetrics tell how the delivery of events to webhooks goes.
type webhookMetrics struct {
	attempts *prometheus.CounterVec // outcome
	parked   prometheus.Counter
	disabled prometheus.Counter
	behind   *webhooksBehind
}

func newWebhookMetrics() *webhookMetrics {
	m := &webhookMetrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_webhook_attempts_total", Help: "Attempts to deliver an event to a webhook.",
		}, []string{"outcome"}),
		parked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scimbridge_webhook_parked_total", Help: "Deliveries that were given up on.",
		}),
		disabled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scimbridge_webhook_disabled_total",
			Help: "Webhooks that were disabled as their receiver failed or wanted no more.",
		}),
		behind: newWebhooksBehind(),
	}
	for _, outcome := range []string{"delivered", "failed"} {
		m.attempts.WithLabelValues(outcome) // rates need a zero to begin with
	}
	return m
}

func (m *webhookMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.attempts, m.parked, m.disabled, m.behind)
}

const (
	// measuredWebhooks have series of their own, the oldest tenants first; the others
	// share those of otherWebhooks.
	measuredWebhooks = 1000
	otherWebhooks    = "other"
)

// webhooksBehind has the metrics of each webhook.
type webhooksBehind struct {
	mu  sync.Mutex // a scrape sees all of one measurement
	own int        // webhooks with series of their own

	pending, oldest, parked, failing *prometheus.GaugeVec // webhook_id
}

func newWebhooksBehind() *webhooksBehind {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"webhook_id"})
	}
	return &webhooksBehind{
		own: measuredWebhooks,
		pending: gauge("scimbridge_webhook_pending_events",
			"Events that a webhook was not told of yet; other: the sum of those beyond the first 1,000 webhooks."),
		oldest: gauge("scimbridge_webhook_oldest_pending_seconds",
			"Age of the first event that a webhook was not told of yet; other: the greatest."),
		parked: gauge("scimbridge_webhook_parked_deliveries",
			"Deliveries that were given up on in the last 30 days and not sent again; other: the sum."),
		failing: gauge("scimbridge_webhook_failing_seconds",
			"How long a webhook has failed without a success; 0: it has not; other: the longest."),
	}
}

func (b *webhooksBehind) gauges() []*prometheus.GaugeVec {
	return []*prometheus.GaugeVec{b.pending, b.oldest, b.parked, b.failing}
}

// Describe implements prometheus.Collector.
func (b *webhooksBehind) Describe(to chan<- *prometheus.Desc) {
	for _, g := range b.gauges() {
		g.Describe(to)
	}
}

// Collect implements prometheus.Collector.
func (b *webhooksBehind) Collect(to chan<- prometheus.Metric) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.gauges() {
		g.Collect(to)
	}
}

// set replaces all by what was measured.
func (b *webhooksBehind) set(all []db.WebhookStats, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.gauges() {
		g.Reset()
	}
	age := func(since time.Time) float64 {
		if since.IsZero() {
			return 0
		}
		return max(now.Sub(since).Seconds(), 0)
	}
	var pending, oldest, parked, failing float64 // of those that have no series of their own
	for i, w := range all {
		label := w.ID.String()
		p, o, d, f := float64(w.Pending), age(w.Oldest), float64(w.Parked), age(w.Failing)
		if i >= b.own {
			label = otherWebhooks
			pending, parked, oldest, failing = pending+p, parked+d, max(oldest, o), max(failing, f)
			p, o, d, f = pending, oldest, parked, failing
		}
		b.pending.WithLabelValues(label).Set(p)
		b.oldest.WithLabelValues(label).Set(o)
		b.parked.WithLabelValues(label).Set(d)
		b.failing.WithLabelValues(label).Set(f)
	}
}
