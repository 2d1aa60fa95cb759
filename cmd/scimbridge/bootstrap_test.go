package main

import (
	"encoding/json"
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
	assert.Empty(t, stderr)
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
	assert.True(t, strings.HasPrefix(stdout, `The tenant "Acme" is ready.`), stdout)
	assert.Contains(t, stdout, "  SCIM base URL  http://127.0.0.1:9090/scim/v2\n")
}
