package db_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// A store of a version that counted nothing has its totals once it is migrated.
func TestTotalsOfAnOldStore(t *testing.T) {
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		ctx := context.Background()
		s, err := db.Open(ctx, url, db.Options{Spread: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		o := newOldNames(t, s)
		for i := range 7 {
			u := o.user(fmt.Sprint("u", i), "")
			for c := range 1 + i%2 {
				o.link(c, u, fmt.Sprint("u", i))
			}
		}
		o.group(1, "g")
		require.NoError(t, s.Migrate(ctx))
		o.read(func(r membership.Reader) error {
			for c, want := range [][2]int{{7, 0}, {3, 1}} {
				users, err := r.UserLinks(ctx, o.connections[c], membership.LinkQuery{})
				require.NoError(t, err)
				groups, err := r.GroupLinks(ctx, o.connections[c], membership.LinkQuery{})
				require.NoError(t, err)
				require.Equal(t, want, [2]int{users.Total, groups.Total})
			}
			return nil
		})
	})
}
