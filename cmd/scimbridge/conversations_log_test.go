package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// sentRequests notes every request that goes over it, each under an id of its own.
type sentRequests struct {
	mu  sync.Mutex
	all map[string]*sentRequest
}

type sentRequest struct {
	method, path, body string
	known              bool // its token is of the tenant
	status             int
}

// over sends with a token that is known.
func (s *sentRequests) over(token string) *http.Client {
	s.all = map[string]*sentRequest{}
	return &http.Client{Timeout: 30 * time.Second, Transport: roundTrips(func(r *http.Request) (*http.Response, error) {
		sent := &sentRequest{
			method: r.Method, path: r.URL.Path, known: strings.HasSuffix(r.Header.Get("Authorization"), " "+token),
		}
		if r.Body != nil {
			b, err := io.ReadAll(r.Body)
			if err != nil {
				return nil, err
			}
			sent.body, r.Body = string(b), io.NopCloser(bytes.NewReader(b))
		}
		id := membership.NewID().String()
		r.Header.Set("X-Request-Id", id)
		res, err := http.DefaultTransport.RoundTrip(r)
		if err == nil {
			sent.status = res.StatusCode
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all[id] = sent
		return res, err
	})}
}

type roundTrips func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTrips) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// listAll reads all pages of a list.
func (c caller) listAll(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	cursor := ""
	for {
		page := c.must(t, http.StatusOK, http.MethodGet, path+"?limit=1000"+cursor, "")
		for _, one := range page["data"].([]any) {
			all = append(all, one.(map[string]any))
		}
		next, more := page["next_cursor"].(string)
		if !more {
			return all
		}
		cursor = "&cursor=" + url.QueryEscape(next)
	}
}

// checkLog holds the request log to what was sent and answered, and to the events.
func (s *sentRequests) checkLog(t *testing.T, native caller) {
	wanted := 0
	for _, sent := range s.all {
		if sent.known {
			wanted++
		}
	}
	require.Greater(t, wanted, 500)
	rows := map[string]map[string]any{}
	require.Eventually(t, func() bool {
		for _, r := range native.listAll(t, "/requests") {
			rows[r["request_id"].(string)] = r
		}
		return len(rows) >= wanted
	}, 20*time.Second, 200*time.Millisecond, "every request is in the log")
	require.Len(t, rows, wanted, "and who has no token of the tenant is not")

	wrote, held := map[string][]any{}, map[string]bool{}
	for _, e := range native.listAll(t, "/audit/events") {
		id, _ := e["request_id"].(string)
		switch membership.Action(e["action"].(string)) {
		case membership.ActionRemovalHeld:
			held[id] = true
		case membership.ActionRefused:
		default:
			wrote[id] = append(wrote[id], e["number"])
		}
	}
	for _, r := range native.listAll(t, "/requests") { // now with the numbers of their events
		rows[r["request_id"].(string)] = r
	}
	seen := map[string]int{}
	for id, sent := range s.all {
		if sent.known {
			seen[sent.check(t, rows[id], wrote[id], held[id])]++
		}
	}
	for _, o := range []string{"changed", "nothing_to_do", "refused", "already a member"} {
		assert.Positive(t, seen[o], o)
	}
}

// check holds a row to a request, its answer and its events, and returns the outcome.
func (s *sentRequest) check(t *testing.T, row map[string]any, events []any, held bool) string {
	t.Helper()
	what, _ := json.Marshal(row)
	about := s.method + " " + s.path + " " + s.body + "\n" + string(what)
	assert.InDelta(t, s.status, row["status"], 0, about)
	assert.Equal(t, s.method, row["method"], about)
	assert.ElementsMatch(t, events, row["events"], about)
	outcome, why := row["outcome"].(string), ""
	if w, ok := row["why"].(string); ok {
		why = w
	}
	switch {
	case len(events) > 0:
		assert.Equal(t, "changed", outcome, about)
		return outcome
	case s.status < 400:
		assert.Equal(t, "nothing_to_do", outcome, about)
	case held:
		assert.Equal(t, "held", outcome, about)
	case s.status < 500:
		assert.Equal(t, "refused", outcome, about)
	default:
		assert.Fail(t, "a fault of the server", about)
	}
	assert.NotEmpty(t, why, about)
	if s.status < 300 && (s.method == http.MethodGet || strings.HasSuffix(s.path, "/.search")) {
		assert.Equal(t, "it only reads", why, about)
	}
	if s.status == http.StatusNoContent && s.onlyAdds() {
		assert.Contains(t, why, "already a member by this connection", about)
		return "already a member"
	}
	return outcome
}

// onlyAdds reports whether a request asks for nothing but members to be added.
func (s *sentRequest) onlyAdds() bool {
	var patch struct {
		Operations []struct {
			Op, Path string
			Value    []struct{ Value string }
		}
	}
	if s.method != http.MethodPatch || json.Unmarshal([]byte(s.body), &patch) != nil || len(patch.Operations) == 0 {
		return false
	}
	for _, o := range patch.Operations {
		if !strings.EqualFold(o.Op, "add") || o.Path != "members" || len(o.Value) == 0 {
			return false
		}
	}
	return true
}
