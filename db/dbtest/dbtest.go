// Package dbtest gives tests real stores on both engines, and has the contract
// that every store keeps: Run, with a file for each subject.
//
// The engines come from SCIMBRIDGE_TEST_ENGINES (default: sqlite,postgres). The
// PostgreSQL server comes from SCIMBRIDGE_TEST_DATABASE_URL, which make test
// sets; a test that wants PostgreSQL and has none fails.
package dbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zaptest"

	"github.com/scimbridge/scimbridge/db"
)

// Engines are the engines that this run tests.
func Engines() []string {
	if e := os.Getenv("SCIMBRIDGE_TEST_ENGINES"); e != "" {
		return strings.Split(e, ",")
	}
	return []string{"sqlite", "postgres"}
}

// Each runs a test on a fresh, migrated store of each engine.
func Each(t *testing.T, test func(t *testing.T, store *db.Store)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { test(t, Open(t, url)) })
}

// EachURL runs a test with the URL of a fresh, empty database of each engine.
func EachURL(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	for _, engine := range Engines() {
		t.Run(engine, func(t *testing.T) { test(t, URL(t, engine)) })
	}
}

// Wants skips a test of one engine in a run that leaves the engine out.
func Wants(t testing.TB, engine string) {
	t.Helper()
	if !slices.Contains(Engines(), engine) {
		t.Skip(engine + " is not among the engines of this run")
	}
}

// URL returns the URL of a fresh, empty database, which ends with the test.
func URL(t testing.TB, engine string) string {
	t.Helper()
	Wants(t, engine)
	switch engine {
	case "sqlite":
		return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	case "postgres":
		return freshDatabase(t)
	}
	t.Fatalf("no such engine: %s", engine)
	return ""
}

// Open opens and migrates the store of a URL, and closes it with the test.
func Open(t testing.TB, url string) *db.Store {
	t.Helper()
	ctx := context.Background()
	s, err := db.Open(ctx, url, db.Options{Logger: zaptest.NewLogger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(ctx))
	return s
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

func freshDatabase(t testing.TB) string {
	t.Helper()
	if os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL") == "" {
		t.Fatal("no PostgreSQL: run make test, which starts one, or make test-sqlite")
	}
	server, err := prepareServer()
	require.NoError(t, err)
	var b [8]byte
	_, _ = rand.Read(b[:])
	name := "scimbridge_test_" + hex.EncodeToString(b[:])
	require.NoError(t, admin(server, "create database "+name+" owner "+role))
	t.Cleanup(func() {
		require.NoError(t, admin(server, "drop database if exists "+name+" with (force)"))
	})
	u := *server
	u.User = url.UserPassword(role, password)
	u.Path = "/" + name
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
