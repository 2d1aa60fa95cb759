package membership_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// largeUsers provisions users so large that only a few fit into a part of a page.
func (w *world) largeUsers(n int) (ids []membership.ID) {
	w.t.Helper()
	for i := range n {
		l, err := w.dir.ProvisionUser(w.ctx, w.okta, membership.UserLink{
			UserName: fmt.Sprintf("large%03d", i), Active: true,
			Attributes: []byte(`{"title":"` + strings.Repeat("x", 50_000) + `"}`),
		})
		require.NoError(w.t, err)
		ids = append(ids, l.User)
	}
	return ids
}

// What is deleted while a page is read is made up for, and what the page says of
// itself is true.
func TestPagesWhoseUsersAreDeleted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		users := w.largeUsers(40)
		page := func(q membership.LinkQuery, during func(n int)) (seen []membership.ID, total int, more bool) {
			require.NoError(t, w.dir.VisitProvisionedUsers(w.ctx, w.okta, q,
				func(p *membership.ProvisionedPage[membership.ProvisionedUser]) error {
					for u, err := range p.Items {
						if err != nil {
							return err
						}
						seen = append(seen, u.User)
						during(len(seen))
					}
					total, more = p.Total, p.More
					return nil
				}))
			return seen, total, more
		}
		remove := func(us ...membership.ID) {
			for _, u := range us {
				require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u, 0))
			}
		}
		quiet := func(int) {}
		seen, total, _ := page(membership.LinkQuery{Limit: 30}, quiet)
		require.Equal(t, users[:30], seen)
		require.Equal(t, 40, total)

		// Two that are still to come go: the page is as long as it was to be.
		seen, total, _ = page(membership.LinkQuery{Limit: 30}, func(n int) {
			if n == 1 {
				remove(users[20], users[29])
			}
		})
		users = append(append(users[:20:20], users[21:29]...), users[30:]...)
		require.Equal(t, users[:30], seen)
		require.GreaterOrEqual(t, total, 38)

		// By cursor, in another order, and more is known.
		byName := membership.Sort{Attribute: membership.Attribute{Name: "userName"}}
		seen, _, more := page(membership.LinkQuery{Sort: byName, Resources: dbtest.Resources{}, Limit: 30, More: true},
			func(n int) {
				if n == 1 {
					remove(users[10])
				}
			})
		users = append(users[:10:10], users[11:]...)
		require.Equal(t, users[:30], seen)
		require.True(t, more)

		// At the end of the list the page is short, and the total says so.
		seen, total, _ = page(membership.LinkQuery{Offset: 10, Limit: 100}, func(n int) {
			if n == 1 {
				remove(users[35], users[36])
			}
		})
		require.Equal(t, users[10:35], seen)
		require.Equal(t, 35, total)

		// All of what was to come goes.
		seen, total, more = page(membership.LinkQuery{Limit: 20, More: true}, func(n int) {
			if n == 1 {
				remove(users[8:35]...)
			}
		})
		require.LessOrEqual(t, len(seen), 20)
		require.Equal(t, total, len(seen))
		require.False(t, more)
	})
}
