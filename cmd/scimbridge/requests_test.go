package main

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A person at the server's command line sees what a provider sent: the last ones, those
// of a filter, and new ones as they come.
func TestRequestsAtTheCommandLine(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		key := "--seal-key-file=" + filepath.Join(t.TempDir(), "seal.key")
		server, tenant := start(t, url, key), tenancy(t, url)
		scim := scimCaller(server, tenant)
		requests := func(args ...string) *exec.Cmd {
			return command(t, url, append([]string{"requests", key, "--tenant", tenant.TenantID.String()}, args...)...)
		}
		list := func(args ...string) []string {
			t.Helper()
			out, err := requests(args...).Output()
			require.NoError(t, err)
			return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		}
		ann := scim.user(t, "Ann@example.com")
		group := scim.group(t, "Staff")
		scim.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, memberPatch("add", ann))
		scim.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, memberPatch("add", ann))
		scim.must(t, http.StatusConflict, http.MethodPost, "/Users", `{"userName":"ann@example.com"}`)
		require.Eventually(t, func() bool { // and the events have their numbers
			lines := list()
			return len(lines) == 5 && !strings.Contains(strings.Join(lines, ""), "  more_events ")
		}, 10*time.Second, 100*time.Millisecond)

		lines := list()
		for i, want := range []string{
			"  201  changed  POST /scim/v2/Users  ", "  201  changed  POST /scim/v2/Groups  ",
			"  204  changed  PATCH /scim/v2/Groups/" + group + "  ",
			"  204  nothing_to_do  PATCH /scim/v2/Groups/" + group + "  why already a member by this connection  ",
			"  409  refused  POST /scim/v2/Users  type uniqueness  why uniqueness: userName is taken  ",
		} {
			assert.Contains(t, lines[i], want)
			assert.Contains(t, lines[i], "  connection "+tenant.ConnectionID.String())
			assert.Equal(t, strings.Contains(want, "  changed  "), strings.Contains(lines[i], "  events "), lines[i])
			assert.NotContains(t, strings.ToLower(lines[i]), "ann@")
		}
		assert.Equal(t, lines[3:], list("--limit=2"), "the last")
		assert.Equal(t, lines[4:], list("--outcome=refused"))
		assert.Equal(t, lines[2:4], list("--status=204"))
		assert.Equal(t, lines[4:], list("--scim-type=uniqueness"))
		assert.Equal(t, lines[2:4], list("--operation=PATCH /Groups/{id}"))
		assert.Equal(t, lines[1:4], list("--group", group))
		assert.Equal(t, lines[2:3], list("--user", ann, "--outcome=changed", "--group", group))
		assert.Equal(t, []string{lines[0], lines[4]}, list("--user-name=ANN@example.com"))
		assert.Equal(t, lines, list("--connection", tenant.ConnectionID.String(), "--from", "2026-01-01T00:00:00Z"))
		assert.Equal(t, []string{""}, list("--to", "2026-01-01T00:00:00Z"))
		out, err := requests("--json", "--status=409").Output()
		require.NoError(t, err)
		var page struct {
			Data    []map[string]any
			Dropped int
		}
		require.NoError(t, json.Unmarshal(out, &page))
		require.Len(t, page.Data, 1)
		assert.Equal(t, "refused", page.Data[0]["outcome"])
		for _, wrong := range []string{"--outcome=gone", "--limit=0", "--limit=1001", "--user=x"} {
			var exit *exec.ExitError
			_, err := requests(wrong).Output()
			require.ErrorAs(t, err, &exit, wrong)
			assert.Equal(t, 2, exit.ExitCode(), wrong)
		}

		follow(t, requests("--follow", "--limit=1"), lines[4], func() { scim.user(t, "bob") }, func(line string) {
			assert.Contains(t, line, "  201  changed  POST /scim/v2/Users  ")
		})
		follow(t, requests("--follow", "--json", "--outcome=refused"), "", func() {
			scim.user(t, "cid") // not what is asked for
			scim.must(t, http.StatusNotFound, http.MethodDelete, "/Users/"+tenant.TenantID.String(), "")
		}, func(line string) {
			var one map[string]any
			require.NoError(t, json.Unmarshal([]byte(line), &one))
			assert.Equal(t, "DELETE /Users/{id}", one["operation"])
		})
	})
}

// follow starts a command that follows, waits for what it shows first, does something,
// and checks what it shows then; interrupted, it ends well.
func follow(t *testing.T, cmd *exec.Cmd, first string, do func(), check func(line string)) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	next := func() string {
		t.Helper()
		select {
		case line := <-lines:
			return line
		case <-time.After(20 * time.Second):
			require.FailNow(t, "nothing was shown")
			return ""
		}
	}
	if shown := next(); first != "" {
		require.Equal(t, first, shown)
	}
	do()
	check(next())
	select {
	case line := <-lines:
		require.FailNow(t, "shown twice, or what was not asked for", line)
	case <-time.After(followEvery + 500*time.Millisecond):
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	for range lines { //nolint:revive // until it is closed
	}
	require.NoError(t, cmd.Wait())
}
