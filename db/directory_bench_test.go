package db_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// BenchmarkMembersOfTenThousand measures what is around the change of members:
// the removal guard, the difference of a replace, one local member. Each pass
// ends with the members that it began with.
func BenchmarkMembersOfTenThousand(b *testing.B) {
	const members, more = 10_000, 11_000
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			w := newTenant(b, dbtest.Open(b, dbtest.URL(b, engine)))
			w.Update(func(tx membership.Tx) error {
				for len(w.Users) < more {
					if err := w.InsertUser(tx, fmt.Sprintf("many%d", len(w.Users)), dbtest.Now()); err != nil {
						return err
					}
				}
				return dbtest.ChangeMembers(w.Ctx, tx, w.Change(w.Users[:members], nil))
			})
			call, native := w.Change(nil, nil).Call, w.Change(nil, nil).Call
			native.Connection = membership.ID{}
			for _, guard := range []membership.RemovalGuard{{}, {On: true, Members: 100, Percent: 100}} {
				dir := membership.NewDirectory(w.store, dbtest.AllowAll{}, membership.Options{Guard: guard})
				patch := func(b *testing.B, fn func(*membership.MemberDelta)) {
					var d membership.MemberDelta
					fn(&d)
					if _, err := dir.UpdateProvisionedGroup(w.Ctx, call, w.Group,
						membership.GroupUpdate{Members: d}); err != nil {
						b.Fatal(err)
					}
				}
				for _, n := range []int{2, 100, 10_000} {
					b.Run(fmt.Sprintf("remove %d guard %t", n, guard.On), func(b *testing.B) {
						var out time.Duration
						for b.Loop() {
							begun := time.Now()
							patch(b, func(d *membership.MemberDelta) { d.Remove(w.Users[:n]...) })
							out += time.Since(begun)
							patch(b, func(d *membership.MemberDelta) { d.Add(w.Users[:n]...) })
						}
						b.ReportMetric(float64(out.Microseconds())/float64(b.N), "µs/remove")
					})
				}
				for _, n := range []int{10, 1000} {
					b.Run(fmt.Sprintf("replace %d differ guard %t", n, guard.On), func(b *testing.B) {
						for b.Loop() {
							patch(b, func(d *membership.MemberDelta) { d.Clear(); d.Add(w.Users[n : members+n]...) })
							patch(b, func(d *membership.MemberDelta) { d.Clear(); d.Add(w.Users[:members]...) })
						}
					})
				}
			}
			b.Run("list", func(b *testing.B) {
				for b.Loop() {
					require.NoError(b, w.store.Read(w.Ctx, w.ID, func(r membership.Reader) error {
						n := 0
						for _, err := range r.Members(w.Ctx, w.Group, membership.MemberQuery{}) {
							if err != nil {
								return err
							}
							n++
						}
						require.Equal(b, members, n)
						return nil
					}))
				}
			})
			b.Run("one local member", func(b *testing.B) {
				dir := membership.NewDirectory(w.store, dbtest.AllowAll{}, membership.Options{})
				for b.Loop() {
					_, err := dir.AddMember(w.Ctx, native, w.Group, w.Users[members], false)
					require.NoError(b, err)
					_, err = dir.RemoveMember(w.Ctx, native, w.Group, w.Users[members])
					require.NoError(b, err)
				}
			})
		})
	}
}
