package dbtest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/url"
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

// EmptyURL returns the URL of a database without a store, which ends with the test.
func EmptyURL(t testing.TB, engine string) string {
	t.Helper()
	nothing := func(string) error { return nil }
	return database(t, engine, nothing, func() (string, error) { return "template1", nil })
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

var prepareServer = sync.OnceValues(func() (*url.URL, error) {
	u, err := url.Parse(os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	return u, admin(u, `do $$ begin
		create role `+role+` login password '`+password+`' nosuperuser nobypassrls;
	exception when duplicate_object or unique_violation then null; end $$`)
})

// postgresTemplate names the database to copy, which the test programs of one schema
// share; it stays on the server.
var postgresTemplate = sync.OnceValues(func() (string, error) {
	server, err := prepareServer()
	if err != nil {
		return "", err
	}
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
	name := "scimbridge_template_" + hex.EncodeToString(schema.Sum(nil)[:8])

	ctx := context.Background()
	c, err := pgx.Connect(ctx, server.String())
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Exec(ctx, `select pg_advisory_lock(hashtext($1))`, name); err != nil {
		return "", err
	}
	var there bool
	if err := c.QueryRow(ctx, `select exists (select from pg_database where datname = $1)`, name).
		Scan(&there); err != nil || there {
		return name, err
	}
	half := name + "_half" // of a program that was killed, if it is there
	for _, statement := range []string{
		`drop database if exists ` + half + ` with (force)`, `create database ` + half + ` owner ` + role,
	} {
		if _, err := c.Exec(ctx, statement); err != nil {
			return "", err
		}
	}
	if err := migrate(as(server, half)); err != nil {
		return "", err
	}
	_, err = c.Exec(ctx, `alter database `+half+` rename to `+name)
	return name, err
})

func postgresCopy(t testing.TB, template string) string {
	t.Helper()
	server, err := prepareServer()
	require.NoError(t, err)
	var b [8]byte
	_, _ = rand.Read(b[:])
	name := "scimbridge_test_" + hex.EncodeToString(b[:])
	require.NoError(t, admin(server, "create database "+name+" template "+template+" owner "+role))
	t.Cleanup(func() {
		require.NoError(t, admin(server, "drop database if exists "+name+" with (force)"))
	})
	return as(server, name)
}

// as is the URL of a database on the server, for the role of the tests.
func as(server *url.URL, database string) string {
	u := *server
	u.User = url.UserPassword(role, password)
	u.Path = "/" + database
	return u.String()
}

// admin runs one statement as the owner of the test server.
func admin(server *url.URL, statement string) error {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, server.String())
	if err != nil {
		return err
	}
	defer func() { _ = c.Close(ctx) }()
	_, err = c.Exec(ctx, statement)
	return err
}
