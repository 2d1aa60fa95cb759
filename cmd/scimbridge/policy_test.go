package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// The way out: a tenant that forbids everything is helped at the server, and
// the running server takes it up by itself.
func TestPolicyAtTheCommandLine(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		b := tenancy(t, url)
		server := nativeCaller(start(t, url), b)
		policy := func(args ...string) (int, string, string) {
			args = append([]string{"policy"}, args...)
			return invoke(t, nil, append(args, "--tenant", b.TenantID.String(), "--database-url", url)...)
		}
		file := filepath.Join(t.TempDir(), "nothing.cedar")
		require.NoError(t, os.WriteFile(file, []byte(`forbid (principal, action, resource);`), 0o600))
		server.must(t, http.StatusOK, http.MethodGet, "/users", "")

		status, stdout, stderr := policy("put", "--id=nothing", "--file", file, "--json")
		require.Equal(t, exitDone, status, stderr)
		var put policyDocument
		require.NoError(t, json.Unmarshal([]byte(stdout), &put))
		assert.Equal(t, "nothing", put.ID)
		require.Eventually(t, func() bool {
			status, _, err := server.send(t.Context(), http.MethodGet, "/users", "")
			return err == nil && status == http.StatusForbidden
		}, 5*time.Second, 100*time.Millisecond)

		status, stdout, stderr = policy("list", "--json")
		require.Equal(t, exitDone, status, stderr)
		var list struct{ Data []policyDocument }
		require.NoError(t, json.Unmarshal([]byte(stdout), &list))
		assert.Equal(t, []policyDocument{put}, list.Data)
		_, stdout, _ = policy("list")
		assert.Contains(t, stdout, "forbid (principal, action, resource);")

		status, stdout, stderr = policy("delete", "--id=nothing")
		require.Equal(t, exitDone, status, stderr)
		assert.Equal(t, "the policy nothing is deleted\n", stdout)
		require.Eventually(t, func() bool {
			status, _, err := server.send(t.Context(), http.MethodGet, "/users", "")
			return err == nil && status == http.StatusOK
		}, 5*time.Second, 100*time.Millisecond)

		status, _, stderr = policy("delete", "--id=nothing")
		assert.Equal(t, exitFailed, status)
		assert.Equal(t, "scimbridge: policy not found\n", lastLine(stderr))
		require.NoError(t, os.WriteFile(file, []byte(`forbid (principal`), 0o600))
		status, _, stderr = policy("put", "--id=nothing", "--file", file)
		assert.Equal(t, exitFailed, status)
		assert.Contains(t, stderr, "parse error")
	})
}
