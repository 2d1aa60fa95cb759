package main

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// An issuer that the command line adds opens the native API of a running
// server, and no other door.
func TestIssuersAtTheCommandLine(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	key, err := jwk.Import(public)
	require.NoError(t, err)
	jwks, err := json.Marshal(map[string]any{"keys": []any{key}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "jwks.json")
	require.NoError(t, os.WriteFile(file, jwks, 0o600))

	dbtest.EachURL(t, func(t *testing.T, url string) {
		server := start(t, url)
		tenant := invokeJSON(t, url, "tenant", "create", "--name=Acme")["id"].(string)
		in := "--tenant=" + tenant
		i := invokeJSON(t, url, "issuer", "create", in, "--issuer=https://login.example.com", "--audience=bridge",
			"--jwks="+file,
			"--permission=GROUPS:READ,GROUPS:WRITE", "--max-age=12h", "--default-principal=service",
			"--tenant-claim=tid",
			"--reason=INC-1")
		assert.InDelta(t, 12*3600, i["max_age_seconds"], 0)
		assert.Equal(t, "SERVICE", i["default_principal"])
		assert.Equal(t, []map[string]any{i}, data(t, invokeJSON(t, url, "issuer", "list", in)))

		payload, err := json.Marshal(map[string]any{
			"iss": "https://login.example.com", "aud": "bridge", "sub": "job", "tid": tenant, "scope": "GROUPS:READ",
			"exp": time.Now().Add(time.Hour).Unix(),
		})
		require.NoError(t, err)
		jwt, err := jws.Sign(payload, jws.WithKey(jwa.EdDSA(), private))
		require.NoError(t, err)
		ask := func(path string) int {
			status, _, err := caller{base: server.base, client: newClient(), header: http.Header{
				"Authorization": {"Bearer " + string(jwt)}, "X-Tenant-Id": {tenant},
			}}.send(t.Context(), http.MethodGet, path, "")
			require.NoError(t, err)
			return status
		}
		assert.Equal(t, http.StatusOK, ask("/v1/groups"))
		assert.Equal(t, http.StatusForbidden, ask("/v1/users"))
		assert.Equal(t, http.StatusUnauthorized, ask("/scim/v2/Users"))

		id := i["id"].(string)
		assert.Equal(t, map[string]any{"id": id, "deleted": true}, invokeJSON(t, url, "issuer", "delete", id, in))
		require.Eventually(t, func() bool { return ask("/v1/groups") == http.StatusUnauthorized }, 10*time.Second,
			50*time.Millisecond)
	})
}

func TestIssuerUsage(t *testing.T) {
	for _, args := range [][]string{
		{}, {"--issuer=x"}, {"--issuer=x", "--audience=a"}, {"--issuer=x", "--audience=a", "--jwks=f",
			"--jwks-uri=https://x"},
		{"--issuer=x", "--audience=a", "--jwks=f", "--max-age=long"},
	} {
		status, _, stderr := invoke(t, nil, append([]string{"issuer", "create",
			"--tenant=0199f6a0-3c1e-7a55-8d0b-5a4b3c2d1e0f"}, args...)...)
		assert.Equal(t, exitUsage, status, stderr)
	}
}
