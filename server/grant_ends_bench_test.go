package server

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// BenchmarkBesideEnds is a change of one member of a tenant, while nothing else happens
// and while 100,000 grants of another tenant, which ended in one second, are closed.
func BenchmarkBesideEnds(b *testing.B) {
	const users, groups = 5_000, 20
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := newTold(b, engine)
			quiet := dbtest.NewTenant(b, s.store)
			dir := membership.NewDirectory(s.store, dbtest.AllowAll{}, membership.Options{})
			s.tenant.Update(func(tx membership.Tx) error {
				for i := range users {
					if err := s.tenant.InsertUser(tx, fmt.Sprint("ends-", i), time.Now()); err != nil {
						return err
					}
				}
				return nil
			})
			admin := s.tenant.Local(membership.ID{}, true, nil).Call
			for b.Loop() {
				end := time.Now().Add(time.Minute)
				for g := range groups {
					name := fmt.Sprint("ends-", g, "-", end)
					group, err := dir.CreateGroup(b.Context(), admin, name, membership.GroupCustom)
					require.NoError(b, err)
					for part := range slices.Chunk(s.tenant.Users[len(s.tenant.Users)-users:], 1000) {
						_, err = dir.ApplyBatch(b.Context(), admin, group.ID, membership.MemberBatch{
							Add: part, GrantTerms: membership.GrantTerms{ExpiresAt: end},
						})
						require.NoError(b, err)
					}
				}
				require.True(b, time.Now().Before(end), "it took longer than a minute to add them")
				report(b, "quiet", changes(b, quiet, func() bool { return time.Now().After(end) }))
				ctx, stop := context.WithCancel(b.Context())
				var running sync.WaitGroup
				ends := &grantEnds{store: s.store, directory: dir, log: zap.NewNop()}
				running.Go(func() { ends.Run(ctx) })
				began := time.Now()
				report(b, "beside", changes(b, quiet, func() bool {
					due, err := s.store.TenantsEnding(b.Context(), time.Now(), 1)
					require.NoError(b, err)
					return len(due) == 0
				}))
				b.ReportMetric(time.Since(began).Seconds(), "s-to-close")
				stop()
				running.Wait()
			}
		})
	}
}

// changes makes changes of one member, a hundred a second, and asks every hundred changes
// whether that is all; the result is the time of each, in order.
func changes(b *testing.B, w *dbtest.Tenant, ended func() bool) (took []time.Duration) {
	b.Helper()
	for i := 0; i%100 != 0 || i == 0 || !ended(); i++ {
		c := w.Change(w.Users[1:2], nil)
		if i%2 == 1 {
			c = w.Change(nil, w.Users[1:2])
		}
		began := time.Now()
		_, err := w.Store.WriteMembers(w.Ctx, c)
		require.NoError(b, err)
		took = append(took, time.Since(began))
		time.Sleep(10 * time.Millisecond)
	}
	slices.Sort(took)
	return took
}

func report(b *testing.B, what string, took []time.Duration) {
	b.Helper()
	for name, part := range map[string]float64{"p50": 0.5, "p99": 0.99, "max": 1} {
		b.ReportMetric(float64(took[int(part*float64(len(took)-1))].Microseconds())/1000, "ms-"+name+"-"+what)
	}
}
