package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// page is what the server answers at a path that needs no credential.
func (p *process) page(t *testing.T, path string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.base+path, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // a test
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(text)
}

// A server on a restored backup serves, and seals other tenants; it signs nothing that
// contradicts what it signed before, until an operator accepts the restore.
func TestARestoredBackupIsNotSealedOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	store := "sqlite:" + file("x.db")
	environ := []string{"SCIMBRIDGE_DATABASE_URL=" + store}
	first := start(t, store)
	b := tenancy(t, store)
	scim, native := scimCaller(first, b), nativeCaller(first, b)
	sealed := func(native caller) (checkpoint string) {
		require.Eventually(t, func() bool {
			_, events := native.text(t, "/audit/events?limit=1000", "application/jsonl")
			var status int
			status, checkpoint = native.text(t, "/audit/checkpoint", "*/*")
			return status == http.StatusOK &&
				strings.Split(checkpoint, "\n")[1] == strconv.Itoa(strings.Count(events, "\n"))
		}, time.Minute, time.Second)
		return checkpoint
	}
	scim.user(t, "ann@example.test")
	sealed(native)
	status, _, stderr := invoke(t, environ, "backup", file("backup.db"))
	require.Equal(t, exitDone, status, stderr)
	scim.user(t, "bob@example.test")
	last := sealed(native)
	require.NoError(t, os.WriteFile(file("kept"), []byte(last), 0o600))
	first.stop(t)

	for _, name := range []string{"x.db-wal", "x.db-shm"} {
		require.NoError(t, os.RemoveAll(file(name)))
	}
	require.NoError(t, os.Rename(file("backup.db"), file("x.db")))
	second := start(t, store)
	scim, native = scimCaller(second, b), nativeCaller(second, b)
	scim.user(t, "cyd@example.test")
	scim.user(t, "dan@example.test")
	metric := func(line string) bool {
		return strings.Contains(metrics(t, second), "\n"+line+"\n")
	}
	require.Eventually(t, func() bool { return metric("scimbridge_seal_stopped_logs 1") }, time.Minute, time.Second)
	ready, text := second.page(t, "/readyz")
	assert.Equal(t, http.StatusOK, ready, text)
	assert.Contains(t, second.logged(), "the log of a tenant is not sealed")
	other := tenancy(t, store)
	sealed(nativeCaller(second, other))
	assert.Empty(t, strings.Join(sealedOf(second, b), ""), "nothing is signed of it")

	status, stdout, stderr := invoke(t, environ, "audit", "accept-restore", "--tenant="+b.TenantID.String(),
		"--reason", "INC-7")
	require.Equal(t, exitDone, status, stderr)
	assert.Contains(t, stdout, b.TenantID.String()+"/2")
	require.Eventually(t,
		func() bool { return len(sealedOf(second, b)) > 0 && metric("scimbridge_seal_stopped_logs 0") },
		time.Minute, time.Second)
	assert.Contains(t, sealedOf(second, b)[0], b.TenantID.String()+"/2\n")
	status, _, stderr = invoke(t, environ, "audit", "verify", "--store")
	require.Equal(t, exitDone, status, stderr)
	event := native.must(t, http.StatusOK, http.MethodGet, "/audit/events?action=audit.log_restored",
		"")["data"].([]any)[0]
	assert.Equal(t, "INC-7", event.(map[string]any)["reason"])
	assert.Contains(t, fmt.Sprint(event), strings.Split(last, "\n")[2], "the root that was signed")
}

// sealedOf are the checkpoints of a tenant in the log of a server.
func sealedOf(p *process, b bootstrapped) (checkpoints []string) {
	for _, c := range sealedIn(p.logged()) {
		if strings.Contains(c, b.TenantID.String()) {
			checkpoints = append(checkpoints, c)
		}
	}
	return checkpoints
}

// Without a key nothing is sealed, and the server says so wherever one may look.
func TestWithoutAKeyNothingIsSealed(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, store string) {
		if strings.HasPrefix(store, "sqlite:") {
			t.Skip("a key is made beside the store")
		}
		server := start(t, store)
		b := tenancy(t, store)
		assert.Contains(t, server.logged(), "events are not sealed: set seal_key_file")
		status, text := nativeCaller(server, b).text(t, "/audit/checkpoint", "*/*")
		assert.Equal(t, http.StatusServiceUnavailable, status, text)
		assert.Contains(t, text, "seal_key_file")
		assert.Contains(t, metrics(t, server), "\nscimbridge_seal_up 0\n")
		status, text = server.page(t, "/readyz")
		assert.Equal(t, http.StatusOK, status, text)
	})
}
