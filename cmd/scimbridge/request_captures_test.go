package main

import (
	"errors"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// The command line opens a window in a running server, shows a body of it, and closes it.
func TestCapturesAtTheCommandLine(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		key := "--seal-key-file=" + filepath.Join(t.TempDir(), "seal.key")
		server, tenant := start(t, url, key), tenancy(t, url)
		scim := scimCaller(server, tenant)
		run := func(args ...string) (string, int) {
			t.Helper()
			out, err := command(t, url,
				append([]string{"requests", key, "--tenant=" + tenant.TenantID.String()}, args...)...).Output()
			var exit *exec.ExitError
			if errors.As(err, &exit) {
				return string(exit.Stderr), exit.ExitCode()
			}
			require.NoError(t, err)
			return string(out), exitDone
		}
		capture := func(args ...string) string {
			t.Helper()
			text, status := run(append([]string{"capture"}, args...)...)
			require.Equal(t, exitDone, status, text)
			return text
		}
		fields := func(text string) []string { return strings.Fields(text) }
		of := "--connection=" + tenant.ConnectionID.String()
		for _, wrong := range [][]string{{"open"}, {"open", of, "--hours=25"}, {"close", of}, {"show"}, {"shw"}} {
			text, status := run(append([]string{"capture"}, wrong...)...)
			assert.Equal(t, exitUsage, status, text)
		}
		assert.Equal(t, "ID  OPENED  ENDS  OPENED BY\n", capture("list", of))
		scim.user(t, "before")
		opened := fields(capture("open", of, "--hours=2", "--reason=INC-4711"))
		require.Equal(t, "capture", opened[0])
		id := opened[1]
		assert.Contains(t, capture("list", of), id)
		assert.Contains(t, capture("list", of), "operator:cli")

		var line []string
		require.Eventually(t, func() bool { // the server knows of it within a second
			scim.must(t, http.StatusBadRequest, http.MethodPost, "/Users", `{"userName":"","title":"Cook"}`)
			text, _ := run("--outcome=refused", "--limit=1")
			line = fields(text)
			return strings.Contains(text, "  captured ")
		}, 20*time.Second, 200*time.Millisecond)
		kept := ""
		for i, word := range line {
			if word == "captured" {
				kept = line[i+1]
			}
		}
		assert.Equal(t, `{"userName":"","title":"Cook"}`+"\n", capture("show", "--request="+kept))
		assert.Contains(t, capture("show", "--json", "--request="+kept), `"whole": true`)

		assert.Equal(t, "The capture "+id+" is closed.\n", capture("close", of, id))
		assert.Equal(t, "ID  OPENED  ENDS  OPENED BY\n", capture("list", of))
		text, status := run("capture", "show", "--request="+kept)
		assert.Equal(t, exitFailed, status)
		assert.Contains(t, text, "cannot show the body")
		read := nativeCaller(server, tenant).must(t, http.StatusOK, http.MethodGet,
			"/audit/events?action=capture.read", "")
		assert.Len(t, read["data"], 2)
	})
}
