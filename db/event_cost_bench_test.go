package db_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/server"
)

// BenchmarkEventCost measures what changes of members cost the log: bytes with all
// indexes, those of sealing too; the time until they are under a checkpoint; and what
// audit verify --store takes. Of PostgreSQL the bytes are those that its vacuum leaves.
// A round before it fills what is there once.
func BenchmarkEventCost(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		for _, of := range []struct {
			name             string
			members, changes int
			reason           string
			alone            bool // each has a checkpoint of its own
		}{
			{"one", 1, 10_000, "", false},
			{"reason", 1, 10_000, "INC-4711: joins the team", false},
			{"many", 10_000, 10, "", false},
			{"alone", 1, 1_000, "", true},
		} {
			b.Run(engine+"/"+of.name, func(b *testing.B) {
				url := dbtest.URL(b, engine)
				w := newTenant(b, dbtest.Open(b, url))
				w.need(b, max(of.members, 100))
				key, err := seal.NewKey()
				require.NoError(b, err)
				sealer := server.NewSealer(w.store, server.SealerOptions{Keys: seal.Keys{key}, PublicURL: "http://x"})
				changes, fastest := 0, time.Hour
				seals := func() {
					require.NoError(b, sealer.Number(w.Ctx))
					require.NoError(b, sealer.SealTenant(w.Ctx, w.ID))
				}
				round := func() {
					b.StopTimer()
					for range of.changes {
						w.write(b, changes, of.members, of.reason)
						if changes++; of.alone {
							seals()
						}
					}
					b.StartTimer()
					began := time.Now()
					seals()
					fastest = min(fastest, time.Since(began))
					b.StopTimer()
					logBytes(b, w, url) // its vacuum comes
					b.StartTimer()
				}
				round()
				before := logBytes(b, w, url)
				changes, fastest = 0, time.Hour
				for b.Loop() {
					round()
				}
				n := float64(changes)
				b.ReportMetric(float64(logBytes(b, w, url)-before)/n, "B/change")
				b.ReportMetric(float64(fastest.Milliseconds()), "ms/fastest-round")
				began := time.Now()
				done, err := sealer.Verify(w.Ctx, w.ID, nil, nil, func(int64) {})
				require.NoError(b, err)
				b.ReportMetric(float64(time.Since(began).Microseconds())/float64(done.Events), "µs-verified/event")
			})
		}
	}
}

// BenchmarkWritesBesideSealing is the median of a change of one member with and
// without a server that numbers and seals, in turns of some seconds.
func BenchmarkWritesBesideSealing(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			w := newTenant(b, dbtest.Open(b, dbtest.URL(b, engine)))
			w.need(b, 100)
			key, err := seal.NewKey()
			require.NoError(b, err)
			sealer := server.NewSealer(w.store, server.SealerOptions{Keys: seal.Keys{key}, PublicURL: "http://x"})
			var took [2][]time.Duration // without, with
			n := 0
			turn := func(with int) {
				require.NoError(b, sealer.Number(w.Ctx)) // no backlog
				ctx, stop := context.WithCancel(w.Ctx)
				var running sync.WaitGroup
				if with == 1 {
					running.Go(func() { sealer.Run(ctx) })
				}
				for end := time.Now().Add(6 * time.Second); time.Now().Before(end); n++ {
					began := time.Now()
					w.write(b, n, 1, "")
					took[with] = append(took[with], time.Since(began))
				}
				stop()
				running.Wait()
			}
			for b.Loop() {
				turn(0)
				turn(1)
			}
			for i, what := range []string{"µs-p50-alone", "µs-p50-beside-sealing"} {
				slices.Sort(took[i])
				b.ReportMetric(float64(took[i][len(took[i])/2].Nanoseconds())/1e3, what)
			}
		})
	}
}

// write adds members, or removes those that the last write added, as a provider does.
func (w *tenant) write(b *testing.B, i, members int, reason string) {
	b.Helper()
	some := w.Users[:members]
	if members == 1 {
		some = w.Users[i/2%100 : i/2%100+1]
	}
	c := w.Change(some, nil)
	if i%2 == 1 {
		c = w.Change(nil, some)
	}
	c.Call.RequestID, c.Call.Reason = membership.NewID().String(), reason
	c.Call.Credential = membership.Credential{Kind: membership.CredentialToken, ID: membership.NewID()}
	_, err := w.store.WriteMembers(w.Ctx, c)
	require.NoError(b, err)
}

var logTables = []string{
	"events", "event_users", "event_keys", "event_spans", "event_texts", "event_heads",
	"seal_logs", "seal_hashes", "seal_checkpoints",
}

// logBytes are those of the log in the store.
func logBytes(b *testing.B, w *tenant, url string) (n int64) {
	b.Helper()
	if w.store.Engine() == "postgres" {
		c, err := pgx.Connect(w.Ctx, url)
		require.NoError(b, err)
		defer c.Close(w.Ctx) //nolint:errcheck // a test
		for _, table := range logTables {
			_, err := c.Exec(w.Ctx, "vacuum "+table)
			require.NoError(b, err)
			var size int64
			require.NoError(b, c.QueryRow(w.Ctx, "select pg_total_relation_size($1::regclass)", table).Scan(&size))
			n += size
		}
		return n
	}
	for _, table := range logTables {
		sizes, err := w.store.Query(w.Ctx, w.ID, `select cast(sum(pgsize) as text) from dbstat
			where name in (select name from sqlite_schema where tbl_name = '`+table+`')`)
		require.NoError(b, err)
		size, err := strconv.ParseInt(sizes[0], 10, 64)
		require.NoError(b, err)
		n += size
	}
	return n
}
