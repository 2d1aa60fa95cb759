package main

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// runProcess runs the program as a process, and returns what it printed.
func runProcess(t testing.TB, url string, args ...string) (stdout string, err error) {
	t.Helper()
	cmd := command(t, url, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("%w: %s", err, errs.String())
	}
	return out.String(), err
}

// userNames reads the names that a copy has.
func userNames(t *testing.T, file string) map[string]bool {
	t.Helper()
	store, err := sql.Open("sqlite", "file:"+file+"?mode=ro&immutable=1")
	require.NoError(t, err)
	defer store.Close()
	rows, err := store.QueryContext(t.Context(), "select user_name from user_links")
	require.NoError(t, err)
	defer rows.Close()
	names := map[string]bool{}
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		names[name] = true
	}
	require.NoError(t, rows.Err())
	return names
}

// While 500 users a second come in, every backup is whole, verifies, and has all that
// was acknowledged before it began. SCIMBRIDGE_TEST_BACKUPS says how many are made.
func TestBackupsWhileTheServerWrites(t *testing.T) {
	dbtest.Wants(t, "sqlite")
	backups, writers := 6, 32
	if n := os.Getenv("SCIMBRIDGE_TEST_BACKUPS"); n != "" {
		var err error
		backups, err = strconv.Atoi(n)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	url := "sqlite:" + filepath.Join(dir, "live.db")
	tenant := tenancy(t, url)
	server := start(t, url)
	scim := scimCaller(server, tenant)

	var mu sync.Mutex
	var acknowledged, failed []string
	var copying atomic.Bool
	took := map[bool][]time.Duration{} // by whether a backup was being made when a write began
	tickets, stop := make(chan int), make(chan struct{})
	go func() {
		defer close(tickets)
		for began, n := time.Now(), 0; ; n++ { // what came late is made up for
			time.Sleep(time.Until(began.Add(time.Duration(n) * 2 * time.Millisecond)))
			select {
			case <-stop:
				return
			case tickets <- n:
			}
		}
	}()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for n := range tickets {
				name := fmt.Sprintf("user-%d@example.test", n)
				during, began := copying.Load(), time.Now()
				status, _, err := scim.send(t.Context(), http.MethodPost, "/Users", fmt.Sprintf(
					`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":%q,"active":true}`, name))
				mu.Lock()
				took[during] = append(took[during], time.Since(began))
				if err == nil && status == http.StatusCreated {
					acknowledged = append(acknowledged, name)
				} else {
					failed = append(failed, fmt.Sprint(name, status, err))
				}
				mu.Unlock()
			}
		})
	}
	know := func() []string {
		mu.Lock()
		defer mu.Unlock()
		return acknowledged[:len(acknowledged):len(acknowledged)]
	}
	require.Eventually(t, func() bool { return len(know()) > 100 }, time.Minute, time.Millisecond)

	begun, before := time.Now(), len(know())
	last, during := "", 0
	var spent time.Duration
	for i := range backups {
		last = filepath.Join(dir, fmt.Sprintf("backup-%d.db", i))
		want := know()
		copying.Store(true)
		start := time.Now()
		_, err := runProcess(t, url, "backup", last)
		require.NoError(t, err)
		during += len(know()) - len(want)
		spent += time.Since(start)
		copying.Store(false)
		said, err := runProcess(t, url, "restore", "--check", last)
		require.NoError(t, err)
		require.Contains(t, said, "the file is whole")
		have := userNames(t, last)
		for _, name := range want {
			require.True(t, have[name], "backup %d lacks %s, which was acknowledged before it", i, name)
		}
	}
	written, all := len(know())-before, time.Since(begun)
	close(stop)
	wg.Wait()
	for _, ds := range took {
		slices.Sort(ds)
	}
	t.Logf("%d backups: %d writes in %s (%.0f/s); %d of them in the %s that a backup took (%.0f/s)", backups, written,
		all.Round(time.Millisecond), float64(written)/all.Seconds(), during, spent.Round(time.Millisecond),
		float64(during)/spent.Seconds())
	for copying, ds := range took {
		if len(ds) > 0 {
			t.Logf("writes while a backup is made: %t; p50 %s, p99 %s, longest %s", copying, ds[len(ds)/2],
				ds[len(ds)*99/100], ds[len(ds)-1])
		}
	}
	require.Empty(t, failed)
	require.Positive(t, during, "nothing was written while a backup was made")
	server.stop(t)

	// The last one takes the place of the store.
	restored := filepath.Join(dir, "restored.db")
	require.NoError(t, os.Rename(last, restored))
	have := userNames(t, restored)
	again := start(t, "sqlite:"+restored)
	list := scimCaller(again, tenant).must(t, http.StatusOK, http.MethodGet, "/Users?count=1", "")
	require.InDelta(t, len(have), list["totalResults"], 0)
}

// sealedBackup is a backup of a store with a sealed log, and the environment of the
// server that wrote it.
func sealedBackup(t *testing.T) (file string, environ []string) {
	t.Helper()
	dir := t.TempDir()
	url := "sqlite:" + filepath.Join(dir, "live.db")
	tenant := tenancy(t, url)
	server := start(t, url)
	scimCaller(server, tenant).user(t, "ada@example.test")
	require.Eventually(t, func() bool {
		status, _, err := nativeCaller(server, tenant).send(t.Context(), http.MethodGet, "/audit/checkpoint", "")
		return err != nil && status == http.StatusOK // a checkpoint is no JSON
	}, time.Minute, 100*time.Millisecond)
	file = filepath.Join(t.TempDir(), "backup.db")
	environ = []string{"SCIMBRIDGE_DATABASE_URL=" + url}
	status, said, stderr := invoke(t, environ, "backup", file)
	require.Equal(t, exitDone, status, stderr)
	assert.Contains(t, said, file)
	assert.Contains(t, stderr, "the key that events are sealed with is not in it ("+
		filepath.Join(dir, "scimbridge-seal.key"))
	return file, environ
}

func TestRestoreCheck(t *testing.T) {
	dbtest.Wants(t, "sqlite")
	file, environ := sealedBackup(t)
	check := func(environ []string, args ...string) (int, string) {
		t.Helper()
		status, stdout, stderr := invoke(t, environ, append([]string{"restore", "--check"}, args...)...)
		return status, stdout + stderr
	}
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	info, err := os.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, "-rw-------", info.Mode().String())

	status, said := check(environ, file)
	require.Equal(t, exitDone, status, said)
	assert.Contains(t, said, "are as the checkpoints say\n")
	status, said = check(nil, file) // on a machine without the key
	require.Equal(t, exitDone, status, said)
	assert.Contains(t, said, "it is not known who signed them")
	other := filepath.Join(t.TempDir(), "vkey")
	require.NoError(t, os.WriteFile(other,
		[]byte("other+0d2ab6b5+AXMpT4dX7bJX5hrhFzJOtJ4m4kXbZ7YzXv2B3t0cXv0a\n"), 0o600))
	status, said = check(environ, file, "--key", other)
	assert.Equal(t, exitFailed, status, said)

	// It changed nothing, and made nothing beside it.
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(whole, after))
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, left, 1)

	// A backup takes the place of nothing.
	status, _, stderr := invoke(t, environ, "backup", file)
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "exists")

	put := func(content []byte) string {
		name := filepath.Join(t.TempDir(), "copy.db")
		require.NoError(t, os.WriteFile(name, content, 0o600))
		return name
	}
	status, said = check(environ, put(whole[:len(whole)/2]))
	assert.Equal(t, exitFailed, status, "cut off: %s", said)
	status, said = check(environ, put(nil))
	assert.Equal(t, exitFailed, status, "empty: %s", said)
	status, said = check(environ, file+"x")
	assert.Equal(t, exitFailed, status, said)
	assert.Contains(t, said, "there is no store")

	changed := put(whole)
	store, err := sql.Open("sqlite", changed)
	require.NoError(t, err)
	result, err := store.ExecContext(t.Context(),
		`update events set body = replace(body, '"at":"2', '"at":"1') where number = 2`)
	require.NoError(t, err)
	rows, err := result.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, rows)
	require.NoError(t, store.Close())
	status, said = check(environ, changed)
	assert.Equal(t, exitFailed, status, said)
	assert.Contains(t, said, "event 2")
}

// A file that was copied while it was in use is told from a backup.
func TestRestoreCheckOfAFileThatWasCopied(t *testing.T) {
	dbtest.Wants(t, "sqlite")
	live := filepath.Join(t.TempDir(), "live.db")
	tenant := tenancy(t, "sqlite:"+live)
	server := start(t, "sqlite:"+live)
	scimCaller(server, tenant).user(t, "ada@example.test")

	status, _, stderr := invoke(t, nil, "restore", "--check", live)
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "is beside it")

	copied := filepath.Join(t.TempDir(), "copy.db")
	content, err := os.ReadFile(live)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(copied, content, 0o600))
	_, _, stderr = invoke(t, nil, "restore", "--check", copied)
	assert.Contains(t, stderr, "what was written last may be missing")
	assert.Empty(t, userNames(t, copied), "else it shows nothing")
}

func TestUsageOfBackupAndRestore(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	status, _, stderr := invoke(t, nil, "backup", "x.db")
	assert.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "there is no store")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)
	for _, args := range [][]string{
		{"backup"}, {"backup", "a", "b"}, {"restore", "a"}, {"restore"}, {"restore", "--check"},
		{"restore", "--check", "a", "b"},
	} {
		status, _, stderr := invoke(t, nil, args...)
		assert.Equal(t, exitUsage, status, "%v: %s", args, stderr)
	}
}

// The dump that backup names can be restored; one made as the server's role lacks
// every row, which restore --check says.
func TestDumpsOfPostgreSQL(t *testing.T) {
	dbtest.Wants(t, "postgres")
	if dbtest.IsCitus(t, "postgres") {
		t.Skip("a dump is no backup of a Citus: docs/citus.md")
	}
	url := dbtest.URL(t, "postgres")
	b := tenancy(t, url)
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.dump"), filepath.Join(dir, "bad.dump")
	environ := []string{"SCIMBRIDGE_DATABASE_URL=" + url}

	status, _, stderr := invoke(t, environ, "backup", good)
	require.Equal(t, exitFailed, status)
	assert.Contains(t, stderr, "the server's role")
	assert.NotContains(t, stderr, "pa55word")
	said := ""
	for line := range strings.Lines(stderr) {
		if rest, ok := strings.CutPrefix(line, "scimbridge: pg_dump "); ok {
			said = "pg_dump " + rest
		}
	}
	require.NotEmpty(t, said)
	assert.NoFileExists(t, good)

	tool := func(line string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput()
		return string(out), err
	}
	// The role that docs/backup.md makes is a superuser of the test server here.
	out, err := tool(strings.Replace(said, "//scimbridge_backup@", "//"+superuser(t)+"@", 1))
	require.NoError(t, err, "%s\n%s", said, out)
	out, err = tool("pg_dump --format=custom --file=" + bad + " '" + url + "'")
	require.Error(t, err, "pg_dump itself refuses")
	assert.Contains(t, out, "row-level security")
	out, err = tool("pg_dump --enable-row-security --format=custom --file=" + bad + " '" + url + "'")
	require.NoError(t, err, out)

	for dump, want := range map[string]int{good: exitDone, bad: exitFailed} {
		restored := dbtest.EmptyURL(t, "postgres")
		out, err := tool("pg_restore --exit-on-error --no-owner --dbname='" + restored + "' " + dump)
		require.NoError(t, err, "%s: it restores without an error: %s", dump, out)
		status, stdout, stderr := invoke(t, nil, "restore", "--check", "--database-url", restored)
		require.Equal(t, want, status, stdout+stderr)
		if want == exitDone {
			assert.Contains(t, stdout, b.TenantID.String())
		} else {
			assert.Contains(t, stderr, "it has no tenant")
		}
	}
}

// superuser is the user, and password, of the test server's owner.
func superuser(t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL"), "://")
	user, _, found := strings.Cut(rest, "@")
	require.True(t, found)
	return user
}
