package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
)

// The share that knowing the caller has of a PATCH that adds or removes one
// member, on SQLite, limits included; it shall be below 5 %.
func BenchmarkAuthenticationOfGroupPatch(b *testing.B) {
	s := newTestServer(b, func(c *config.Config) { c.RateLimit = 1_000_000 })
	made := s.bootstrap(b)
	header := "Bearer " + made.SCIMToken
	send := func(method, path, body string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", header)
		r.Header.Set("Content-Type", "application/scim+json")
		w := httptest.NewRecorder()
		s.handle.ServeHTTP(w, r)
		return w
	}
	create := func(path, body string) string {
		w := send(http.MethodPost, path, body)
		require.Equal(b, http.StatusCreated, w.Code, w.Body)
		location := w.Header().Get("Location")
		return location[strings.LastIndexByte(location, '/')+1:]
	}
	user := create("/scim/v2/Users", `{"userName":"ann"}`)
	group := create("/scim/v2/Groups", `{"displayName":"g"}`)
	verifier := auth.NewVerifier(s.store, time.Now)
	verifier.Report(s.usage)
	verifier.Limit(auth.NewLimits(time.Now, 1_000_000, 10))

	var whole, knowing time.Duration
	for i := 0; b.Loop(); i++ {
		body := memberPatch([]string{"add", "remove"}[i%2], user)
		start := time.Now()
		w := send(http.MethodPatch, "/scim/v2/Groups/"+group, body)
		middle := time.Now()
		_, err := verifier.Verify(b.Context(), header)
		knowing += time.Since(middle)
		whole += middle.Sub(start)
		if w.Code != http.StatusNoContent || err != nil {
			b.Fatal(w.Code, err)
		}
	}
	b.ReportMetric(100*float64(knowing)/float64(whole), "%auth")
	b.ReportMetric(float64(knowing.Nanoseconds())/float64(b.N), "ns/verify")
}
