//go:build unix

package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A server that is paused while it seals, for longer than others wait for it, signs
// nothing when it goes on: of two servers there is one log.
func TestPausedServerSignsNoSecondLog(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		// As on two machines, each server has its key, and what it remembers, for itself.
		key, same := filepath.Join(t.TempDir(), "seal.key"), filepath.Join(t.TempDir(), "seal.key")
		first := start(t, url, "--seal-key-file", key)
		b := tenancy(t, url)
		text, err := os.ReadFile(key)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(same, text, 0o600))
		scim := scimCaller(first, b)
		change := func(c caller) { c.user(t, "user-"+time.Now().Format("150405.000000")+"@example.test") }
		change(scim)
		require.Eventually(t, func() bool { return len(sealedIn(first.logged())) > 0 }, time.Minute,
			10*time.Millisecond)

		pause := func() { require.NoError(t, first.cmd.Process.Signal(syscall.SIGSTOP)) }
		if strings.HasPrefix(url, "sqlite:") {
			time.Sleep(100 * time.Millisecond) // one that is paused while it writes holds the file for itself
			pause()
		} else {
			pauseInStep(t, url, b, func() { change(scim) }, pause)
		}
		before := sealedIn(first.logged())
		second := start(t, url, "--seal-key-file", same)
		paused := time.Now()
		for sealed := func() int { return len(sealedIn(second.logged())) }; sealed() == 0; time.Sleep(time.Second) {
			require.Less(t, time.Since(paused), time.Minute, "the other server goes on within a minute")
			change(scimCaller(second, b))
		}
		length := time.Since(paused)
		t.Logf("the other server sealed after %s", length.Round(time.Second))

		require.NoError(t, first.cmd.Process.Signal(syscall.SIGCONT))
		change(scim) // it is there again
		time.Sleep(3 * time.Second)
		n := len(sealedIn(second.logged()))
		require.Eventually(t, func() bool {
			change(scim)
			return len(sealedIn(second.logged())) > n
		}, time.Minute, time.Second)
		assert.Equal(t, before, sealedIn(first.logged()), "what it was sealing is no checkpoint")
		if length < 50*time.Second { // after a minute PostgreSQL ends its transaction
			assert.NotContains(t, first.logged(), "the log of a tenant is not sealed",
				"it sees that another has sealed")
		}

		all := append(before, sealedIn(second.logged())...)
		require.Greater(t, len(all), 2)
		for _, checkpoint := range all {
			kept := filepath.Join(t.TempDir(), "kept")
			require.NoError(t, os.WriteFile(kept, []byte(checkpoint), 0o600))
			status, said, stderr := invoke(t,
				[]string{"SCIMBRIDGE_DATABASE_URL=" + url, "SCIMBRIDGE_SEAL_KEY_FILE=" + key},
				"audit", "verify", "--store", "--since", kept)
			require.Equal(t, exitDone, status, "%s\n%s%s", checkpoint, said, stderr)
		}
	})
}

// pauseInStep pauses a server that has begun to seal and waits for the events, which a
// lock keeps from it until it is paused: when it goes on it has them, and signs.
func pauseInStep(t *testing.T, url string, b bootstrapped, change, pause func()) {
	t.Helper()
	ctx := t.Context()
	c, err := pgx.Connect(ctx, dbtest.OwnerURL(t, url))
	require.NoError(t, err)
	defer c.Close(ctx) //nolint:errcheck // a test
	_, err = c.Exec(ctx, "select set_config('scimbridge.tenant', $1, false)", b.TenantID.String())
	require.NoError(t, err)
	held := func() (until time.Time, toSeal int) {
		require.NoError(t, c.QueryRow(ctx, `select coalesce(l.held_until, 'epoch'), h.number - l.size
			from event_heads h, seal_logs l where h.tenant_id = $1 and l.tenant_id = $1`,
			b.TenantID.String()).Scan(&until, &toSeal))
		return until, toSeal
	}
	for range 20 {
		change()
		require.Eventually(t, func() bool { _, n := held(); return n > 0 }, 10*time.Second, time.Millisecond)
		_, err = c.Exec(ctx, "begin; lock table events in access exclusive mode")
		require.NoError(t, err)
		began, n := held()
		for end := time.Now().Add(7 * time.Second); n > 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
			if until, _ := held(); until.After(began) { // it has begun
				time.Sleep(200 * time.Millisecond)
				pause()
				_, err = c.Exec(ctx, "rollback")
				require.NoError(t, err)
				return
			}
		}
		_, err = c.Exec(ctx, "rollback")
		require.NoError(t, err)
	}
	require.Fail(t, "the server did not seal")
}
