package db_test

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Ids could not be sent in these: every request would fail.
func TestModesThatNoQueryCanRunIn(t *testing.T) {
	for _, mode := range []string{"exec", "simple_protocol"} {
		_, err := db.Open(context.Background(), "postgres://bridge@127.0.0.1:1/bridge?default_query_exec_mode="+mode,
			db.Options{})
		require.ErrorContains(t, err, "cache_describe")
	}
}

// What the start leaves out is said afterwards.
func TestPlansAreMadeOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		if s.Engine() != "postgres" {
			return
		}
		mode, err := s.Query(context.Background(), membership.NewID(), "show plan_cache_mode")
		require.NoError(t, err)
		want := "force_generic_plan"
		if dbtest.IsCitus(t, s.Engine()) {
			want = "force_custom_plan"
		}
		require.Equal(t, []string{want}, mode)
	})
}

// A database that gives fewer connections than the pool may have: requests wait for those
// that there are, and the store is ready.
func TestFewerConnectionsThanThePool(t *testing.T) {
	dbtest.Wants(t, "postgres")
	to := dbtest.URL(t, "postgres")
	u, err := url.Parse(to)
	require.NoError(t, err)
	c, err := pgx.Connect(t.Context(), dbtest.OwnerURL(t, to))
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "alter database "+strings.TrimPrefix(u.Path, "/")+" connection limit 6")
	require.NoError(t, err)
	require.NoError(t, c.Close(t.Context()))

	s := dbtest.Open(t, to)
	w := newTenant(t, s)
	var wg sync.WaitGroup
	for writer := range 32 {
		wg.Go(func() {
			for n := range 10 {
				assert.NoError(t, insertUser(t.Context(), s, w.ID, writer*10+n))
				assert.Empty(t, reasonOf(t, s))
			}
		})
	}
	wg.Wait()
}
