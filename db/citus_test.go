package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Where the tests run on a Citus, a statement that looks at more than one shard is an error
// of the database, in all of them as in production; but for what lists the tenants.
func TestCitusKeepsStatementsWithOneTenant(t *testing.T) {
	if !dbtest.IsCitus(t, "postgres") {
		t.Skip("NOT CHECKED: these tests do not run on a Citus")
	}
	s := dbtest.Open(t, dbtest.URL(t, "postgres"))
	one, other := newTenant(t, s), newTenant(t, s)
	for _, q := range []string{
		`select count(*)::text from users`,
		`select count(*)::text from grants where ctid = '(0,1)'`,
	} {
		_, err := s.Query(one.Ctx, one.ID, q)
		require.ErrorContains(t, err, "multi-task", q)
	}
	rows, err := s.Query(one.Ctx, one.ID, `select count(*)::text from users where tenant_id = $1`, one.ID)
	require.NoError(t, err)
	require.NotEqual(t, []string{"0"}, rows)
	tenants, err := s.Tenants(one.Ctx, other.ID, 0)
	require.NoError(t, err)
	require.Empty(t, tenants)
	tenants, err = s.Tenants(one.Ctx, membership.ID{}, 10)
	require.NoError(t, err)
	require.Len(t, tenants, 2)
}
