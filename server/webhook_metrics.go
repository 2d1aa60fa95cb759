package server

import "github.com/prometheus/client_golang/prometheus"

// webhookMetrics tell how the delivery of events to webhooks goes.
type webhookMetrics struct {
	attempts *prometheus.CounterVec // outcome
	parked   prometheus.Counter
	disabled prometheus.Counter
	pending  *prometheus.GaugeVec // webhook_id
	failing  *prometheus.GaugeVec // webhook_id
}

func newWebhookMetrics() *webhookMetrics {
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"webhook_id"})
	}
	return &webhookMetrics{
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
		pending: gauge("scimbridge_webhook_pending_events",
			"Events that a webhook was not told of yet; of the first 1,000 webhooks."),
		failing: gauge("scimbridge_webhook_failing_seconds",
			"How long a webhook has failed without a success; 0: it has not."),
	}
}

func (m *webhookMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.attempts, m.parked, m.disabled, m.pending, m.failing)
}
