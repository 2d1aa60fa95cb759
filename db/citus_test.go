package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Where the tests run on a Citus, a statement that looks at more than one shard is an error
// of the database, in all of them as in production; but for what lists the tenants.
func TestCitusKeepsStatementsWithOneTenant(t *testing.T) {
	dbtest.NeedsCitus(t)
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

// A migration of tables that are distributed already: what it adds is on all nodes, for the
// role that serves.
func TestAMigrationOfADistributedStore(t *testing.T) {
	dbtest.NeedsCitus(t)
	serves := dbtest.URL(t, "postgres")
	s := dbtest.Open(t, serves)
	w := newTenant(t, s)
	owner, err := db.Open(t.Context(), dbtest.OwnerURL(t, serves), db.Options{Citus: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, owner.Close()) })
	require.NoError(t, owner.MigrateWith(t.Context(), map[string]string{"90000_things.sql": `-- +goose Up
create table things (
    tenant_id uuid not null references tenants,
    id uuid not null,
    primary key (tenant_id, id)
);
alter table things enable row level security;
alter table things force row level security;
create policy own_tenant on things using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table users add column things bigint not null default 0;
update users set things = 7;
`}))
	require.NoError(t, s.Exec(w.Ctx, w.ID, `insert into things (tenant_id, id) values ($1, $2)`, w.ID, w.Users[0]))
	rows, err := s.Query(w.Ctx, w.ID, `select u.things::text from things t
		join users u on u.tenant_id = $1 and u.id = t.id where t.tenant_id = $1`, w.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"7"}, rows)
	other := newTenant(t, s)
	rows, err = s.Query(other.Ctx, other.ID, `select count(*)::text from things where tenant_id = $1`, w.ID)
	require.NoError(t, err)
	require.Equal(t, []string{"0"}, rows, "row-level security holds for the role that serves")
}
