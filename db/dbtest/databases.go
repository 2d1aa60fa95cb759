package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
)

// URL returns the URL of a store that has nothing in it, which ends with the test. It is a
// copy of one that was migrated once: most of a short test was migrations.
func URL(t testing.TB, engine string) string {
	t.Helper()
	return database(t, engine, func(file string) error {
		store, err := migratedFile()
		if err != nil {
			return err
		}
		return os.WriteFile(file, store, 0o600)
	}, postgresTemplate)
}

// EmptyURL returns the URL of a database without a store, for the role that it belongs to. It
// ends with the test.
func EmptyURL(t testing.TB, engine string) string {
	t.Helper()
	nothing := func(string) error { return nil }
	u := database(t, engine, nothing, emptyTemplate)
	if engine == "postgres" {
		u = OwnerURL(t, u)
	}
	return u
}

func database(t testing.TB, engine string, write func(file string) error, template func() (string, error)) string {
	t.Helper()
	Wants(t, engine)
	switch engine {
	case "sqlite":
		file := filepath.Join(t.TempDir(), "test.db")
		require.NoError(t, write(file))
		return "sqlite:" + file
	case "postgres":
		if os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL") == "" {
			t.Fatal("no PostgreSQL: run make test, which starts one, or make test-sqlite")
		}
		name, err := template()
		require.NoError(t, err)
		return postgresCopy(t, name)
	}
	t.Fatalf("no such engine: %s", engine)
	return ""
}

// migratedFile is the file of a migrated SQLite store.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "scimbridge-template-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "test.db")
	if err := migrate("sqlite:" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file)
})

func migrate(url string) error {
	ctx := context.Background()
	s, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	if err := s.Migrate(ctx); err != nil {
		_ = s.Close()
		return err
	}
	return s.Close()
}

// role is what the tests connect as: no superuser, so that row-level security
// holds for them as it does in production. Its password is found nowhere else, so
// that a test can look for it.
const (
	role     = "scimbridge_tester"
	password = "pa55word-of-the-database"
)

// postgresTemplate names the database to copy, which the test programs of one schema
// share; it stays on the server.
var postgresTemplate = sync.OnceValues(func() (string, error) {
	schema := sha256.New()
	if err := fs.WalkDir(db.Migrations, "migrations/postgres", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := db.Migrations.ReadFile(name)
		_, _ = schema.Write(text)
		return err
	}); err != nil {
		return "", err
	}
	server, err := testServer()
	if err != nil {
		return "", err
	}
	name := "scimbridge_template_" + hex.EncodeToString(schema.Sum(nil)[:8])
	return name, server.template(name, migrate)
})

// emptyTemplate is postgresTemplate without a schema.
var emptyTemplate = sync.OnceValues(func() (string, error) {
	server, err := testServer()
	if err != nil || len(server.nodes) == 1 {
		return "template1", err
	}
	const name = "scimbridge_template_empty"
	return name, server.template(name, func(string) error { return nil })
})

// template makes a database to copy, if it is not there.
func (s *databaseServer) template(name string, fill func(url string) error) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, s.nodes[0].String())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, `select pg_advisory_lock(hashtext($1))`, name); err != nil {
		return err
	}
	var there bool
	if err := c.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).
		Scan(&there); err != nil || there {
		return err
	}
	half := name + "_half" // of a program that was killed, if it is there
	if err := s.drop(half); err != nil {
		return err
	}
	if err := s.create(half, "template1"); err != nil {
		return err
	}
	if err := s.join(half); err != nil {
		return err
	}
	if err := fill(s.url(half, s.owner)); err != nil {
		return err
	}
	return s.keep(half, name)
}

func postgresCopy(t testing.TB, template string) string {
	t.Helper()
	server, err := testServer()
	require.NoError(t, err)
	name := databaseName()
	require.NoError(t, server.create(name, template))
	t.Cleanup(func() { require.NoError(t, server.drop(name)) })
	t.Cleanup(func() { checkStatements(t, name) })
	return server.url(name, role)
}

func databaseName() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "scimbridge_test_" + hex.EncodeToString(b[:])
}
