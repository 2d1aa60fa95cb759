package main

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// invokeJSON runs a command with --json and returns the one object that it prints.
func invokeJSON(t *testing.T, url string, args ...string) map[string]any {
	t.Helper()
	status, stdout, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + url}, append(args, "--json")...)
	require.Equal(t, exitDone, status, stderr)
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &v), stdout)
	return v
}

func data(t *testing.T, list map[string]any) (all []map[string]any) {
	t.Helper()
	elements, ok := list["data"].([]any)
	require.True(t, ok, list)
	for _, e := range elements {
		all = append(all, e.(map[string]any))
	}
	return all
}

// Everything that the commands do, a running server knows within five seconds;
// and no secret is in its log.
func TestAdministration(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		server := start(t, url, "--log-level=debug")
		tenant := invokeJSON(t, url, "tenant", "create", "--name=Acme")
		id := tenant["id"].(string)
		in := "--tenant=" + id
		assert.Equal(t, tenant, invokeJSON(t, url, "tenant", "show", in))
		assert.Equal(t, []map[string]any{tenant}, data(t, invokeJSON(t, url, "tenant", "list")))

		connection := invokeJSON(t, url, "connection", "create", in, "--name=Entra", "--idp=entra",
			"--link-existing-users=false",
			"--group-kind=enterprise", "--reason=INC-1")
		assert.Equal(t, false, connection["link_existing_users"])
		assert.Equal(t, "enterprise", connection["group_kind"])
		assert.Equal(t, []map[string]any{connection}, data(t, invokeJSON(t, url, "connection", "list", in)))
		assert.Equal(t, connection, invokeJSON(t, url, "connection", "show", in, connection["id"].(string)))

		made := invokeJSON(t, url, "token", "create", in, "--kind=scim", "--name=entra",
			"--connection="+connection["id"].(string),
			"--expires=365d", "--network=127.0.0.0/8,::1/128", "--scope=scim")
		first := made["token"].(string)
		scim := func(token string) int {
			status, _, err := caller{base: server.base + scimPrefix, client: newClient(), header: http.Header{
				"Authorization": {"Bearer " + token},
			}}.send(t.Context(), http.MethodGet, "/Users", "")
			require.NoError(t, err)
			return status
		}
		assert.Equal(t, http.StatusOK, scim(first))

		next := invokeJSON(t, url, "token", "rotate", made["id"].(string), in, "--overlap=7d")
		second := next["token"].(string)
		assert.Equal(t, http.StatusOK, scim(first), "both work during the overlap")
		assert.Equal(t, http.StatusOK, scim(second))
		list := data(t, invokeJSON(t, url, "token", "list", in))
		require.Len(t, list, 2)
		assert.Equal(t, next["id"], list[0]["replaced_by"])
		assert.NotContains(t, list[0], "token")

		assert.Equal(t, map[string]any{"revoked": made["id"]},
			invokeJSON(t, url, "token", "revoke", made["id"].(string), in))
		revoked := time.Now()
		require.Eventually(t, func() bool { return scim(first) == http.StatusUnauthorized }, 10*time.Second,
			50*time.Millisecond)
		assert.Less(t, time.Since(revoked), 5*time.Second+500*time.Millisecond)
		assert.Equal(t, http.StatusOK, scim(second))

		outside := invokeJSON(t, url, "token", "create", in, "--kind=api", "--name=x", "--permission=*",
			"--network=192.0.2.0/24")
		status, answer, err := caller{base: server.base + nativePrefix, client: newClient(), header: http.Header{
			"Authorization": {"Bearer " + outside["token"].(string)}, "X-Tenant-Id": {id},
			"X-Forwarded-For": {"192.0.2.1"},
		}}.send(t.Context(), http.MethodGet, "/users", "")
		require.NoError(t, err)
		assert.Equal(t, http.StatusForbidden, status, answer)

		provider := invokeJSON(t, url, "token", "create", in, "--kind=scim", "--name=x",
			"--connection="+connection["id"].(string),
			"--network=192.0.2.0/24")
		assert.Equal(t, http.StatusForbidden, scim(provider["token"].(string)))

		// What is not written yet is written at the end.
		assert.NotContains(t, data(t, invokeJSON(t, url, "token", "list", in))[0], "last_used_at")
		server.stop(t)
		assert.Contains(t, data(t, invokeJSON(t, url, "token", "list", in))[0], "last_used_at")
		for _, token := range []string{first, second, outside["token"].(string)} {
			assert.NotContains(t, server.logged(), token[strings.LastIndexByte(token, '_')+1:])
		}
	})
}

func TestAdministrationForPeople(t *testing.T) {
	environ := []string{"SCIMBRIDGE_DATABASE_URL=" + migrated(t)}
	tenant := invokeJSON(t, strings.TrimPrefix(environ[0], "SCIMBRIDGE_DATABASE_URL="), "tenant", "create",
		"--name=Acme")["id"].(string)
	shows := func(want string, args ...string) {
		t.Helper()
		status, stdout, stderr := invoke(t, environ, append(args, "--tenant="+tenant)...)
		require.Equal(t, exitDone, status, stderr)
		assert.Contains(t, stdout, want)
		assert.True(t, strings.HasSuffix(stdout, "\n"))
	}
	shows("name     Acme\n", "tenant", "show")
	status, stdout, stderr := invoke(t, environ, "tenant", "list")
	require.Equal(t, exitDone, status, stderr)
	assert.Contains(t, stdout, tenant+"  Acme  20")
	shows("ID  NAME  PROVIDER  STATE  CREATED\n", "connection", "list")
	shows("provider              okta\n", "connection", "create", "--name=Okta", "--idp=okta")
	shows("  Okta  okta      active  20", "connection", "list")
	shows("  token    scimbridge_", "token", "create", "--kind=api", "--name=ci", "--permission=USERS:READ",
		"--permission=GROUPS:READ")
	shows("  api   ci    GROUPS:READ,USERS:READ  never    never\n", "token", "list")
}

func TestAdministrationExitStatus(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.db")
	const id = "0199aaaa-0000-7000-8000-000000000000"
	for _, test := range []struct {
		args   string
		status int
		reason string
	}{
		{"token nope", exitUsage, `unknown command "nope" for "scimbridge token"`},
		{"token list", exitUsage, `--tenant ID is required; scimbridge tenant list shows them`},
		{"token list --tenant=acme", exitUsage, `--tenant must be a UUID, not "acme"`},
		{"token list now", exitUsage, `list takes no argument, but there is "now"`},
		{"token create --tenant=" + id, exitUsage, `create needs --kind KIND and --name NAME`},
		{"token create --kind=scim --name=x --connection=y --tenant=" + id, exitUsage,
			`--connection must be a UUID, not "y"`},
		{"token create --kind=api --name=x --expires=soon --tenant=" + id, exitUsage,
			`--expires must be a time such as 2027-08-01T12:00:00Z or days such as 365d, not "soon"`},
		{"token create --kind=api --name=x --expires=9999-12-31T23:59:59-23:59 --tenant=" + id, exitUsage,
			`--expires must be a time such as 2027-08-01T12:00:00Z or days such as 365d, not ` +
				`"9999-12-31T23:59:59-23:59"`},
		{"token create --kind=api --name=x --network=1.2.3.4 --tenant=" + id, exitUsage,
			`networks must be CIDR blocks such as 192.0.2.0/24 or 2001:db8::/32`},
		{"token rotate --tenant=" + id, exitUsage, `rotate needs one ID`},
		{"token rotate x --tenant=" + id, exitUsage, `rotate needs the ID of a token, a UUID, not "x"`},
		{"token rotate " + id + " --tenant=" + id, exitUsage,
			`rotate needs --overlap with a span from 0 to 90d, such as 7d or 12h, not ""`},
		{"token rotate " + id + " --overlap=91d --tenant=" + id, exitUsage,
			`rotate needs --overlap with a span from 0 to 90d, such as 7d or 12h, not "91d"`},
		{"tenant create", exitUsage, `create needs --name NAME`},
		{"connection create --tenant=" + id, exitUsage, `create needs --name NAME`},
		{"connection create --name=x --idp=ldap --tenant=" + id, exitUsage,
			`--idp must be one of okta, entra, generic, not "ldap"`},
	} {
		status, stdout, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=sqlite:" + file},
			strings.Fields(test.args)...)
		assert.Equal(t, test.status, status, test.args)
		assert.Empty(t, stdout)
		assert.Equal(t, "scimbridge: "+test.reason+"\n", stderr)
	}
	assert.NoFileExists(t, file, "wrong usage touches nothing")

	file = strings.TrimPrefix(migrated(t), "sqlite:")
	for args, reason := range map[string]string{
		"token list --tenant=" + id:                   `tenant not found`,
		"token revoke " + id + " --tenant=":           `cannot revoke the token: token not found`,
		"token create --kind=ldap --name=x --tenant=": `cannot create the token: kind must be "api" or "scim"`,
	} {
		if strings.HasSuffix(args, "=") {
			args += invokeJSON(t, "sqlite:"+file, "tenant", "create", "--name=x")["id"].(string)
		}
		status, _, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=sqlite:" + file}, strings.Fields(args)...)
		assert.Equal(t, exitFailed, status)
		assert.Equal(t, "scimbridge: the store is sqlite:"+file+"\nscimbridge: "+reason+"\n", stderr)
	}
}

func TestParseSpan(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "0d": 0, "7d": 7 * 24 * time.Hour, "1.5d": 36 * time.Hour, "12h": 12 * time.Hour,
		"-1d": -24 * time.Hour,
	} {
		got, err := parseSpan(s)
		assert.NoError(t, err, s)
		assert.Equal(t, want, got, s)
	}
	for _, s := range []string{"", "d", "7", "1h1d", "99999999d", "999999999999999999d", "-99999999d", "NaNd", "Infd"} {
		_, err := parseSpan(s)
		assert.Error(t, err, s)
	}
}

func TestConnectionRemove(t *testing.T) {
	environ := []string{"SCIMBRIDGE_DATABASE_URL=" + migrated(t)}
	url := strings.TrimPrefix(environ[0], "SCIMBRIDGE_DATABASE_URL=")
	in := "--tenant=" + invokeJSON(t, url, "tenant", "create", "--name=Acme")["id"].(string)
	id := invokeJSON(t, url, "connection", "create", in, "--name=Okta", "--idp=okta")["id"].(string)
	invokeJSON(t, url, "token", "create", in, "--kind=scim", "--name=okta", "--connection="+id)
	assert.Equal(t, "paused", invokeJSON(t, url, "connection", "pause", in, id)["state"])
	assert.Equal(t, "active", invokeJSON(t, url, "connection", "resume", in, id)["state"])
	assert.Equal(t, "Okta 2", invokeJSON(t, url, "connection", "update", in, id, "--name=Okta 2")["name"])

	status, _, stderr := invoke(t, environ, "connection", "remove", in, id)
	assert.Equal(t, exitUsage, status)
	assert.Contains(t, stderr, "release, convert or freeze")
	status, stdout, stderr := invoke(t, environ, "connection", "remove", in, id, "--members=release")
	require.Equal(t, exitDone, status, stderr)
	assert.Contains(t, stdout, "credentials that end       1\n")
	assert.Contains(t, stdout, "Nothing was done")
	assert.Len(t, data(t, invokeJSON(t, url, "connection", "list", in)), 1)
	assert.Equal(t, map[string]any{"removed": id}, invokeJSON(t, url, "connection", "remove", in, id,
		"--members=release", "--yes"))
	assert.Empty(t, data(t, invokeJSON(t, url, "connection", "list", in)))
	assert.Empty(t, data(t, invokeJSON(t, url, "token", "list", in)))
	assert.Equal(t, "removed", data(t, invokeJSON(t, url, "connection", "list", in, "--removed"))[0]["state"])
}
