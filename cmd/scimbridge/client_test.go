package main

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A client that a tool which is not ours makes of the contract as it is served
// compiles, and does what the contract says. testdata/client is a module of its
// own: the tool and what it needs are no part of the program.
func TestGeneratedClient(t *testing.T) {
	url := dbtest.URL(t, "sqlite")
	server := start(t, url)
	tenant := tenancy(t, url)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/client")))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "bridge"), 0o700))

	resp, err := http.Get(server.base + "/v1/openapi.yaml")
	require.NoError(t, err)
	defer resp.Body.Close()
	contract, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "openapi.yaml"), contract, 0o600))

	tool := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly",
			"SCIMBRIDGE_URL="+server.base, "TENANT_ID="+tenant.TenantID.String(), "API_TOKEN="+tenant.APIToken)
		var messages strings.Builder // go says there what it downloads
		cmd.Stderr = &messages
		out, err := cmd.Output()
		require.NoError(t, err, "go %v: %s%s", args, out, messages.String())
		return string(out)
	}
	tool("tool", "oapi-codegen", "-config", "oapi-codegen.yaml", "openapi.yaml")
	assert.Equal(t, "ada local 1\nmary local 1\n", tool("run", "."))
}
