package server

import "github.com/prometheus/client_golang/prometheus"

// sealMetrics tell how the sealing of events goes.
type sealMetrics struct {
	up       prometheus.Gauge
	sealed   prometheus.Counter
	stopped  prometheus.Gauge
	failures prometheus.Counter
	// By anchor:
	anchored, anchorRetries, anchorFailures *prometheus.CounterVec
}

func newSealMetrics() *sealMetrics {
	return &sealMetrics{
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scimbridge_seal_up", Help: "1 if there is a key to seal events with.",
		}),
		sealed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scimbridge_sealed_events_total", Help: "Events that came under a signed checkpoint.",
		}),
		stopped: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scimbridge_seal_stopped_logs",
			Help: "Tenants whose log is not sealed any further, since it was set back or rewritten: see docs/audit.md.",
		}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scimbridge_seal_failures_total", Help: "Times that the log of a tenant could not be sealed.",
		}),
		anchored: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_anchor_checkpoints_total", Help: "Checkpoints that an anchor took.",
		}, []string{"anchor"}),
		anchorRetries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_anchor_retries_total",
			Help: "Checkpoints carried to an anchor after it did not take one of the same log.",
		}, []string{"anchor"}),
		anchorFailures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_anchor_failures_total", Help: "Checkpoints that an anchor did not take.",
		}, []string{"anchor"}),
	}
}

func (m *sealMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.up, m.sealed, m.stopped, m.failures, m.anchored, m.anchorRetries, m.anchorFailures)
}
