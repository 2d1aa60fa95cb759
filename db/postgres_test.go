package db_test

import (
	"context"
	"testing"

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
		require.Equal(t, []string{"force_generic_plan"}, mode)
	})
}
