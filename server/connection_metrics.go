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
	own   int        // connections with series of their own
	times heardTimes // theirs
	other heardTimes

	last, count *prometheus.Desc
}

// heardTimes are when connections were heard of, by tenant.
type heardTimes struct {
	tenants map[membership.ID]map[membership.ID]time.Time
	n       int
}

func newHeardTimes() heardTimes {
	return heardTimes{tenants: map[membership.ID]map[membership.ID]time.Time{}}
}

func (h *heardTimes) set(tenant, connection membership.ID, at time.Time) {
	of := h.tenants[tenant]
	if of == nil {
		of = map[membership.ID]time.Time{}
		h.tenants[tenant] = of
	}
	if _, known := of[connection]; !known {
		h.n++
	}
	of[connection] = at
}

func (h *heardTimes) remove(tenant, connection membership.ID) {
	delete(h.tenants[tenant], connection)
	h.n--
	if len(h.tenants[tenant]) == 0 {
		delete(h.tenants, tenant)
	}
}

// each calls do for all of them.
func (h *heardTimes) each(do func(tenant, connection membership.ID, at time.Time)) {
	for tenant, of := range h.tenants {
		for connection, at := range of {
			do(tenant, connection, at)
		}
	}
}

func newConnectionsHeard() *connectionsHeard {
	return &connectionsHeard{
		own: measuredConnections, times: newHeardTimes(), other: newHeardTimes(),
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
	times := &c.times
	was, known := times.tenants[tenant][connection]
	if !known && times.n >= c.own {
		times = &c.other
		was, known = times.tenants[tenant][connection]
	}
	if (known || times.n < maxOtherConnections) && at.After(was) {
		times.set(tenant, connection, at)
	}
}

// keep forgets the connections of a tenant that are not in a list. It looks at those of
// the tenant alone: who writes requests waits for it.
func (c *connectionsHeard) keep(tenant membership.ID, listed map[membership.ID]bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range []*heardTimes{&c.times, &c.other} {
		for connection := range times.tenants[tenant] {
			if !listed[connection] {
				times.remove(tenant, connection)
			}
		}
	}
}

// forget forgets those that were not heard of for long, and gives series of their own to
// others as far as there is room.
func (c *connectionsHeard) forget(before time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, times := range []*heardTimes{&c.times, &c.other} {
		times.each(func(tenant, connection membership.ID, at time.Time) {
			if at.Before(before) {
				times.remove(tenant, connection)
			}
		})
	}
	for tenant, of := range c.other.tenants {
		for connection, at := range of {
			if c.times.n >= c.own {
				return
			}
			if at.After(c.times.tenants[tenant][connection]) {
				c.times.set(tenant, connection, at)
			}
			c.other.remove(tenant, connection)
		}
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
	c.times.each(func(tenant, connection membership.ID, at time.Time) {
		series(c.last, seconds(at), tenant.String(), connection.String())
	})
	var latest time.Time
	c.other.each(func(_, _ membership.ID, at time.Time) {
		if at.After(latest) {
			latest = at
		}
	})
	if !latest.IsZero() {
		series(c.last, seconds(latest), otherConnections, otherConnections)
	}
	series(c.count, float64(c.times.n), "own")
	series(c.count, float64(c.other.n), otherConnections)
}
