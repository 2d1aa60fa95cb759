package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// storeCommands are those that work on a store which is there.
func storeCommands(t *testing.T) [][]string {
	t.Helper()
	const id = "0199aaaa-0000-7000-8000-000000000000"
	in := "--tenant=" + id
	policy := filepath.Join(t.TempDir(), "p.cedar")
	require.NoError(t, os.WriteFile(policy, []byte(`permit (principal, action, resource);`), 0o600))
	return [][]string{
		{"tenant", "list"}, {"tenant", "show", in}, {"tenant", "create", "--name=x"}, {"connection", "list", in},
		{"connection", "create", in, "--name=x"}, {"connection", "show", in, id}, {"token", "list", in},
		{"client", "list", in},
		{"issuer", "list", in}, {"policy", "list", in}, {"policy", "put", in, "--id=x", "--file", policy},
		{"audit", "events", in}, {"audit", "export", in, "--output", filepath.Join(t.TempDir(), "x.csv")},
	}
}

// A mistyped path makes no store that looks as if everything were lost.
func TestNoStoreIsMadeByAccident(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, args := range storeCommands(t) {
		status, stdout, stderr := invoke(t, nil, args...)
		assert.Equal(t, exitFailed, status, args)
		assert.Empty(t, stdout, args)
		assert.Equal(t, "scimbridge: there is no store: sqlite:"+filepath.Join(dir, "scimbridge.db")+
			" (serve, bootstrap and migrate make one; --database-url and SCIMBRIDGE_DATABASE_URL say where)\n",
			stderr, args)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// Nor is a schema made or changed by them, on either engine, and a password is
// not shown.
func TestCommandsNameTheirStore(t *testing.T) {
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		environ := []string{"SCIMBRIDGE_DATABASE_URL=" + url}
		for _, args := range storeCommands(t) {
			status, _, stderr := invoke(t, environ, args...)
			assert.Equal(t, exitFailed, status, args)
			assert.Contains(t, stderr, "scimbridge: there is no store", args)
			assert.NotContains(t, stderr, "pa55word")
		}
		status, _, stderr := invoke(t, environ, "migrate")
		require.Equal(t, exitDone, status, stderr)
		assert.Contains(t, stderr, "scimbridge: made the store ")
		status, _, stderr = invoke(t, environ, "tenant", "list")
		require.Equal(t, exitDone, status, stderr)
		kind, _, _ := strings.Cut(url, ":")
		assert.Contains(t, stderr, "scimbridge: the store is "+kind+":")
		assert.NotContains(t, stderr, "pa55word")
	})
}

// A server and a bootstrap are started at once on an empty folder: both make the
// store.
func TestANewStoreIsMadeByManyAtOnce(t *testing.T) {
	for range 5 {
		url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
		var wg sync.WaitGroup
		for range 4 {
			cmd := command(t, url, "migrate")
			wg.Go(func() {
				out, err := cmd.CombinedOutput()
				assert.NoError(t, err, "%s", out)
			})
		}
		wg.Wait()
	}
}
