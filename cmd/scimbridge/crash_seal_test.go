package main

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/server"
)

// kill -9 of a server that seals leaves a log that seals on, and that continues
// every checkpoint which was signed before.
func TestKillLeavesALogThatSealsOn(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		key := filepath.Join(t.TempDir(), "seal.key")
		b := tenancy(t, url)
		var kept []string
		for round := range 2 {
			p := start(t, url, "--seal-key-file", key)
			scim := scimCaller(p, b)
			require.Eventually(t, func() bool {
				scim.user(t, "user-"+time.Now().Format("150405.000000")+"@example.test")
				return len(sealedIn(p.logged())) > 0
			}, time.Minute, time.Millisecond, "round %d", round)
			// It seals every five seconds: the kill comes before, within or after a step.
			for at := time.Now().Add(rand.N(6 * time.Second)); time.Now().Before(at); {
				scim.user(t, "user-"+time.Now().Format("150405.000000")+"@example.test")
				time.Sleep(10 * time.Millisecond)
			}
			p.kill(t)
			kept = append(kept, sealedIn(p.logged())...)
		}
		require.GreaterOrEqual(t, len(kept), 2)

		// What is left is sealed in this process, where the lease of the killed is over.
		store := dbtest.Open(t, url)
		c := config.Default()
		c.DatabaseURL, c.SealKeyFile = config.DatabaseURL(url), key
		sealer, err := server.ExistingSealer(c, store)
		require.NoError(t, err)
		require.NoError(t, sealer.Number(t.Context()))
		require.Eventually(t, func() bool {
			require.NoError(t, sealer.SealTenant(t.Context(), b.TenantID))
			l, _, err := store.SealLog(t.Context(), b.TenantID)
			require.NoError(t, err)
			require.Empty(t, l.Stopped)
			return l.Size == l.Head
		}, time.Minute, time.Second)
		for i, text := range kept {
			since := filepath.Join(t.TempDir(), "kept")
			require.NoError(t, os.WriteFile(since, []byte(text), 0o600))
			status, _, stderr := invoke(t,
				[]string{"SCIMBRIDGE_DATABASE_URL=" + url, "SCIMBRIDGE_SEAL_KEY_FILE=" + key},
				"audit", "verify", "--store", "--since", since)
			require.Equal(t, exitDone, status, "checkpoint %d: %s", i, stderr)
		}
	})
}

// sealedIn are the checkpoints in a log.
func sealedIn(log string) (checkpoints []string) {
	for line := range strings.Lines(log) {
		var entry struct{ Msg, Checkpoint string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "sealed" {
			checkpoints = append(checkpoints, entry.Checkpoint)
		}
	}
	return checkpoints
}
