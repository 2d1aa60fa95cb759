package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve answers before its PostgreSQL does: that it lives and is not ready. Once the
// database is there it serves, and no request in between is without an answer.
func TestServeAnswersBeforeItsDatabase(t *testing.T) {
	p := startSingle(t)
	p.server.stop(t)
	require.NoError(t, p.primary.Kill())
	address := freeAddress(t)
	waiting, listening := launch(t, p.url, "--listen="+address)
	waiting.base = "http://" + address
	require.Eventually(t, func() bool {
		status, _, _ := probe(t.Context(), newClient(), waiting.base+"/healthz", "")
		return status == http.StatusOK
	}, 10*time.Second, 10*time.Millisecond, "it listens before its database is there")

	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var all []*probed
	for _, kept := range []bool{false, true} { // the connection
		for path, allowed := range map[string][]int{
			"/healthz": {200}, "/readyz": {503, 200}, "/scim/v2/Users": {503, 200},
		} {
			of := &probed{url: waiting.base + path, allowed: allowed}
			all = append(all, of)
			client := newClient()
			client.Transport.(*http.Transport).DisableKeepAlives = !kept
			asking.Go(func() { of.ask(ctx, client, p.tenant.SCIMToken) })
		}
	}
	time.Sleep(3 * storeTries)
	assert.Contains(t, waiting.logged(), "waiting for the database")
	require.NoError(t, p.primary.Restart())
	restarted := time.Now()
	waiting.await(t, listening)
	scimCaller(waiting, p.tenant).user(t, "ann@example.test")
	t.Logf("it served %s after its database did", time.Since(restarted).Round(time.Millisecond))
	time.Sleep(200 * time.Millisecond)
	stop()
	asking.Wait()
	for _, of := range all {
		assert.Empty(t, of.wrong, of.url)
		for _, status := range of.allowed {
			assert.Positive(t, of.seen[status], "%s: %d", of.url, status)
		}
	}
	waiting.stop(t)
}

// storeTries is how often serve tries to open its store.
const storeTries = time.Second

// probed is one address that is asked again and again.
type probed struct {
	url     string
	allowed []int // in this order
	seen    map[int]int
	wrong   []string
}

func (p *probed) ask(ctx context.Context, client *http.Client, token string) {
	p.seen = map[int]int{}
	for at := 0; ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		status, said, err := probe(ctx, client, p.url, token)
		if ctx.Err() != nil {
			return
		}
		for at+1 < len(p.allowed) && status != p.allowed[at] {
			at++
		}
		if err != nil || status != p.allowed[at] {
			p.wrong = append(p.wrong, fmt.Sprint(status, " ", said, " ", err))
			continue
		}
		p.seen[status]++
	}
}

func probe(ctx context.Context, client *http.Client, url, token string) (status int, said string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return res.StatusCode, string(text), err
}

// A server that is told to stop before its database was there has nothing to finish.
func TestStopBeforeTheDatabase(t *testing.T) {
	p := startPrimary(t)
	require.NoError(t, p.primary.Kill())
	server, _ := launch(t, p.primary.URL())
	require.Eventually(t, func() bool { return strings.Contains(server.logged(), "waiting for the database") },
		answeredWithin, 10*time.Millisecond)
	require.NoError(t, server.cmd.Process.Signal(syscall.SIGTERM))
	assert.NoError(t, server.wait(t), "exit status 0")
}
