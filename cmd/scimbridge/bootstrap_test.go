package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBootstrapAsJSON(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	status, stdout, stderr := invoke(t, nil, "bootstrap", "--tenant=Acme", "--idp=okta", "--json",
		"--database-url", url, "--public-url=https://scim.example.test/")
	require.Equal(t, exitDone, status, stderr)
	assert.Equal(t, "scimbridge: made the store "+url+"\n", stderr)
	var fields map[string]string
	require.NoError(t, json.Unmarshal([]byte(stdout), &fields))
	assert.Len(t, fields, 5)
	assert.Equal(t, "https://scim.example.test/scim/v2", fields["scim_base_url"])
	for _, name := range []string{"tenant_id", "connection_id", "scim_token", "api_token"} {
		assert.NotEmpty(t, fields[name], name)
	}
}

func TestBootstrapForPeople(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	status, stdout, stderr := invoke(t, []string{"SCIMBRIDGE_LISTEN=0.0.0.0:9090"},
		"bootstrap", "--tenant=Acme", "--database-url", url)
	require.Equal(t, exitDone, status, stderr)
	assert.True(t, strings.HasPrefix(stdout, `# The tenant "Acme" is ready.`), stdout)
	assert.Contains(t, stdout, "export SCIM_BASE_URL='http://127.0.0.1:9090/scim/v2'\n")
	_, _, stderr = invoke(t, nil, "bootstrap", "--tenant=Second", "--database-url", url)
	assert.Equal(t, "scimbridge: the store is "+url+"\n", stderr)
}

// What it prints is for a shell, whatever the names are.
func TestBootstrapForAShell(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "x.db")
	name := "A'cme\n$(touch gone) `touch gone`; touch gone"
	status, stdout, stderr := invoke(t, nil, "bootstrap", "--idp=okta", "--tenant", name, "--database-url", url,
		"--public-url=http://h/a'b$(touch gone)")
	require.Equal(t, exitDone, status, stderr)
	dir := t.TempDir()
	shell := exec.Command("sh", "-ceu", stdout+`
printf '%s\n' "$TENANT_ID" "$CONNECTION_ID" "$SCIM_TOKEN" "$API_TOKEN" "$BASE_URL" "$SCIM_BASE_URL"`)
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, 6, "%s", out)
	assert.Equal(t, []string{"http://h/a'b$(touch gone)", "http://h/a'b$(touch gone)/scim/v2"}, lines[4:])
	made, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, made)
}
