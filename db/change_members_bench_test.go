package db_test

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// BenchmarkChangeMembers adds and removes members: one at a time, by one caller
// and by many, who then share commits, and many at once.
func BenchmarkChangeMembers(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			w := newTenant(b, dbtest.Open(b, dbtest.URL(b, engine)))
			toggle := func(b *testing.B, n int64) {
				u := w.Users[n/2%20 : n/2%20+1]
				c := w.Change(u, nil)
				if n%2 == 1 {
					c = w.Change(nil, u)
				}
				if _, err := w.store.WriteMembers(w.Ctx, c); err != nil {
					b.Error(err)
				}
			}
			b.Run("alone", func(b *testing.B) {
				n := int64(0)
				for b.Loop() {
					toggle(b, n)
					n++
				}
			})
			b.Run("together", func(b *testing.B) {
				var n atomic.Int64
				b.SetParallelism(16)
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						toggle(b, n.Add(1))
					}
				})
			})
			for _, n := range []int{100, 2_000, 10_000} {
				w.need(b, n)
				b.Run(strconv.Itoa(n), func(b *testing.B) {
					for i := 0; b.Loop(); i++ {
						at := i * n % (len(w.Users) - n + 1)
						users := w.Users[at : at+n]
						if _, err := w.store.WriteMembers(w.Ctx, w.Change(users, nil)); err != nil {
							b.Fatal(err)
						}
						if _, err := w.store.WriteMembers(w.Ctx, w.Change(nil, users)); err != nil {
							b.Fatal(err)
						}
					}
				})
			}
		})
	}
}

// need makes at least n users.
func (w *tenant) need(b *testing.B, n int) {
	b.Helper()
	w.Update(func(tx membership.Tx) error {
		for i := len(w.Users); i < n; i++ {
			if err := w.InsertUser(tx, fmt.Sprintf("u%d", i), dbtest.Now()); err != nil {
				return err
			}
		}
		return nil
	})
}

// BenchmarkNumberEvents numbers what changes of many members left, in rows for
// all of them.
func BenchmarkNumberEvents(b *testing.B) {
	const members = 10_000
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			w := newTenant(b, dbtest.Open(b, dbtest.URL(b, engine)))
			w.need(b, members)
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				c := w.Change(w.Users, nil)
				if i%2 == 1 {
					c = w.Change(nil, w.Users)
				}
				if _, err := w.store.WriteMembers(w.Ctx, c); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				w.NumberBy(2 * members)
			}
		})
	}
}
