package db_test

import (
	"io/fs"
	"testing"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/postgres"
)

// What functions of the database do is held to one tenant, as what is sent to it is.
func TestFunctionsNameTheirTenant(t *testing.T) {
	dbtest.Wants(t, "postgres")
	checker, err := dbtest.Checker()
	require.NoError(t, err)
	functions, err := dbtest.Functions()
	require.NoError(t, err)
	require.Greater(t, len(functions), 5, "the functions were not found")
	for name, definition := range functions {
		assert.Empty(t, checker.CheckFunction(definition), name)
	}
}

func TestMigrationsOfDistributedTables(t *testing.T) {
	dbtest.Wants(t, "postgres")
	checker, err := dbtest.Checker()
	require.NoError(t, err)
	files, err := fs.Glob(db.Migrations, "migrations/postgres/*.sql")
	require.NoError(t, err)
	for _, name := range files {
		number, err := goose.NumericComponent(name)
		require.NoError(t, err)
		if number <= postgres.FirstDistributed {
			continue
		}
		text, err := db.Migrations.ReadFile(name)
		require.NoError(t, err)
		assert.Empty(t, checker.CheckMigration(string(text)), name)
	}
}
