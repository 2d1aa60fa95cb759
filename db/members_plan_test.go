package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A tenant whose neighbours have very many grants in few groups lists its members by
// their key, whether PostgreSQL knows the tables, knew them empty, or never looked.
func TestMembersAreListedByTheirKey(t *testing.T) {
	dbtest.PlainPlans(t, "postgres")
	s, err := db.OpenWithoutStatistics(t.Context(), dbtest.URL(t, "postgres"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	require.NoError(t, s.Migrate(t.Context()))
	small := newTenant(t, s)
	byKey := func() {
		t.Helper()
		for _, limit := range []int{1, 1000} {
			plan, err := db.ExplainMembers(t.Context(), s, small.ID, small.Connection, small.Group, limit)
			require.NoError(t, err)
			for _, step := range plan {
				require.NotContains(t, step, "Seq Scan on grants", "%v", plan)
				require.NotContains(t, step, "Hash", "%v", plan)
				require.NotContains(t, step, "Merge", "%v", plan)
			}
		}
	}
	byKey()
	for range 2 {
		large := newTenant(t, s)
		require.NoError(t, s.Exec(large.Ctx, large.ID, `insert into grants
			(tenant_id, group_no, user_id, connection_no, id, opened_at, opened_event)
			select $1, -1 - i % 3, lpad(to_hex(i), 32, '0')::uuid, 1, $1, now(), 1 from generate_series(1, 100000) i`,
			large.ID))
		byKey()
	}
	require.NoError(t, s.Exec(small.Ctx, small.ID, `analyze`))
	byKey()
}
