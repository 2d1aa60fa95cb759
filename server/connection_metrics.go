package server

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// measuredConnections have series of their own, those first that were heard of first;
	// the others share that of otherConnections.
	measuredConnections = 1000
	otherConnections    = "other"
	// maxOtherConnections bounds those that are counted.
	maxOtherConnections = 100_000
)

// connectionsHeard has the metric of when each connection was last heard of.
type connectionsHeard struct {
	mu    sync.Mutex
	own   int // connections with series of their own
	times map[heardKey]time.Time
	other map[heardKey]time.Time

	last, count *prometheus.Desc
}

type heardKey struct{ tenant, connection membership.ID }

func newConnectionsHeard() *connectionsHeard {
	return &connectionsHeard{
		own: measuredConnections, times: map[heardKey]time.Time{}, other: map[heardKey]time.Time{},
		last: prometheus.NewDesc("scimbridge_connection_last_request_timestamp_seconds",
			"When a connection was last heard of, refused requests too; other: the latest of those beyond "+
				"the first 1,000.",
			[]string{"tenant_id", "connection_id"}, nil),
		count: prometheus.NewDesc("scimbridge_connections_heard",
			"Connections that were heard of in the last 30 days: with a series of their own, and without.",
			[]string{"series"}, nil),
	}
}

// heard takes note of a request.
func (c *connectionsHeard) heard(tenant, connection membership.ID, at time.Time) {
	if connection.IsZero() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key, times := heardKey{tenant, connection}, c.times
	if _, own := times[key]; !own && len(times) >= c.own {
		times = c.other
	}
	if was, known := times[key]; (known || len(times) < maxOtherConnections) && at.After(was) {
		times[key] = at
	}
}

// keep forgets the connections of a tenant that are not in a list, and those that were
// not heard of for long.
func (c *connectionsHeard) keep(tenant membership.ID, listed map[membership.ID]bool, from time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range []map[heardKey]time.Time{c.times, c.other} {
		for key, at := range times {
			if key.tenant == tenant && !listed[key.connection] || at.Before(from) {
				delete(times, key)
			}
		}
	}
	for key, at := range c.other { // there is room again
		if len(c.times) >= c.own {
			return
		}
		c.times[key] = at
		delete(c.other, key)
	}
}

// Describe implements prometheus.Collector.
func (c *connectionsHeard) Describe(to chan<- *prometheus.Desc) { to <- c.last; to <- c.count }

// Collect implements prometheus.Collector.
func (c *connectionsHeard) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	series := func(desc *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	seconds := func(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
	for key, at := range c.times {
		series(c.last, seconds(at), key.tenant.String(), key.connection.String())
	}
	var latest time.Time
	for _, at := range c.other {
		if at.After(latest) {
			latest = at
		}
	}
	if !latest.IsZero() {
		series(c.last, seconds(latest), otherConnections, otherConnections)
	}
	series(c.count, float64(len(c.times)), "own")
	series(c.count, float64(len(c.other)), otherConnections)
}
