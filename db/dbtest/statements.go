package dbtest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest/statements"
	"github.com/scimbridge/scimbridge/db/postgres"
)

// sent has what the program sends to the databases of PostgreSQL that tests use.
var sent statements.Recorder

func init() { postgres.Tracer = &sent } //nolint:gochecknoinits // before a test opens a store

// checkStatements reads each statement that was sent to a database, the first time that it
// was sent in this process.
func checkStatements(t testing.TB, database string) {
	t.Helper()
	texts := sent.Take(database)
	if len(texts) == 0 {
		return
	}
	checker, err := Checker()
	require.NoError(t, err)
	for _, text := range texts {
		if wrong := checker.Check(text); len(wrong) > 0 {
			t.Errorf("a statement was sent of which %s: %s", strings.Join(wrong, "; "), text[:min(len(text), shown)])
		}
	}
}

const shown = 2000

// Checker reads statements for a store of PostgreSQL.
var Checker = sync.OnceValues(func() (checker *statements.Checker, err error) {
	err = migrated(func(ctx context.Context, c *pgx.Conn) error {
		checker, err = statements.Schema(ctx, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	checker.AcrossTenants = map[string]bool{}
	for text := range db.AcrossTenants {
		checker.AcrossTenants[postgres.Expand(text)] = true
	}
	return checker, nil
})

// Functions are the definitions of those that a store of PostgreSQL has, by their names.
func Functions() (definitions map[string]string, err error) {
	err = migrated(func(ctx context.Context, c *pgx.Conn) error {
		definitions, err = statements.Definitions(ctx, c)
		return err
	})
	return definitions, err
}

// migrated connects to a migrated store that is there for this alone.
func migrated(do func(context.Context, *pgx.Conn) error) (err error) {
	ctx := context.Background()
	template, err := postgresTemplate()
	if err != nil {
		return err
	}
	server, err := testServer()
	if err != nil {
		return err
	}
	name := databaseName()
	if err := server.create(name, template); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.drop(name)) }()
	c, err := pgx.Connect(ctx, server.url(name, role))
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	return do(ctx, c)
}
