package db_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Lists and their filters go by the index that was made for them, and count nothing
// that they do not select: with statistics and without, in a tenant that is most of
// the store, and in one that is new.
func TestListsGoByTheirIndexes(t *testing.T) {
	for _, url := range dbtest.Engines() {
		for _, statistics := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, statistics %t", url, statistics), func(t *testing.T) {
				dbtest.PlainPlans(t, url)
				s := openWithoutStatistics(t, dbtest.URL(t, url))
				large, fresh := newTenant(t, s), newTenant(t, s)
				large.insertUsers(3000)
				if statistics {
					analyze := map[string]string{"sqlite": "select 1", "postgres": "analyze"}[s.Engine()]
					require.NoError(t, s.Exec(large.Ctx, large.ID, analyze))
				}
				for _, w := range []*tenant{large, fresh} {
					checkListPlans(t, s, w)
				}
			})
		}
	}
}

func openWithoutStatistics(t *testing.T, url string) *db.Store {
	s, err := db.OpenWithoutStatistics(context.Background(), url)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(context.Background()))
	return s
}

// insertUsers adds active users, and every hundredth who is not.
func (w *tenant) insertUsers(n int) {
	at := dbtest.Now().Add(-time.Hour)
	w.Update(func(tx membership.Tx) (err error) {
		for i := range n {
			u := membership.User{
				Tenant: w.ID, ID: membership.NewID(), UserName: fmt.Sprintf("many%06d", i), Origin: "scim",
				Active:    i%100 > 0,
				CreatedAt: at, UpdatedAt: at,
			}
			err = errors.Join(err, tx.InsertUser(w.Ctx, u), tx.InsertUserLink(w.Ctx, membership.UserLink{
				Tenant: w.ID, Connection: w.Connection, User: u.ID, UserName: u.UserName, Active: u.Active,
				Attributes: []byte(`{}`), Version: 1, CreatedAt: at,
				LastModified: at.Add(time.Duration(i) * time.Second),
			}))
		}
		return err
	})
}

func checkListPlans(t *testing.T, s *db.Store, w *tenant) {
	t.Helper()
	compare := func(name, sub string, op membership.Operator, v any) membership.Filter {
		a := membership.Attribute{Name: name, Sub: sub, Time: sub == "lastModified"}
		return membership.Compare{Attribute: a, Op: op, Value: v}
	}
	beginning := compare("userName", "", membership.StartsWith, "many0000")
	since := compare("meta", "lastModified", membership.Greater, membership.Timestamp(dbtest.Now()))
	inactive := compare("active", "", membership.Equal, false)
	const (
		totals = `link_totals|SEARCH t USING PRIMARY KEY \(tenant_id=\? AND connection_id=\? AND kind=`
		// By a list of ids, any index is as good that begins with them or with what they were found by.
		byID = `user_links_(pkey|user|inactive|last_modified)|autoindex_user_links_1`
	)
	after := &membership.Cursor{ID: w.Users[3]}
	for name, c := range map[string]struct {
		q     membership.LinkQuery
		first string // the first plan
		rest  string // all others
	}{
		"page 1":         {membership.LinkQuery{Limit: 100}, totals, byID},
		"after a cursor": {membership.LinkQuery{Limit: 100, After: after}, totals, byID},
		"by index":       {membership.LinkQuery{Limit: 100, Offset: 10}, totals, byID},
		"name sw":        {membership.LinkQuery{Limit: 100, Filter: beginning}, "user_links_user_name", byID},
		"changed since":  {membership.LinkQuery{Limit: 100, Filter: since}, "user_links_last_modified", byID},
		"inactive": {membership.LinkQuery{Limit: 100, Filter: inactive}, "user_links_inactive",
			"user_links_inactive|" + totals},
		"inactive and since": {membership.LinkQuery{Limit: 100, Filter: membership.And{Left: inactive, Right: since}},
			"user_links_last_modified", byID},
		"inactive, by cursor": {membership.LinkQuery{Limit: 100, Filter: inactive, After: after}, totals,
			"user_links_inactive"},
	} {
		plans, err := s.Plans(w.Ctx, w.ID, func(r membership.Reader) error {
			_, err := r.UserLinks(w.Ctx, w.Connection, c.q)
			return err
		})
		require.NoError(t, err)
		require.Regexp(t, c.first, plans[0], name)
		for _, plan := range plans[1:] {
			require.Regexp(t, c.rest, plan, name)
		}
		for _, plan := range plans {
			require.NotRegexp(t, `Seq Scan on user|SCAN [lu]\b`, plan, name)
		}
	}
	no := false
	for index, q := range map[string]membership.NativeQuery{
		"users_inactive": {Active: &no, Limit: 100}, "users_local": {Origin: membership.SourceLocal, Limit: 100},
		"users_pkey|PRIMARY KEY": {Limit: 100},
		"users_user_name":        {NamePrefix: "u1", Limit: 100},
	} {
		plans, err := s.Plans(w.Ctx, w.ID, func(r membership.Reader) error {
			_, err := r.Users(w.Ctx, q)
			return err
		})
		require.NoError(t, err)
		require.Regexp(t, index, plans[0])
		require.NotRegexp(t, `Seq Scan on user|SCAN [lu]\b`, plans[0], index)
	}
}
