// Package dbtest gives tests real stores on both engines, and has the contract
// that every store keeps: Run, with a file for each subject.
//
// The engines come from SCIMBRIDGE_TEST_ENGINES (default: sqlite,postgres). The
// PostgreSQL server comes from SCIMBRIDGE_TEST_DATABASE_URL, which make test
// sets; a test that wants PostgreSQL and has none fails.
package dbtest

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

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

// Each runs a test on a fresh store of each engine.
func Each(t *testing.T, test func(t *testing.T, store *db.Store)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) { test(t, Open(t, url)) })
}

// EachURL runs a test with the URL of a fresh store of each engine.
func EachURL(t *testing.T, test func(t *testing.T, url string)) { each(t, URL, test) }

// EachEmptyURL runs a test with the URL of a database of each engine that has no store yet.
func EachEmptyURL(t *testing.T, test func(t *testing.T, url string)) { each(t, EmptyURL, test) }

func each(t *testing.T, url func(testing.TB, string) string, test func(t *testing.T, url string)) {
	t.Helper()
	for _, engine := range Engines() {
		t.Run(engine, func(t *testing.T) { test(t, url(t, engine)) })
	}
}

// Wants skips a test of one engine in a run that leaves the engine out.
func Wants(t testing.TB, engine string) {
	t.Helper()
	if !slices.Contains(Engines(), engine) {
		t.Skip(engine + " is not among the engines of this run")
	}
}

// Open opens and migrates the store of a URL, and closes it with the test.
func Open(t testing.TB, url string) *db.Store {
	t.Helper()
	ctx := context.Background()
	s, err := db.Open(ctx, url, db.Options{Logger: zaptest.NewLogger(t), Spread: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Migrate(ctx))
	return s
}
