package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A running server holds, counts, and lets pass what the command line allows.
func TestRemovalGuardOfAServer(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		server := start(t, url, "--removal-guard=3:50")
		tenant := invokeJSON(t, url, "bootstrap", "--tenant=Acme", "--idp=okta")
		scim := func(method, path, body string) (int, map[string]any) {
			status, answer, err := caller{base: server.base + scimPrefix, client: newClient(), header: http.Header{
				"Authorization": {"Bearer " + tenant["scim_token"].(string)}, "Content-Type": {"application/scim+json"},
			}}.send(t.Context(), method, path, body)
			require.NoError(t, err)
			return status, answer
		}
		var members []string
		for i := range 5 {
			status, answer := scim(http.MethodPost, "/Users", fmt.Sprintf(`{"userName":"u%d"}`, i))
			require.Equal(t, http.StatusCreated, status, answer)
			members = append(members, `{"value":"`+answer["id"].(string)+`"}`)
		}
		status, answer := scim(http.MethodPost, "/Groups",
			`{"displayName":"Staff","members":[`+strings.Join(members, ",")+`]}`)
		require.Equal(t, http.StatusCreated, status, answer)
		group := answer["id"].(string)

		of := []string{"--tenant=" + tenant["tenant_id"].(string), "--connection=" + tenant["connection_id"].(string)}
		with := func(command string, more ...string) []string {
			return append(append([]string{"connection", command}, of...), more...)
		}
		status, answer = scim(http.MethodDelete, "/Groups/"+group, "")
		require.Equal(t, http.StatusConflict, status)
		_, command, found := strings.Cut(answer["detail"].(string), "or scimbridge ")
		require.True(t, found, answer)
		command, _, _ = strings.Cut(command, ";")
		allowed := invokeJSON(t, url, strings.Fields(command)...)
		assert.Equal(t, group, allowed["group_id"], "the answer's own command is the way")
		assert.Equal(t, "operator:cli", allowed["allowed_by"])
		assert.Equal(t, []map[string]any{allowed}, data(t, invokeJSON(t, url, with("removal-allowances")...)))

		assert.Equal(t, map[string]any{"withdrawn": allowed["id"]},
			invokeJSON(t, url, with("withdraw-removals", "--allowance="+allowed["id"].(string), "--reason=INC-1")...))
		status, _ = scim(http.MethodDelete, "/Groups/"+group, "")
		require.Equal(t, http.StatusConflict, status)

		invokeJSON(t, url, with("allow-removals", "--expires-in=1h")...)
		status, answer = scim(http.MethodDelete, "/Groups/"+group, "")
		require.Equal(t, http.StatusNoContent, status, answer)
		assert.Empty(t, data(t, invokeJSON(t, url, with("removal-allowances")...)))

		res, err := http.Get(server.base + "/metrics")
		require.NoError(t, err)
		assert.Contains(t, body(t, res), "scimbridge_removals_held_total 2\n")
	})
}

func TestRemovalAllowancesForPeople(t *testing.T) {
	environ := []string{"SCIMBRIDGE_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "x.db")}
	tenant := invokeJSON(t, strings.TrimPrefix(environ[0], "SCIMBRIDGE_DATABASE_URL="), "bootstrap", "--tenant=Acme")
	in := []string{"--tenant=" + tenant["tenant_id"].(string), "--connection=" + tenant["connection_id"].(string)}
	for _, test := range []struct {
		args   string
		status int
		want   string
	}{
		{"removal-allowances", exitDone, "ID  GROUP  EXPIRES  ALLOWED BY\n"},
		{"allow-removals", exitDone, "  group      any\n"},
		{"removal-allowances", exitDone, "  any    20"},
		{"removal-allowances --connection=", exitUsage, "--connection ID is required"},
		{"removal-allowances --connection=x", exitUsage, `--connection must be a UUID, not "x"`},
		{"allow-removals --expires-in=8d", exitUsage,
			`--expires-in must be a span from 1s to 7d, such as 12h, not "8d"`},
		{"allow-removals --expires-in=0s", exitUsage,
			`--expires-in must be a span from 1s to 7d, such as 12h, not "0s"`},
		{"allow-removals --group=staff", exitUsage, `--group must be a UUID, not "staff"`},
		{"allow-removals --group=00000000-0000-0000-0000-000000000000", exitUsage, "--group must be the ID of a group"},
		{"allow-removals --group=0199aaaa-0000-7000-8000-000000000000", exitFailed,
			"cannot allow the removal: group not found"},
		{"withdraw-removals", exitUsage, "--allowance ID is required"},
		{"withdraw-removals --allowance=0199aaaa-0000-7000-8000-000000000000", exitFailed,
			"cannot withdraw the allowance: removal allowance not found"},
	} {
		args := append(append([]string{"connection"}, strings.Fields(test.args)[:1]...), in...)
		status, stdout, stderr := invoke(t, environ, append(args, strings.Fields(test.args)[1:]...)...)
		assert.Equal(t, test.status, status, "%s: %s", test.args, stderr)
		assert.Contains(t, stdout+stderr, test.want)
	}
}
