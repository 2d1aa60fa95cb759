package server

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// The metrics say of each webhook how far it is behind, and of those that are too many
// together: labels are bounded.
func TestWebhookMetrics(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTellingOf(t, url, func(s *Server) { s.webhooks.metrics.behind.own = 3 })
		fails := func(status int) *receiver { return newReceiver(t, func(*http.Request) int { return status }) }
		const groups = `,"events":["group.created"]`
		hook := func(r *receiver) string { return w.webhook(r, groups)["id"].(string) }
		gone := hook(fails(410))
		w.groups(0, 1)
		metrics := func() map[string]string {
			require.NoError(t, w.one.webhooks.measure(t.Context()))
			values := map[string]string{}
			for line := range strings.Lines(body(t, w.one.do(t, http.MethodGet, "/metrics"))) {
				if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
					values[name] = value
				}
			}
			return values
		}
		of := func(name, id string) string {
			return fmt.Sprintf("scimbridge_webhook_%s{webhook_id=%q}", name, id)
		}
		w.until("what was given up on", func() bool { return metrics()[of("parked_deliveries", gone)] == "1" })
		behind, fast := hook(fails(500)), hook(newReceiver(t, nil))
		others := []string{hook(fails(500)), hook(fails(500))}
		w.groups(1, 4)
		w.until("what waits", func() bool {
			m := metrics()
			return m[of("pending_events", behind)] == "3" && m[of("pending_events", "other")] == "6" &&
				m[of("pending_events", fast)] == "0"
		})
		m := metrics()
		assert.Equal(t, "1", m[of("parked_deliveries", gone)])
		for _, id := range []string{behind, "other"} {
			assert.NotEqual(t, "0", m[of("oldest_pending_seconds", id)])
			assert.NotEqual(t, "0", m[of("failing_seconds", id)])
			assert.Equal(t, "0", m[of("parked_deliveries", id)])
		}
		assert.Equal(t, "0", m[of("oldest_pending_seconds", fast)])
		assert.Equal(t, "0", m[of("pending_events", gone)], "it is disabled")
		for _, id := range others {
			assert.NotContains(t, m, of("pending_events", id))
		}

		// What is there no more has no series.
		w.call(http.MethodDelete, "webhooks/"+behind, "", http.StatusNoContent)
		m = metrics()
		assert.NotContains(t, m, of("pending_events", behind))
		assert.Equal(t, "3", m[of("pending_events", others[0])], "it moved up")
		assert.Equal(t, "3", m[of("pending_events", "other")])
	})
}
