package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

func TestAudit(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		server := start(t, url)
		b := tenancy(t, url)
		in, native := "--tenant="+b.TenantID.String(), nativeCaller(server, b)
		create := func(path, body string) string {
			return native.must(t, http.StatusCreated, http.MethodPost, path, body)["id"].(string)
		}
		user := create("/users", `{"user_name":"ada","email":"ada@example.com","name":"=1+1"}`)
		group := create("/groups", `{"display_name":"Finance"}`)
		create("/groups/"+group+"/members", `{"user_id":"`+user+`","reason":"INC-1"}`)
		native.must(t, http.StatusOK, http.MethodPatch, "/groups/"+group, `{"kind":"enterprise"}`)
		environ := []string{"SCIMBRIDGE_DATABASE_URL=" + url}
		show := func(args ...string) string {
			t.Helper()
			status, stdout, stderr := invoke(t, environ, append([]string{"audit", args[0], in}, args[1:]...)...)
			require.Equal(t, exitDone, status, stderr)
			return stdout
		}

		events := invokeJSON(t, url, "audit", "events", in)
		all := data(t, events)
		for i, e := range all {
			assert.InDelta(t, i+1, e["number"], 0)
			assert.Contains(t, e, "credential")
		}
		assert.Len(t, strings.Split(strings.TrimSpace(show("events")), "\n"), len(all))
		opened := data(t, invokeJSON(t, url, "audit", "events", in, "--action=grant.opened", "--user="+user,
			"--from=2026-01-01T00:00:00Z"))
		require.Len(t, opened, 1)
		assert.Contains(t, show("events", "--action=grant.opened"), `reason "INC-1"`)
		assert.Contains(t, show("events", "--action=grant.opened"), `group `+group+` "Finance"`)
		assert.Equal(t, map[string]any{"kind": "bootstrap"}, all[0]["credential"])
		assert.Equal(t, map[string]any{"kind": "token", "id": opened[0]["actor"].(map[string]any)["id"],
			"name": "bootstrap"}, opened[0]["credential"])
		assert.Empty(t,
			data(t, invokeJSON(t, url, "audit", "events", in, "--cursor="+events["follow_cursor"].(string))))

		assert.Contains(t, show("register", "--group="+group), `"user_name":"ada"`)
		assert.Contains(t, show("register", "--format=csv"), `"'=1+1"`)
		assert.Contains(t, show("exceptions"), "local_in_enterprise")
		assert.Len(t, data(t, invokeJSON(t, url, "audit", "exceptions", in, "--kind=local_in_enterprise")), 1)
		assert.Contains(t, show("exceptions", "--format=csv"), "#manifest")

		dir := t.TempDir()
		file := filepath.Join(dir, "register.csv")
		manifest := invokeJSON(t, url, "audit", "export", in, "--output="+file)
		assert.Equal(t, "csv", manifest["format"])
		assert.Equal(t, "operator:cli", manifest["made_by"])
		exported := data(t, invokeJSON(t, url, "audit", "events", in, "--action=audit.exported"))
		assert.Equal(t, manifest["sha256"], exported[len(exported)-1]["after"].(map[string]any)["sha256"])
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, left, 1, "nothing but the file")
		info, err := left[0].Info()
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm())

		status, stdout, _ := invoke(t, nil, "audit", "verify", file, "--json")
		require.Equal(t, exitDone, status)
		assert.Contains(t, stdout, manifest["sha256"])
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(text), "INC-1", "INC-2", 1)), 0o600))
		status, stdout, stderr := invoke(t, nil, "audit", "verify", file)
		assert.Equal(t, exitFailed, status)
		assert.Empty(t, stdout)
		assert.Contains(t, stderr, "SHA-256")
		require.NoError(t, os.WriteFile(file, text[:len(text)-20], 0o600))
		status, _, stderr = invoke(t, nil, "audit", "verify", file)
		assert.Equal(t, exitFailed, status)
		assert.Contains(t, stderr, "broken off")
	})
}

func TestAuditRefusesWrongUsage(t *testing.T) {
	const in = "--tenant=0197a5e3-0e70-7a11-8b22-9c33ad44be55"
	for _, args := range [][]string{
		{"events"}, {"events", in, "--action=grant.open"}, {"events", in, "--from=yesterday"},
		{"events", in, "--user=ada"}, {"events", in, "--actor=ada"},
		{"events", in, "--cursor=x"}, {"register", in, "--format=xlsx"}, {"register", in, "--source=ad"},
		{"export", in},
		{"export", in, "--output=x", "--report=events"}, {"verify"}, {"verify", "a", "--key"},
		{"register", in, "--as-of=2026-03-14"},
	} {
		status, stdout, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(),
			"x.db")}, append([]string{"audit"}, args...)...)
		assert.Equal(t, exitUsage, status, "%v: %s", args, stderr)
		assert.Empty(t, stdout)
		assert.Len(t, strings.Split(strings.TrimSpace(stderr), "\n"), 1, "one line: %s", stderr)
	}
}

// What cannot be written whole is not there at all.
func TestWholeFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, os.WriteFile(path, []byte("before"), 0o644))
	err := writeFileAtomic(path, func(w io.Writer) error {
		_, err := w.Write([]byte("half"))
		require.NoError(t, err)
		return assert.AnError
	})
	require.ErrorIs(t, err, assert.AnError)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "before", string(text))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 1)
	require.Error(t, writeFileAtomic(filepath.Join(dir, "none", "file"), nil))

	require.NoError(t, writeFileAtomic(path, func(w io.Writer) error {
		_, err := io.WriteString(w, "after")
		return err
	}))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "what others could read, they cannot any more")
}
