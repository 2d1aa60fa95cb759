package server

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// metrics are what /metrics tells. They are one server's own: nothing registers
// itself from elsewhere.
type metrics struct {
	registry     *prometheus.Registry
	requests     *prometheus.CounterVec   // door, method, status
	limited      *prometheus.CounterVec   // door
	refused      *prometheus.CounterVec   // scope
	durations    *prometheus.HistogramVec // door
	opened       *prometheus.CounterVec   // source
	closed       *prometheus.CounterVec   // source
	held         prometheus.Counter
	expiring     *prometheus.CounterVec   // within_days
	transactions *prometheus.HistogramVec // operation, outcome
	storeUp      prometheus.Gauge
	seal         *sealMetrics
	requestLog   *requestMetrics
	webhooks     *webhookMetrics
}

// buckets are in seconds: from an embedded store's lookup to the longest list.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}

func newMetrics(engine, version string) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		seal:     newSealMetrics(), requestLog: newRequestMetrics(),
		webhooks: newWebhookMetrics(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_http_requests_total", Help: "Requests that were answered.",
		}, []string{"door", "method", "status"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_rate_limited_total",
			Help: "Requests that were answered 429: too many of one caller, or failed " +
				"ones of one address.",
		}, []string{"door"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_requests_refused_total",
			Help: "Requests that were refused as too many ran at once: of the caller, its tenant, the server, or " +
				"without a credential.",
		}, []string{"scope"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "scimbridge_http_request_duration_seconds",
			Help:    "Time from the headers of a request to the end of its answer.",
			Buckets: buckets,
		}, []string{"door"}),
		opened: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_grants_opened_total",
			Help: "Grants of membership that were opened, by the source that gave them.",
		}, []string{"source"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_grants_closed_total",
			Help: "Grants of membership that were closed, by the source that had " +
				"given them.",
		}, []string{"source"}),
		held: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "scimbridge_removals_held_total",
			Help: "SCIM requests that the removal guard held; repeated ones count " +
				"again.",
		}),
		expiring: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "scimbridge_token_expiry_warnings_total",
			Help: "Warnings of tokens in use that expire within so many days; at most one a day for each token.",
		}, []string{"within_days"}),
		transactions: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "scimbridge_store_operation_duration_seconds",
			Help: "Time of the store's operations, retries included; view and update include what runs inside them, " +
				"such as streaming an answer. Outcome refused: the domain said no.",
			Buckets: buckets,
		}, []string{"operation", "outcome"}),
		storeUp: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "scimbridge_store_up", Help: "1 if the store answers and is migrated.",
			ConstLabels: prometheus.Labels{"engine": engine},
		}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "scimbridge_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.limited, m.refused, m.durations, m.opened, m.closed, m.held, m.expiring,
		m.transactions, m.storeUp, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.seal.register(m.registry)
	m.requestLog.register(m.registry)
	m.webhooks.register(m.registry)
	for _, s := range []membership.Source{membership.SourceLocal, membership.SourceSCIM} {
		m.GrantsChanged(s, 0, 0) // rates need a zero to begin with
	}
	for _, door := range []string{doorSCIM, doorNative, doorOAuth, doorConsole} {
		m.limited.WithLabelValues(door)
	}
	for _, scope := range auth.Scopes {
		m.refused.WithLabelValues(scope)
	}
	for _, days := range auth.WarningDays {
		m.expiring.WithLabelValues(strconv.Itoa(days))
	}
	return m
}

// page answers scrapes; each asks whether the store is ready.
func (m *metrics) page(ready func(context.Context) error) http.HandlerFunc {
	show := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if ready(ctx) == nil {
			m.storeUp.Set(1)
		} else {
			m.storeUp.Set(0)
		}
		show.ServeHTTP(w, r)
	}
}

// request counts one request. Status 0 is an answer that never began.
func (m *metrics) request(door, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(door, methodLabel(method), strconv.Itoa(status)).Inc()
	m.durations.WithLabelValues(door).Observe(took.Seconds())
	if status == http.StatusTooManyRequests {
		m.limited.WithLabelValues(door).Inc()
	}
}

// requestRefused counts a request that found no room in a scope.
func (m *metrics) requestRefused(scope string) { m.refused.WithLabelValues(scope).Inc() }

// GrantsChanged implements membership.Observer.
func (m *metrics) GrantsChanged(source membership.Source, opened, closed int) {
	m.opened.WithLabelValues(string(source)).Add(float64(opened))
	m.closed.WithLabelValues(string(source)).Add(float64(closed))
}

// RemovalHeld implements membership.Observer.
func (m *metrics) RemovalHeld() { m.held.Inc() }

// TokenExpiring implements auth.Observer.
func (m *metrics) TokenExpiring(withinDays int) {
	m.expiring.WithLabelValues(strconv.Itoa(withinDays)).Inc()
}

// methodLabel keeps callers from making up time series.
func methodLabel(method string) string {
	if slices.Contains([]string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions,
	}, method) {
		return method
	}
	return "other"
}
