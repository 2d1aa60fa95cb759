package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest/cluster"
)

const (
	throughputTenants = 8
	throughputUsers   = 200 // of each
	throughputFor     = 4 * time.Second
)

// BenchmarkCitus is what plain PostgreSQL and a Citus of one, two and three workers do with
// the same requests, on one machine. Each runs once, whatever -benchtime says. Processor time
// is that of the whole machine: databases, server and clients.
func BenchmarkCitus(b *testing.B) {
	for _, workers := range []int{0, 1, 2, 3} {
		b.Run(fmt.Sprintf("%d workers", workers), func(b *testing.B) { measureThroughput(b, workers) })
	}
}

func measureThroughput(b *testing.B, workers int) {
	bin, err := cluster.Find()
	require.NoError(b, err)
	u := ""
	if workers > 0 {
		u = startCitusOf(b, bin, workers, true, 32).url
	} else {
		c, err := cluster.Start(bin, true)
		require.NoError(b, err)
		b.Cleanup(c.Stop)
		at := address(b, c.URL())
		require.NoError(b, cluster.Exec(b.Context(), at, "create role bridge login nosuperuser nobypassrls",
			"grant create on schema public to bridge"))
		u = as(b, at, "bridge")
	}
	server := start(b, u)
	var targets []*throughputTarget
	for range throughputTenants {
		tenant := tenancy(b, u)
		target := &throughputTarget{caller: scimCaller(server, tenant)}
		target.group = target.caller.group(b, "everyone")
		for i := range throughputUsers {
			target.users = append(target.users, target.caller.user(b, fmt.Sprintf("user-%d@example.test", i)))
		}
		targets = append(targets, target)
	}
	time.Sleep(5 * time.Second) // until it has its numbers
	for _, c := range throughputCells {
		one, all := c.run(b, targets, 1), c.run(b, targets, 16)
		b.Logf("%-20s p50 %.2f ms with one client; with 16 %.0f a second, %.2f ms of processor each", c.name,
			float64(one.p50)/float64(time.Millisecond), all.perSecond, float64(all.processor)/float64(time.Millisecond))
	}
}

// throughputTarget is a tenant. Each client has users of its own in each.
type throughputTarget struct {
	caller caller
	group  string
	users  []string
}

type throughputCell struct {
	name string
	send func(t *throughputTarget, client, n int) (method, path, body string)
}

var throughputNames atomic.Int64

var throughputCells = []throughputCell{
	{"PATCH one member", func(t *throughputTarget, client, n int) (string, string, string) {
		op := []string{"add", "remove"}[n/throughputTenants%2]
		return http.MethodPatch, "/Groups/" + t.group, memberPatch(op, t.users[client])
	}},
	{"GET without members", func(t *throughputTarget, _, _ int) (string, string, string) {
		return http.MethodGet, "/Groups/" + t.group + "?excludedAttributes=members", ""
	}},
	{"filter userName", func(_ *throughputTarget, _, n int) (string, string, string) {
		filter := url.QueryEscape(fmt.Sprintf(`userName eq "user-%d@example.test"`, n%throughputUsers))
		return http.MethodGet, "/Users?filter=" + filter, ""
	}},
	{"POST user", func(*throughputTarget, int, int) (string, string, string) {
		return http.MethodPost, "/Users", fmt.Sprintf(
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"new-%d","active":true}`,
			throughputNames.Add(1))
	}},
}

type throughput struct {
	p50, processor time.Duration
	perSecond      float64
}

// run sends requests to the tenants in turn.
func (c throughputCell) run(t testing.TB, targets []*throughputTarget, clients int) throughput {
	t.Helper()
	var mu sync.Mutex
	var took []time.Duration
	busy, began := processorTime(t), time.Now()
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			var mine []time.Duration
			for n := 0; time.Since(began) < throughputFor; n++ {
				target := targets[(n+client)%len(targets)]
				method, path, body := c.send(target, client, n)
				sent := time.Now()
				status, doc, err := target.caller.send(t.Context(), method, path, body)
				mine = append(mine, time.Since(sent))
				if err != nil || status >= 300 {
					t.Errorf("%s: %d %v %v", c.name, status, doc, err)
					return
				}
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	wg.Wait()
	elapsed, used := time.Since(began), processorTime(t)-busy
	require.NotEmpty(t, took)
	slices.Sort(took)
	return throughput{
		p50: took[len(took)/2], perSecond: float64(len(took)) / elapsed.Seconds(),
		processor: used / time.Duration(len(took)),
	}
}

// processorTime is what all processes have used since the machine began.
func processorTime(t testing.TB) time.Duration {
	t.Helper()
	b, err := os.ReadFile("/proc/stat")
	require.NoError(t, err)
	line, _, _ := strings.Cut(string(b), "\n")
	fields := strings.Fields(line)
	var ticks int64
	for i, f := range fields[1:] {
		n, err := strconv.ParseInt(f, 10, 64)
		require.NoError(t, err)
		if i != 3 && i != 4 && i < 8 { // idle, waiting for a disk; guests are counted already
			ticks += n
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}
