package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/router"
)

// patching is a server, with limits and a log, that is sent PATCHes which add
// and remove one member, on SQLite.
type patching struct {
	testServer
	tenant membership.ID
	header string // Authorization
	group  string
	users  [16]string // one for each client
}

func newPatching(b *testing.B, changes ...func(*config.Config)) *patching {
	b.Helper()
	s := newTestServer(b, append(changes, func(c *config.Config) { c.RateLimit = 1_000_000 })...)
	log, end := NewBufferedLogger(s.config, io.Discard)
	b.Cleanup(end)
	s.log = log
	s.handle = s.handler(s.wire())
	made := s.bootstrap(b)
	p := &patching{testServer: s, tenant: made.TenantID, header: "Bearer " + made.SCIMToken}
	create := func(path, body string) string {
		w := p.send(b, s.handle, http.MethodPost, path, body)
		require.Equal(b, http.StatusCreated, w.Code, w.Body)
		location := w.Header().Get("Location")
		return location[strings.LastIndexByte(location, '/')+1:]
	}
	for i := range p.users {
		p.users[i] = create("/scim/v2/Users", fmt.Sprintf(`{"userName":"ann%d"}`, i))
	}
	p.group = create("/scim/v2/Groups", `{"displayName":"g"}`)
	return p
}

func (p *patching) send(b *testing.B, to http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", p.header)
	r.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	to.ServeHTTP(w, r)
	return w
}

// patch sends the i-th PATCH of a client.
func (p *patching) patch(b *testing.B, to http.Handler, client, i int) {
	body := fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],`+
		`"Operations":[{"op":%q,"path":"members","value":[{"value":%q}]}]}`, []string{"add", "remove"}[i%2],
		p.users[client])
	if w := p.send(b, to, http.MethodPatch, "/scim/v2/Groups/"+p.group, body); w.Code != http.StatusNoContent {
		b.Error(w.Code, w.Body)
	}
}

func (p *patching) verifier() *auth.Verifier {
	v := auth.NewVerifier(p.store, time.Now)
	v.Report(p.usage)
	v.Limit(auth.NewLimits(time.Now, 1_000_000, 10))
	return v
}

// The share that knowing the caller has of a PATCH that adds or removes one
// member, on SQLite, limits included; it shall be below 5 %.
func BenchmarkAuthenticationOfGroupPatch(b *testing.B) {
	p := newPatching(b)
	verifier := p.verifier()
	var whole, knowing time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		p.patch(b, p.handle, 0, i)
		middle := time.Now()
		_, err := verifier.Verify(b.Context(), p.header)
		knowing += time.Since(middle)
		whole += middle.Sub(start)
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(100*float64(knowing)/float64(whole), "%auth")
	b.ReportMetric(float64(knowing.Nanoseconds())/float64(b.N), "ns/verify")
}

// The share that all between net/http and the door has of such a PATCH: the
// request's id, headers, proxies, the log, metrics, limits and authentication.
// With 16 clients at once, who share commits, it shall be below a tenth of the
// processor's time.
func BenchmarkMiddlewareOfGroupPatch(b *testing.B) {
	p := newPatching(b)
	verifier := p.verifier()
	bare := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	known := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := verifier.Verify(r.Context(), r.Header.Get("Authorization")); err != nil {
			b.Error(err)
		}
		bare(w, r)
	})
	routes := router.New()
	routes.MatcherFunc(router.Below(SCIMPrefix)).Handler(p.observed(doorSCIM, "", p.metrics, known))
	around := p.outermost(router.Handler(routes))

	// Each alone, and often enough for a clock of the processor's time.
	const times = 20
	var whole, through, end time.Duration
	for b.Loop() {
		for _, part := range []struct {
			to   http.Handler
			took *time.Duration
		}{{p.handle, &whole}, {around, &through}, {bare, &end}} {
			start := processorTime(b)
			var clients sync.WaitGroup
			for client := range p.users {
				clients.Go(func() {
					for i := range times {
						p.patch(b, part.to, client, i)
					}
				})
			}
			clients.Wait()
			*part.took += processorTime(b) - start
		}
	}
	n := float64(b.N * times * len(p.users))
	b.ReportMetric(100*float64(through-end)/float64(whole-end), "%middleware")
	b.ReportMetric(float64(through-end)/n, "cpu-ns/middleware")
	b.ReportMetric(float64(whole-end)/n, "cpu-ns/patch")
}

// processorTime is what this process has taken of the processors.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
