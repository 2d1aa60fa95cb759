package db_test

import (
	"bufio"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/server"
)

// eventsToSeal is how many events BenchmarkLargeLog begins with: SCIMBRIDGE_BENCH_EVENTS.
func eventsToSeal() int {
	if n, err := strconv.Atoi(os.Getenv("SCIMBRIDGE_BENCH_EVENTS")); err == nil && n > 0 {
		return n
	}
	return 20_000
}

// BenchmarkLargeLog is one tenant with many events of which none has a number: how soon
// a server has numbered and sealed them, what a change of one member takes another tenant
// meanwhile and without a server that seals, and what it takes, in time and memory, to verify the store
// and the exported events. It runs once, whatever -benchtime says.
func BenchmarkLargeLog(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			w := newTenant(b, dbtest.Open(b, dbtest.URL(b, engine)))
			w.need(b, 100)
			n := eventsToSeal()
			began := time.Now()
			seedEvents(b, w, n)
			b.Logf("%s: %d events written in %s", engine, n, time.Since(began).Round(time.Second))

			key, err := seal.NewKey()
			require.NoError(b, err)
			sealer := server.NewSealer(w.store, server.SealerOptions{Keys: seal.Keys{key}, PublicURL: "http://x"})
			other := newTenant(b, w.store)
			other.need(b, 100)
			catchUp(b, w, other, sealer, int64(n))
			timeAndMemory(b, "store", func() {
				done, err := sealer.Verify(w.Ctx, w.ID, nil, nil, func(int64) {})
				require.NoError(b, err)
				require.GreaterOrEqual(b, done.Sealed, int64(n))
			})
			verifyExported(b, w, sealer)
		})
	}
}

// seedEvents writes events of one member each, of 50,000 users and 500 groups.
func seedEvents(b *testing.B, w *tenant, n int) {
	rnd := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same each time
	users, groups := make([]membership.ID, 50_000), make([]membership.ID, 500)
	for i := range users {
		users[i] = membership.NewID()
	}
	for i := range groups {
		groups[i] = membership.NewID()
	}
	c := w.Change(w.Users[:1], nil)
	c.Call.Credential = membership.Credential{Kind: membership.CredentialToken, ID: membership.NewID()}
	for left := n; left > 0; {
		events := make([]membership.Event, 0, 2000)
		for ; left > 0 && len(events) < cap(events); left-- {
			c.Call.RequestID, c.Group = membership.NewID().String(), groups[rnd.IntN(len(groups))]
			e := c.Event([]membership.Action{membership.ActionGrantOpened, membership.ActionGrantClosed}[left%2])
			e.At = dbtest.Now()
			e.Members = []membership.EventMember{{User: users[rnd.IntN(len(users))], Grant: membership.NewID()}}
			events = append(events, e)
		}
		w.Update(func(tx membership.Tx) error { return tx.AppendEvents(w.Ctx, events...) })
	}
}

// catchUp seals the events beside a writer in another tenant, then lets the writer alone.
func catchUp(b *testing.B, w, other *tenant, sealer *server.Sealer, n int64) {
	ctx, stop := context.WithCancel(w.Ctx)
	ended := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(ended)
		sealer.Run(ctx)
	}()
	writes := 0
	turn := func(what string, enough func() bool) {
		var took []time.Duration
		for looked := time.Now(); ; writes++ {
			at := time.Now()
			other.write(b, writes, 1, "")
			took = append(took, time.Since(at))
			if time.Since(looked) > time.Second {
				if enough() {
					break
				}
				looked = time.Now()
			}
			time.Sleep(5 * time.Millisecond) // as many as 200 a second
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50-"+what)
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "µs-p99-"+what)
	}
	turn("beside-catching-up", func() bool {
		l, _, err := w.store.SealLog(w.Ctx, w.ID)
		require.NoError(b, err)
		return l.Size >= n
	})
	b.ReportMetric(time.Since(began).Seconds(), "s-caught-up")
	stop()
	<-ended
	alone := time.Now()
	turn("alone", func() bool { return time.Since(alone) > 10*time.Second })
	require.NoError(b, sealer.Number(w.Ctx))
	require.NoError(b, sealer.SealTenant(w.Ctx, w.ID))
}

// verifyExported verifies the log as the API gives it, JSON Lines, against its newest
// checkpoint.
func verifyExported(b *testing.B, w *tenant, sealer *server.Sealer) {
	checkpoint, err := sealer.Checkpoint(w.Ctx, w.ID, 0)
	require.NoError(b, err)
	keys, err := sealer.VerifierKeys(w.Ctx, w.ID)
	require.NoError(b, err)
	verifiers, err := seal.Verifiers(keys)
	require.NoError(b, err)
	dir := b.TempDir()
	names := []string{filepath.Join(dir, "events.jsonl"), filepath.Join(dir, "checkpoint")}
	require.NoError(b, os.WriteFile(names[1], []byte(checkpoint), 0o600))
	file, err := os.Create(names[0])
	require.NoError(b, err)
	out, line := bufio.NewWriterSize(file, 1<<20), []byte(nil)
	for l, err := range w.store.Leaves(w.Ctx, w.ID, 0, 1000) {
		require.NoError(b, err)
		line, err = seal.Leaf{Number: l.Number, Tenant: w.ID.String(), Body: l.Body}.Append(line[:0])
		require.NoError(b, err)
		_, _ = out.Write(append(line, '\n')) // its error comes with the flush
	}
	require.NoError(b, out.Flush())
	require.NoError(b, file.Close())
	timeAndMemory(b, "file", func() {
		results, err := seal.Files{Names: names, Keys: verifiers, Progress: func(int64) {}}.Verify()
		require.NoError(b, err)
		require.Equal(b, results[0].Events, results[0].Sealed)
	})
}

// timeAndMemory reports how long something takes, and by how much the process grows.
func timeAndMemory(b *testing.B, what string, do func()) {
	debug.FreeOSMemory()
	before, most := resident(b), 0.0
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				most = max(most, resident(b))
			}
		}
	}()
	began := time.Now()
	do()
	b.ReportMetric(time.Since(began).Seconds(), "s-verified-"+what)
	close(stop)
	<-stopped
	b.ReportMetric(max(most-before, 0), "MB-more-"+what)
}

// resident is the memory of this process in MB; 0: the system does not tell.
func resident(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		b.Error(err)
	}
	return float64(pages*os.Getpagesize()) / 1e6
}
