package db_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// scatter gives a tenant grants in some groups, open and past, of several sources, at
// random within an hour after a time.
func (w *tenant) scatter(r *rand.Rand, begin time.Time) (groups, users []membership.ID) {
	w.T.Helper()
	id := func(n int) membership.ID { return membership.ID{0: byte(n), 15: 1} }
	var all []error
	exec := func(q string, args ...any) {
		all = append(all, w.store.Exec(w.Ctx, w.ID, q, append([]any{w.ID}, args...)...))
	}
	for n := range 5 {
		groups = append(groups, id(100-n)) // their ids are in another order than their numbers
		exec(`insert into groups (tenant_id, id, display_name, display_name_key, kind, origin, created_at, updated_at,
				no) values ($1, $2, 'g', 'g', 'custom', 'scim', $3, $3, $4)`, groups[n], db.Stamp(begin), 1000+n)
		for m := range 20 {
			user := id(m + 1)
			if n == 0 {
				users = append(users, user)
			}
			for connection := range 3 {
				at := func() time.Time { return begin.Add(time.Duration(r.IntN(3600)) * time.Second) }
				if r.IntN(2) == 0 {
					ends := time.Time{}
					if connection == 0 && r.IntN(3) == 0 {
						ends = begin.Add(2 * time.Hour)
					}
					exec(`insert into grants (tenant_id, group_no, user_id, connection_no, id, opened_at, opened_event,
						expires_at) values ($1, $2, $3, $4, $5, $6, 1, $7)`, 1000+n, user, connection,
						membership.NewID(), db.Micros(at()), db.Micros(ends))
				}
				for event := range r.IntN(3) {
					opened := at()
					exec(`insert into past_grants (tenant_id, group_no, user_id, connection_no, id, opened_at,
						opened_event, closed_at, closed_event) values ($1, $2, $3, $4, $5, $6, 1, $7, $8)`,
						1000+n, user, connection, membership.NewID(), db.Micros(opened),
						db.Micros(opened.Add(10*time.Minute)), event)
				}
			}
		}
	}
	require.NoError(w.T, errors.Join(all...))
	return groups, users
}

// The pages of the register are the register, however little each of them looks at.
func TestPagesOfTheRegister(t *testing.T) {
	for _, c := range []struct{ window, most int }{{1000, 73_000}, {1, 1}, {3, 20}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			db.SmallPages(t, c.window, c.most)
			dbtest.Each(t, func(t *testing.T, s *db.Store) {
				w, r := newTenant(t, s), rand.New(rand.NewPCG(2026, 11))
				begin := dbtest.Now().Add(-3 * time.Hour)
				groups, users := w.scatter(r, begin)
				var times []membership.AsOf
				for _, minutes := range []int{-1, 5, 30, 59, 170} {
					times = append(times, membership.AsOf{Time: begin.Add(time.Duration(minutes) * time.Minute)})
				}
				times = append(times, membership.AsOf{},
					membership.AsOf{Time: dbtest.Now(), Behind: begin.Add(40 * time.Minute)})
				parts := 0
				for _, at := range times {
					for _, q := range []membership.RegisterQuery{
						{}, {Group: groups[1]}, {Group: membership.NewID()}, {User: users[3]},
						{User: users[3], Group: groups[1]}, {Source: membership.SourceLocal},
						{Source: membership.SourceSCIM, Group: groups[2]}, {Connection: w.Connection},
						{Source: membership.SourceLocal, User: users[4]},
					} {
						q.AsOf = at
						for _, limit := range []int{1, 2, 7, 1000} {
							parts += w.samePages(q, limit)
						}
					}
				}
				require.Equal(t, c.window < 1000, parts > 0, "pages that end where no more was looked at")
			})
		})
	}
}

// samePages compares the pages of a query with the whole, and counts those that have
// fewer rows than they may.
func (w *tenant) samePages(q membership.RegisterQuery, limit int) (parts int) {
	w.T.Helper()
	what := fmt.Sprintf("%+v by %d", q, limit)
	require.NoError(w.T, w.store.Read(w.Ctx, w.ID, func(r membership.Reader) error {
		var whole, paged []membership.RegisterRow
		for row, err := range r.Register(w.Ctx, q) {
			require.NoError(w.T, err)
			whole = append(whole, row)
		}
		parts = 0
		for q := q; ; {
			p, err := r.RegisterPage(w.Ctx, q, limit)
			require.NoError(w.T, err, what)
			if n := len(paged); n > 0 && len(p.Rows) > 0 {
				last, first := paged[n-1].Grant, p.Rows[0].Grant
				require.False(w.T, last.Group == first.Group && last.User == first.User,
					"%s: a member is on one page", what)
			}
			paged = append(paged, p.Rows...)
			if p.Part {
				parts++
			}
			if p.Next == nil {
				require.False(w.T, p.Part, what)
				break
			}
			require.True(w.T, p.Part || len(p.Rows) >= limit, what)
			q.After = *p.Next
		}
		require.Equal(w.T, whole, paged, what)
		return nil
	}))
	return parts
}

// Whose grants were not the same at two times has some that changed since the first.
func TestWhatChangedInTheRegister(t *testing.T) {
	db.SmallPages(t, 3, 20)
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w, r := newTenant(t, s), rand.New(rand.NewPCG(2026, 12))
		begin := dbtest.Now().Add(-3 * time.Hour)
		groups, users := w.scatter(r, begin)
		at := func(minutes int) membership.AsOf {
			return membership.AsOf{Time: begin.Add(time.Duration(minutes) * time.Minute)}
		}
		differing := 0
		require.NoError(t, s.Read(w.Ctx, w.ID, func(r membership.Reader) error {
			page := func(q membership.RegisterQuery) (of map[membership.ID]string) {
				of = map[membership.ID]string{}
				q.Group = groups[2]
				for {
					p, err := r.RegisterPage(w.Ctx, q, 5)
					require.NoError(t, err)
					for _, row := range p.Rows {
						of[row.User.ID] += row.Grant.ID.String()
					}
					if p.Next == nil {
						return of
					}
					q.After = *p.Next
				}
			}
			for _, from := range []int{-1, 20, 40, 130} {
				changed := page(membership.RegisterQuery{AsOf: at(170), ChangedSince: at(from).Time})
				for _, to := range []int{30, 59, 125, 170} {
					before := page(membership.RegisterQuery{AsOf: at(from)})
					now := page(membership.RegisterQuery{AsOf: at(to)})
					for _, u := range users {
						if from < to && before[u] != now[u] {
							differing++
							require.Contains(t, changed, u, "from %d to %d", from, to)
						}
					}
				}
			}
			some := users[3:9]
			whole, part := page(membership.RegisterQuery{AsOf: at(50)}), map[membership.ID]string{}
			p, err := r.RegisterPage(w.Ctx, membership.RegisterQuery{AsOf: at(50), Group: groups[2], Users: some}, 1000)
			require.NoError(t, err)
			require.Nil(t, p.Next)
			for _, row := range p.Rows {
				part[row.User.ID] += row.Grant.ID.String()
			}
			for _, u := range users {
				if slices.Contains(some, u) {
					require.Equal(t, whole[u], part[u])
				} else {
					require.Empty(t, part[u])
				}
			}
			return nil
		}))
		require.Positive(t, differing)
	})
}
