package server

import "github.com/prometheus/client_golang/prometheus"

// requestMetrics tell how the request log goes.
type requestMetrics struct {
	up      prometheus.Gauge
	written prometheus.Counter
	dropped prometheus.Counter
	heard   *connectionsHeard
}

func newRequestMetrics() *requestMetrics {
	return &requestMetrics{
		heard: newConnectionsHeard(),
		up: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scimbridge_request_log_up", Help: "1 if requests are kept in the request log.",
		}),
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scimbridge_request_log_written_total", Help: "Rows that were written to the request log.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scimbridge_request_log_dropped_total",
			Help: "Requests that are not in the request log, as it was full, slow or could not be written.",
		}),
	}
}

func (m *requestMetrics) register(r *prometheus.Registry) {
	r.MustRegister(m.up, m.written, m.dropped, m.heard)
}
