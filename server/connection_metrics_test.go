package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

const heardMetric = "scimbridge_connection_last_request_timestamp_seconds"

func metricsPage(t *testing.T, s testServer) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.handle.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code)
	return w.Body.String()
}

// heardSeries are the series of the metric, by connection.
func heardSeries(t *testing.T, s testServer) map[string]float64 {
	t.Helper()
	series := map[string]float64{}
	page := metricsPage(t, s)
	for _, m := range regexp.MustCompile(heardMetric+`\{connection_id="([^"]+)",tenant_id="[^"]+"\} (\S+)`).
		FindAllStringSubmatch(page, -1) {
		v, err := strconv.ParseFloat(m[2], 64)
		require.NoError(t, err)
		series[m[1]] = v
	}
	return series
}

// The metric says when each connection was last heard of, what was before the server
// started too, and forgets those that are removed.
func TestConnectionsHeard(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		assert.Empty(t, heardSeries(t, h.testServer))
		h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+h.mine.SCIMToken)
		h.written()
		series := heardSeries(t, h.testServer)
		require.Len(t, series, 1)
		assert.InDelta(t, float64(time.Now().Unix()), series[h.mine.ConnectionID.String()], 10)

		h.metrics.requestLog.heard.keep(h.mine.TenantID, nil) // as after a start
		assert.Empty(t, heardSeries(t, h.testServer))
		require.NoError(t, h.requests.countConnections(t.Context()))
		assert.Equal(t, series, heardSeries(t, h.testServer))
		w := h.api(h.mine, http.MethodDelete, "/v1/connections/"+h.mine.ConnectionID.String()+"?members=release", "")
		require.Equal(t, http.StatusNoContent, w.Code, w.Body)
		require.NoError(t, h.requests.countConnections(t.Context()))
		assert.Empty(t, heardSeries(t, h.testServer))
	})
}

// What is beyond the bound has one series, until there is room.
func TestConnectionsHeardAreBounded(t *testing.T) {
	s := newTestServer(t)
	heard, tenant := s.metrics.requestLog.heard, membership.NewID()
	heard.own = 3
	at := time.Unix(1_000, 0)
	var ids []membership.ID
	for i := range 10 {
		ids = append(ids, membership.NewID())
		heard.heard(tenant, ids[i], at.Add(time.Duration(i)*time.Second))
	}
	heard.heard(tenant, membership.ID{}, at) // of no connection
	heard.heard(tenant, ids[0], at.Add(-time.Hour))
	assert.Equal(t, map[string]float64{
		ids[0].String(): 1000, ids[1].String(): 1001, ids[2].String(): 1002, "other": 1009,
	}, heardSeries(t, s))
	page := metricsPage(t, s)
	for series, n := range map[string]int{"own": 3, "other": 7} {
		assert.Contains(t, page, fmt.Sprintf("scimbridge_connections_heard{series=%q} %d\n", series, n))
	}
	listed := map[membership.ID]bool{}
	for _, id := range ids[2:4] {
		listed[id] = true
	}
	heard.keep(membership.NewID(), nil)
	heard.keep(tenant, listed)
	heard.forget(time.Time{})
	assert.Equal(t, map[string]float64{ids[2].String(): 1002, ids[3].String(): 1003}, heardSeries(t, s))
	heard.forget(at.Add(3 * time.Second))
	assert.Equal(t, map[string]float64{ids[3].String(): 1003}, heardSeries(t, s))
	heard.keep(tenant, nil)
	assert.Equal(t, []int{0, 0, 0, 0},
		[]int{heard.times.n, heard.other.n, len(heard.times.tenants), len(heard.other.tenants)})
}

// A round over ten thousand tenants looks at each connection a few times, not at all of
// them for each tenant: who writes requests waits for the same lock.
func TestConnectionsOfManyTenants(t *testing.T) {
	const tenants, each = 10_000, 5
	c := newConnectionsHeard()
	all := map[membership.ID]map[membership.ID]bool{}
	for range tenants {
		of := map[membership.ID]bool{}
		tenant := membership.NewID()
		for range each {
			id := membership.NewID()
			of[id] = true
			c.heard(tenant, id, time.Now())
		}
		all[tenant] = of
	}
	began := time.Now()
	for tenant, listed := range all {
		c.keep(tenant, listed)
	}
	c.forget(time.Now().Add(-time.Hour))
	assert.Less(t, time.Since(began), 2*time.Second) // it was 17 s
	assert.Equal(t, tenants*each, c.times.n+c.other.n)
	assert.Equal(t, measuredConnections, c.times.n)
}
