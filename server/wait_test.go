package server

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// feed asks a server for events, through its listener.
type feed struct {
	t    *testing.T
	mine auth.Bootstrapped
}

type feedPage struct {
	Data []struct {
		Action string `json:"action"`
	} `json:"data"`
	Follow string `json:"follow_cursor"`
	status int
}

func (f feed) request(s *Server, method, path string, body io.Reader) *http.Request {
	r, err := http.NewRequestWithContext(f.t.Context(), method, s.BaseURL()+path, body)
	require.NoError(f.t, err)
	r.Header.Set("Authorization", "Bearer "+f.mine.APIToken)
	r.Header.Set("X-Tenant-ID", f.mine.TenantID.String())
	return r
}

func (f feed) get(s *Server, query string) (p feedPage) {
	res, err := http.DefaultClient.Do(f.request(s, http.MethodGet, "/v1/audit/events?"+query, nil))
	if !assert.NoError(f.t, err) {
		return p
	}
	defer res.Body.Close()
	assert.NoError(f.t, json.NewDecoder(res.Body).Decode(&p))
	p.status = res.StatusCode
	return p
}

func (f feed) later(s *Server, query string) <-chan feedPage {
	answer := make(chan feedPage, 1)
	go func() { answer <- f.get(s, query) }()
	return answer
}

func running(t *testing.T, url string, changes ...func(*config.Config)) (s testServer, stop func() error) {
	return runningOf(t, url, nil, changes...)
}

// runningOf changes a server before it runs.
func runningOf(
	t *testing.T, url string, before func(*Server), changes ...func(*config.Config),
) (s testServer, stop func() error) {
	s = newTestServer(t, append(changes, func(c *config.Config) { c.DatabaseURL = config.DatabaseURL(url) })...)
	if before != nil {
		before(s.Server)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	*s.ran = true
	go func() { ended <- s.Run(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = stop() })
	return s, stop
}

// Of two servers on one store one tells of what the other has written. A server that
// stops answers what waits, and is not kept by it.
func TestWaitingOnSeveralServers(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		// One request of a caller may run: what waits is none of them.
		alone := func(c *config.Config) { c.MaxCallerRequests = 1 }
		one, _ := running(t, url, alone)
		two, stop := running(t, url, alone)
		mine, err := auth.Bootstrap(t.Context(), one.store, time.Now, auth.BootstrapSpec{
			TenantName: "Mine", IDP: "okta", ConnectionName: "Okta",
		})
		require.NoError(t, err)
		f := feed{t, mine}
		follow := f.get(one.Server, "limit=1000").Follow
		onOne, onTwo := f.later(one.Server, "wait=60&cursor="+follow), f.later(two.Server, "wait=60&cursor="+follow)
		waits(t, one.Server, 1)
		waits(t, two.Server, 1)
		write(t, f, one.Server)
		for _, answer := range []<-chan feedPage{onOne, onTwo} {
			p := <-answer
			require.Len(t, p.Data, 1)
			assert.Equal(t, "group.created", p.Data[0].Action)
			follow = p.Follow
		}
		waits(t, two.Server, 0)
		onTwo = f.later(two.Server, "wait=60&cursor="+follow)
		waits(t, two.Server, 1)
		require.NoError(t, stop(), "not cut off after the time for stopping")
		p := <-onTwo
		assert.Equal(t, http.StatusOK, p.status)
		assert.Empty(t, p.Data)
		assert.Equal(t, follow, p.Follow)
	})
}

// waits returns when so many requests wait.
func waits(t *testing.T, s *Server, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return s.watch.Waiting() == n }, 10*time.Second, 5*time.Millisecond)
}

func write(t *testing.T, f feed, s *Server) {
	r := f.request(s, http.MethodPost, "/v1/groups", strings.NewReader(`{"display_name":"Finance"}`))
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusCreated, res.StatusCode)
}
