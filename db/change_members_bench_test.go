package db_test

import (
	"sync/atomic"
	"testing"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// BenchmarkChangeMembers adds and removes one member, one after the other and
// from many callers, who then share commits.
func BenchmarkChangeMembers(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			w := newTenant(b, dbtest.Open(b, dbtest.URL(b, engine)))
			toggle := func(b *testing.B, n int64) {
				u := w.users[n/2%20 : n/2%20+1]
				c := w.change(u, nil)
				if n%2 == 1 {
					c = w.change(nil, u)
				}
				if _, err := w.store.ChangeMembers(w.ctx, c); err != nil {
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
			b.Run("twenty", func(b *testing.B) {
				for b.Loop() {
					if _, err := w.store.ChangeMembers(w.ctx, w.change(w.users[:20], nil)); err != nil {
						b.Fatal(err)
					}
					if _, err := w.store.ChangeMembers(w.ctx, w.change(nil, w.users[:20])); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
