package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// PgBouncer that pools sessions or transactions can stand before PostgreSQL, as
// docs/configuration.md says: migrated past it, everything else goes through it.
func TestPgBouncer(t *testing.T) {
	dbtest.Wants(t, "postgres")
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/pgbouncer")
	}
	if err != nil {
		t.Skip("NOT CHECKED: there is no pgbouncer")
	}
	said, err := exec.CommandContext(t.Context(), program, "--version").Output()
	require.NoError(t, err)
	m := regexp.MustCompile(`PgBouncer 1\.(\d+)`).FindSubmatch(said)
	require.NotNil(t, m, string(said))
	minor, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	modes := map[string]string{
		"session":     "&pool_max_conns=4", // and 4 beside them: as many as the pooler has
		"transaction": "&default_query_exec_mode=cache_describe",
	}
	if minor >= 21 {
		modes["transaction"] = "" // it keeps prepared statements
	}
	if dbtest.IsCitus(t, "postgres") { // it needs the settings of its session (docs/citus.md)
		delete(modes, "transaction")
	}
	for mode, more := range modes {
		t.Run(mode, func(t *testing.T) {
			direct := dbtest.URL(t, "postgres")
			status, _, stderr := invoke(t, []string{"SCIMBRIDGE_DATABASE_URL=" + direct}, "migrate")
			require.Equal(t, exitDone, status, stderr)
			pooled := pgbouncer(t, program, direct, mode, minor) + more
			tenant := tenancy(t, pooled)
			server := start(t, pooled)
			scim := scimCaller(server, tenant)
			group := scim.group(t, "Kitchen")
			var wg sync.WaitGroup
			for writer := range 8 {
				wg.Go(func() {
					for n := range 10 {
						id := scim.user(t, fmt.Sprintf("user-%d-%d@example.test", writer, n))
						scim.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+group, memberPatch("add", id))
					}
				})
			}
			wg.Wait()
			list := nativeCaller(server, tenant).must(t, http.StatusOK, http.MethodGet, "/groups/"+group+"/members", "")
			assert.Len(t, data(t, list), 80)
			server.stop(t)
		})
	}
}

// pgbouncer is a pooler before the database of a URL, and the URL of that.
func pgbouncer(t *testing.T, program, direct, mode string, minor int) string {
	t.Helper()
	to, err := url.Parse(direct)
	require.NoError(t, err)
	password, _ := to.User.Password()
	name := strings.TrimPrefix(to.Path, "/")
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := free.Addr().(*net.TCPAddr)
	require.NoError(t, free.Close())
	config := fmt.Sprintf("[databases]\n%s = host=%s port=%s user=%s password=%s\n[pgbouncer]\n"+
		"listen_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\nauth_type = any\npool_mode = %s\n"+
		"default_pool_size = 8\nmax_client_conn = 200\n",
		name, to.Hostname(), to.Port(), to.User.Username(), password, address.Port, mode)
	if minor >= 21 {
		config += "max_prepared_statements = 200\n"
	}
	dir, err := os.MkdirTemp("", "scimbridge-pgbouncer-") // which another user may read
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	file := filepath.Join(dir, "pgbouncer.ini")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o644)) //nolint:gosec // as above
	args := []string{file}
	if me, err := user.Current(); err == nil && me.Uid == "0" {
		args = append([]string{"--user", "nobody"}, args...) // it refuses to run as root
	}
	pooler := exec.Command(program, args...) //nolint:gosec // a test
	var said bytes.Buffer
	pooler.Stdout, pooler.Stderr = &said, &said
	require.NoError(t, pooler.Start())
	t.Cleanup(func() {
		_ = pooler.Process.Kill()
		_ = pooler.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", address.String())
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, 10*time.Second, 20*time.Millisecond)
	to.Host = address.String()
	to.RawQuery = "sslmode=disable"
	return to.String()
}
