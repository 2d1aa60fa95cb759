package db_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// A first import brings its users before it brings any member: that the tables
// were looked at when there were no members does not keep them from another look.
func TestGrantsHaveStatisticsOfTheirOwn(t *testing.T) {
	dbtest.PlainPlans(t, "postgres")
	s := dbtest.Open(t, dbtest.URL(t, "postgres"))
	w := newTenant(t, s)
	looks := func() int {
		rows, err := s.Query(w.Ctx, w.ID,
			`select analyze_count::text from pg_stat_user_tables where relname = 'grants'`)
		require.NoError(t, err)
		require.Len(t, rows, 1)
		n, err := strconv.Atoi(rows[0])
		require.NoError(t, err)
		return n
	}
	const enough = 400
	w.Update(func(tx membership.Tx) error {
		for i := len(w.Users); i < enough; i++ {
			if err := w.InsertUser(tx, fmt.Sprintf("u%d", i), dbtest.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	require.Eventually(t, func() bool { return looks() > 0 }, time.Minute, 10*time.Millisecond)
	before := looks()
	w.Update(func(tx membership.Tx) error { return dbtest.ChangeMembers(w.Ctx, tx, w.Change(w.Users[1:], nil)) })
	require.Eventually(t, func() bool { return looks() > before }, time.Minute, 10*time.Millisecond)
}
