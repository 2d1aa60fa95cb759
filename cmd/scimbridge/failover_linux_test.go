package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/dbtest/cluster"
)

// Bounds of the tests below. What is promised is less (docs/configuration.md); a
// busy machine gets some room.
const (
	answeredWithin = 12 * time.Second // also while the database hangs
	backWithin     = 5 * time.Second  // after a promotion, or a return
	failoverUsers  = 4                // of each writer
	failoverWriter = 4
	manyWriters    = 16 // behind a proxy
)

// A primary that is killed, and one that hangs: the standby is promoted, and the
// server goes on with it, without a restart, with all that was acknowledged.
func TestFailover(t *testing.T) {
	for name, fail := range map[string]func(*cluster.Cluster) error{
		"killed": (*cluster.Cluster).Kill,
		"frozen": (*cluster.Cluster).Freeze,
	} {
		t.Run(name, func(t *testing.T) {
			p := startPair(t)
			writers, stop := p.write(t)
			writers.awaitAnswers(t, time.Now(), answeredWithin)
			require.NoError(t, fail(p.primary))
			failed := time.Now()
			time.Sleep(2 * time.Second) // until somebody notices and decides
			require.NoError(t, p.standby.Promote())
			promoted := time.Now()
			back := writers.awaitAnswers(t, promoted, answeredWithin)
			stop()
			t.Logf("%d acknowledged; writes were back %s after the promotion, %s after the failure; longest answer %s",
				writers.acknowledged(), back.Sub(promoted).Round(time.Millisecond),
				back.Sub(failed).Round(time.Millisecond),
				writers.longest().Round(time.Millisecond))
			assert.Less(t, back.Sub(promoted), backWithin)
			assert.Less(t, writers.longest(), answeredWithin)
			assert.Empty(t, writers.wrong())
			p.verify(t, writers)
		})
	}
}

// Two servers behind HAProxy, and the primary is killed: the same holds for who goes
// through the proxy, and what is revoked at one server afterwards is refused by both.
func TestFailoverBehindAProxy(t *testing.T) {
	program, err := exec.LookPath("haproxy")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/haproxy")
	}
	if err != nil {
		t.Skip("NOT CHECKED: there is no haproxy")
	}
	p := startPair(t)
	p.other = start(t, p.url)
	p.proxy = haproxy(t, program, p.server, p.other)
	writers, stop := p.write(t)
	writers.awaitAnswers(t, time.Now(), answeredWithin)
	require.NoError(t, p.primary.Kill())
	time.Sleep(2 * time.Second) // until somebody notices and decides
	require.NoError(t, p.standby.Promote())
	promoted := time.Now()
	back := writers.awaitAnswers(t, promoted, answeredWithin)

	native := nativeCaller(p.server, p.tenant)
	made := native.must(t, http.StatusCreated, http.MethodPost, "/tokens",
		`{"name":"short","kind":"api","permissions":["GROUPS:READ"]}`)
	short := p.tenant
	short.APIToken = made["token"].(string)
	other := nativeCaller(p.other, short)
	other.must(t, http.StatusOK, http.MethodGet, "/groups", "")
	native.must(t, http.StatusNoContent, http.MethodDelete, "/tokens/"+made["id"].(string), "")
	revoked := time.Now()
	accepted := revoked // when a request began that was
	require.Eventually(t, func() bool {
		begun := time.Now()
		status, _, err := other.send(t.Context(), http.MethodGet, "/groups", "")
		if err == nil && status == http.StatusOK {
			accepted = begun
		}
		return err == nil && status == http.StatusUnauthorized
	}, answeredWithin, time.Millisecond)
	stop()
	t.Logf("%d acknowledged; writes were back %s after the promotion; longest answer %s; the last request with what "+
		"was revoked began %s after that",
		writers.acknowledged(), back.Sub(promoted).Round(time.Millisecond), writers.longest().Round(time.Millisecond),
		accepted.Sub(revoked).Round(time.Millisecond))
	assert.Less(t, accepted.Sub(revoked), time.Second)
	assert.Less(t, back.Sub(promoted), backWithin)
	assert.Less(t, writers.longest(), answeredWithin)
	assert.Empty(t, writers.wrong())
	p.verify(t, writers)
}

// haproxy sends each request to one of the servers that are ready.
func haproxy(t *testing.T, program string, servers ...*process) (base string) {
	t.Helper()
	address := freeAddress(t)
	config := "defaults\n mode http\n timeout connect 2s\n timeout client 60s\n timeout server 60s\n" +
		" option redispatch\nfrontend in\n bind " + address + "\n default_backend bridges\n" +
		"backend bridges\n balance roundrobin\n option httpchk GET /readyz\n"
	for i, s := range servers {
		config += fmt.Sprintf(" server s%d %s check inter 500ms fall 2 rise 1\n", i, s.address)
	}
	file := filepath.Join(t.TempDir(), "haproxy.cfg")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	proxy := exec.Command(program, "-db", "-f", file) //nolint:gosec // a test
	var said bytes.Buffer
	proxy.Stdout, proxy.Stderr = &said, &said
	require.NoError(t, proxy.Start())
	t.Cleanup(func() {
		_ = proxy.Process.Kill()
		_ = proxy.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	require.Eventually(t, func() bool {
		res, err := http.Get("http://" + address + "/readyz")
		if err == nil {
			_ = res.Body.Close()
		}
		return err == nil && res.StatusCode == http.StatusOK
	}, 10*time.Second, 20*time.Millisecond)
	return "http://" + address
}

// A database that hangs is answered with 503 in time, and requests are served
// again soon after its return.
func TestDatabaseHangs(t *testing.T) {
	p := startSingle(t)
	writers, stop := p.write(t)
	writers.awaitAnswers(t, time.Now(), answeredWithin)
	require.NoError(t, p.primary.Freeze())
	require.Eventually(t, func() bool { return writers.refused() > 0 }, answeredWithin, 10*time.Millisecond)
	res, err := http.Get(p.server.base + "/readyz")
	require.NoError(t, err)
	_ = res.Body.Close()
	assert.Equal(t, http.StatusServiceUnavailable, res.StatusCode)
	require.NoError(t, p.primary.Thaw())
	returned := time.Now()
	back := writers.awaitAnswers(t, returned, answeredWithin)
	stop()
	t.Logf("served again %s after its return; longest answer %s", back.Sub(returned).Round(time.Millisecond),
		writers.longest().Round(time.Millisecond))
	assert.Less(t, back.Sub(returned), backWithin)
	assert.Less(t, writers.longest(), answeredWithin)
	assert.Empty(t, writers.wrong())
	p.verify(t, writers)
}

// serve comes up before its database, and serves once that answers.
func TestServeWaitsForItsDatabase(t *testing.T) {
	p := startSingle(t)
	p.server.stop(t)
	require.NoError(t, p.primary.Freeze())
	waiting, listening := launch(t, p.url)
	require.Eventually(t, func() bool { return strings.Contains(waiting.logged(), "waiting for the database") },
		answeredWithin, 10*time.Millisecond)
	require.NoError(t, p.primary.Thaw())
	waiting.await(t, listening)
	scimCaller(waiting, p.tenant).user(t, "ann@example.test")
}

// pair is a server over one or two clusters of PostgreSQL.
type pair struct {
	primary, standby *cluster.Cluster
	url              string // of all hosts
	server           *process
	other            *process // a second server; nil: there is none
	proxy            string   // that writers go through; empty: to the server
	tenant           bootstrapped
	group            string
}

func startSingle(t *testing.T) *pair {
	t.Helper()
	p := startPrimary(t)
	p.start(t)
	return p
}

// startPair has a standby without which no commit is acknowledged.
func startPair(t *testing.T) *pair {
	t.Helper()
	p := startPrimary(t)
	var err error
	p.standby, err = p.primary.Standby()
	require.NoError(t, err)
	t.Cleanup(p.standby.Stop)
	p.admin(t, "alter system set synchronous_standby_names = '*'", "select pg_reload_conf()")
	p.start(t)
	return p
}

func startPrimary(t *testing.T) *pair {
	t.Helper()
	dbtest.Wants(t, "postgres")
	bin, err := cluster.Find()
	require.NoError(t, err)
	p := &pair{}
	p.primary, err = cluster.Start(bin, false)
	require.NoError(t, err)
	t.Cleanup(p.primary.Stop)
	p.admin(t, "create role bridge login password 'bridge' nosuperuser nobypassrls",
		"create database bridge owner bridge")
	return p
}

func (p *pair) admin(t *testing.T, statements ...string) {
	t.Helper()
	require.NoError(t, cluster.Exec(t.Context(), address(t, p.primary.URL()), statements...))
}

func (p *pair) start(t *testing.T) {
	t.Helper()
	hosts := []string{p.primary.Address()}
	if p.standby != nil {
		hosts = append(hosts, p.standby.Address())
	}
	p.url = (&url.URL{
		Scheme: "postgres", User: url.UserPassword("bridge", "bridge"), Host: strings.Join(hosts, ","), Path: "/bridge",
		RawQuery: "sslmode=disable",
	}).String()
	p.tenant = tenancy(t, p.url)
	p.server = start(t, p.url)
	p.group = scimCaller(p.server, p.tenant).group(t, "failover")
}

// write has writers add and remove members until stop.
func (p *pair) write(t *testing.T) (ws failoverWriters, stop func()) {
	t.Helper()
	scim := scimCaller(p.server, p.tenant)
	writers := failoverWriter
	if p.proxy != "" {
		scim.base, writers = p.proxy+scimPrefix, manyWriters
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for i := range writers {
		w := &failoverWriterState{in: map[string]bool{}, unsure: map[string]bool{}, proxied: p.proxy != ""}
		for n := range failoverUsers {
			w.users = append(w.users, scim.user(t, fmt.Sprintf("user-%d-%d@example.test", i, n)))
		}
		ws = append(ws, w)
	}
	for _, w := range ws {
		wg.Go(func() { w.run(ctx, scim, p.group) })
	}
	return ws, func() { cancel(); wg.Wait() }
}

// verify compares what was acknowledged with what is there. The server stops first:
// it may still be at a request whose client is gone, and the members are read
// before the events.
func (p *pair) verify(t *testing.T, ws failoverWriters) {
	t.Helper()
	p.server.stop(t)
	if p.other != nil {
		p.other.stop(t)
	}
	p.compare(t, ws)
}

// compare looks at the store itself.
func (p *pair) compare(t *testing.T, ws failoverWriters) {
	t.Helper()
	members, told := afterwards(t, p.url, p.tenant.TenantID, p.group)
	for _, w := range ws {
		for _, user := range w.users {
			if !w.unsure[user] {
				assert.Equal(t, w.in[user], members[user], "user %s: acknowledged, then lost", user)
			}
			assert.Equal(t, members[user], told[user]%2 == 1, "user %s: the events say otherwise", user)
		}
	}
}

// failoverWriterState adds and removes its own users, one request after the other.
type failoverWriterState struct {
	users   []string
	proxied bool // 503 may be the proxy's own, which is no JSON

	mu      sync.Mutex
	in      map[string]bool // what was acknowledged last
	unsure  map[string]bool // users whose last change got 503: it may have happened
	last    time.Time       // when a change was acknowledged last
	count   int
	refused int
	longest time.Duration
	wrong   []string // answers that are neither a success nor 503 with Retry-After
}

type failoverWriters []*failoverWriterState

func (w *failoverWriterState) run(ctx context.Context, scim caller, group string) {
	for ctx.Err() == nil {
		for _, user := range w.users {
			w.mu.Lock()
			op := "add"
			if w.in[user] {
				op = "remove"
			}
			w.mu.Unlock()
			began := time.Now()
			status, doc, err := scim.send(ctx, http.MethodPatch, "/Groups/"+group, memberPatch(op, user))
			if ctx.Err() != nil {
				w.mu.Lock()
				w.unsure[user] = true
				w.mu.Unlock()
				return
			}
			w.mu.Lock()
			w.longest = max(w.longest, time.Since(began))
			switch {
			case err == nil && status == http.StatusNoContent:
				w.in[user], w.unsure[user], w.last = op == "add", false, time.Now()
				w.count++
			case status == http.StatusServiceUnavailable && (err == nil || w.proxied):
				w.unsure[user] = true
				w.refused++
			default:
				w.wrong = append(w.wrong, fmt.Sprint(status, doc, err))
			}
			w.mu.Unlock()
			if status != http.StatusNoContent {
				time.Sleep(100 * time.Millisecond)
			}
		}
	}
}

// awaitAnswers returns when every writer has had a success since a moment: the
// time of the first of them all.
func (ws failoverWriters) awaitAnswers(t *testing.T, since time.Time, within time.Duration) (first time.Time) {
	t.Helper()
	require.Eventually(t, func() bool {
		all := true
		for _, w := range ws {
			w.mu.Lock()
			if w.last.After(since) {
				if first.IsZero() || w.last.Before(first) {
					first = w.last
				}
			} else {
				all = false
			}
			w.mu.Unlock()
		}
		return all
	}, within, time.Millisecond)
	return first
}

func (ws failoverWriters) acknowledged() (n int) {
	for _, w := range ws {
		w.mu.Lock()
		n += w.count
		w.mu.Unlock()
	}
	return n
}

func (ws failoverWriters) refused() (n int) {
	for _, w := range ws {
		w.mu.Lock()
		n += w.refused
		w.mu.Unlock()
	}
	return n
}

func (ws failoverWriters) longest() (d time.Duration) {
	for _, w := range ws {
		w.mu.Lock()
		d = max(d, w.longest)
		w.mu.Unlock()
	}
	return d
}

func (ws failoverWriters) wrong() (all []string) {
	for _, w := range ws {
		w.mu.Lock()
		all = append(all, w.wrong...)
		w.mu.Unlock()
	}
	return all
}
