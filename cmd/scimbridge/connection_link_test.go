package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A provider finds and fills what the command line links, and nothing of what
// was there is shown to it.
func TestLinkedGroupOfAServer(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		server := start(t, url)
		tenant := invokeJSON(t, url, "bootstrap", "--tenant=Acme", "--idp=okta")
		send := func(door, token, method, path, body string, want int) map[string]any {
			t.Helper()
			status, answer, err := caller{base: server.base + door, client: newClient(), header: http.Header{
				"Authorization": {"Bearer " + tenant[token].(string)}, "Content-Type": {"application/json"},
				"X-Tenant-ID": {tenant["tenant_id"].(string)},
			}}.send(t.Context(), method, path, body)
			require.NoError(t, err)
			require.Equal(t, want, status, answer)
			return answer
		}
		native := func(method, path, body string, want int) map[string]any {
			t.Helper()
			return send("/v1", "api_token", method, path, body, want)
		}
		scim := func(method, path, body string, want int) map[string]any {
			t.Helper()
			return send(scimPrefix, "scim_token", method, path, body, want)
		}
		group := native(http.MethodPost, "/groups", `{"display_name":"Owners"}`, http.StatusCreated)["id"].(string)
		local := native(http.MethodPost, "/users", `{"user_name":"local","email":"","name":""}`,
			http.StatusCreated)["id"].(string)
		native(http.MethodPost, "/groups/"+group+"/members", `{"user_id":"`+local+`"}`, http.StatusCreated)
		theirs := scim(http.MethodPost, "/Users", `{"userName":"bjensen"}`, http.StatusCreated)["id"].(string)
		scim(http.MethodGet, "/Groups/"+group, "", http.StatusNotFound)

		with := func(command string, more ...string) []string {
			return append([]string{
				"connection", command, "--tenant=" + tenant["tenant_id"].(string),
				"--connection=" + tenant["connection_id"].(string), "--group=" + group,
			}, more...)
		}
		assert.Equal(t,
			map[string]any{"members": 1., "local": 1., "other_connections": 0., "unseen": 1., "could_gain": 1.},
			invokeJSON(t, url, with("link")...))
		scim(http.MethodGet, "/Groups/"+group, "", http.StatusNotFound)
		l := invokeJSON(t, url, with("link", "--yes", "--external-id=x", "--reason=INC-1")...)
		assert.Equal(t, "Owners", l["display_name"])
		seen := scim(http.MethodGet, "/Groups/"+group, "", http.StatusOK)
		assert.Equal(t, "Owners", seen["displayName"])
		assert.Equal(t, "x", seen["externalId"])
		assert.Empty(t, seen["members"])
		assert.Equal(t, 1., scim(http.MethodGet, "/Groups?filter=displayName%20eq%20%22owners%22", "",
			http.StatusOK)["totalResults"])
		scim(http.MethodPut, "/Groups/"+group, `{"displayName":"Owners","members":[{"value":"`+theirs+`"}]}`,
			http.StatusOK)
		assert.Len(t, data(t, native(http.MethodGet, "/groups/"+group+"/members", "", http.StatusOK)), 2)

		assert.Equal(t, 1., invokeJSON(t, url, with("unlink", "--members=release")...)["memberships_ended"])
		assert.Equal(t, map[string]any{"unlinked": group}, invokeJSON(t, url, with("unlink", "--members=release",
			"--yes")...))
		scim(http.MethodGet, "/Groups/"+group, "", http.StatusNotFound)
		left := data(t, native(http.MethodGet, "/groups/"+group+"/members", "", http.StatusOK))
		require.Len(t, left, 1)
		assert.Equal(t, local, left[0]["id"])
	})
}

func TestLinksForPeople(t *testing.T) {
	environ := []string{"SCIMBRIDGE_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "x.db")}
	tenant := invokeJSON(t, strings.TrimPrefix(environ[0], "SCIMBRIDGE_DATABASE_URL="), "bootstrap", "--tenant=Acme")
	in := []string{
		"--tenant=" + tenant["tenant_id"].(string), "--connection=" + tenant["connection_id"].(string),
		"--group=0199aaaa-0000-7000-8000-000000000000",
	}
	for _, test := range []struct {
		args   string
		status int
		want   string
	}{
		{"link --connection=", exitUsage, "--connection ID is required"},
		{"link --group=staff", exitUsage, `--group must be a UUID, not "staff"`},
		{"link", exitFailed, "cannot link the group: group not found"},
		{"link --yes", exitFailed, "cannot link the group: group not found"},
		{"unlink", exitUsage, `unlink needs --members with release or convert, not ""`},
		{"unlink --members=freeze", exitUsage, `unlink needs --members with release or convert, not "freeze"`},
		{"unlink --members=convert", exitFailed, "cannot end the link: group not found"},
		{"unlink --members=convert --yes", exitFailed, "cannot end the link: group not found"},
	} {
		args := append(append([]string{"connection"}, strings.Fields(test.args)[:1]...), in...)
		status, stdout, stderr := invoke(t, environ, append(args, strings.Fields(test.args)[1:]...)...)
		assert.Equal(t, test.status, status, "%s: %s", test.args, stderr)
		assert.Contains(t, stdout+stderr, test.want)
	}
}
