package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

func TestSetupLinkCommands(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		acme := invokeJSON(t, url, "bootstrap", "--tenant=Acme")
		in, of := "--tenant="+acme["tenant_id"].(string), "--connection="+acme["connection_id"].(string)
		command := func(args ...string) map[string]any {
			return invokeJSON(t, url, append([]string{"connection", "setup-link"}, args...)...)
		}
		made := command("create", in, of, "--expires-in=12h", "--ability=requests,token", "--reason=INC-1",
			"--public-url=https://scim.example.com")
		address := made["url"].(string)
		assert.True(t, strings.HasPrefix(address, "https://scim.example.com/console/setup#scimbridge_setup_"), address)
		assert.Equal(t, []any{"requests", "token"}, made["abilities"])
		delete(made, "url")
		none := command("create", in, of, "--ability=")
		assert.Empty(t, none["abilities"])
		delete(none, "url")
		assert.Equal(t, []map[string]any{made, none}, data(t, command("list", in, of)))
		assert.Equal(t, made["id"], command("revoke", in, made["id"].(string))["revoked"])
		assert.Equal(t, "revoked", data(t, command("list", in))[0]["state"])

		status, out, problem := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + url}, "connection", "setup-link",
			"create", in, of)
		require.Equal(t, exitDone, status, problem)
		assert.Contains(t, out, "Keep the link: it is shown this once.")
		for _, wrong := range [][]string{
			{"create", in}, {"create", in, of, "--expires-in=31d"}, {"create", in, of, "--expires-in=59s"},
			{"create", in, of, "--ability=all"}, {"list", in, "--connection=x"}, {"revoke", in},
		} {
			status, _, problem := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + url},
				append([]string{"connection", "setup-link"}, wrong...)...)
			assert.Equal(t, exitUsage, status, "%v: %s", wrong, problem)
		}
		status, _, problem = invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + url, "SCIMBRIDGE_CONSOLE=off"},
			"connection", "setup-link", "create", in, of)
		assert.Equal(t, exitFailed, status)
		assert.Contains(t, problem, "console, which is off")
		status, _, _ = invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + url}, "connection", "setup-link", "revoke", in,
			made["id"].(string))
		assert.Equal(t, exitFailed, status, "it has ended")
	})
}
