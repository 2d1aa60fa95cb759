package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Each committed event is under a signed checkpoint within a minute, with nobody who reads
// the log.
func TestEventsAreSealedWithinAMinute(t *testing.T) {
	const limit, writing, pause = time.Minute, 8 * time.Second, 100 * time.Millisecond
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url, func(c *config.Config) {
			c.SealKeyFile = filepath.Join(t.TempDir(), "seal.key")
		})
		tenant, store := w.mine.TenantID, w.one.store
		type checkpoint struct {
			seen time.Time
			size int64
		}
		var seen []checkpoint
		look := func() int64 {
			l, found, err := store.SealLog(t.Context(), tenant)
			require.NoError(t, err)
			if found && (len(seen) == 0 || l.Size > seen[len(seen)-1].size) {
				seen = append(seen, checkpoint{time.Now(), l.Size})
			}
			return l.Size
		}
		for i, began := 0, time.Now(); time.Since(began) < writing; i++ {
			w.groups(i, i+1)
			look()
			time.Sleep(pause)
		}
		all := func() (sealed bool) {
			size := look()
			require.NoError(t, store.Read(t.Context(), tenant, func(r membership.Reader) error {
				pending, err := r.EventsPending(t.Context())
				if err != nil {
					return err
				}
				head, err := r.EventHead(t.Context())
				sealed = !pending && head > 0 && head == size
				return err
			}))
			return sealed
		}
		for began := time.Now(); !all(); time.Sleep(pause) {
			require.Less(t, time.Since(began), limit, "what was committed last")
		}

		events := dbtest.Events(t, store, tenant, membership.EventFilter{})
		require.Greater(t, len(events), int(writing/pause)/4)
		require.Greater(t, len(seen), 1, "while others were committed")
		longest, next := time.Duration(0), 0
		for _, e := range events { // in the order of their numbers
			for next < len(seen) && seen[next].size < e.Number {
				next++
			}
			require.Less(t, next, len(seen), "event %d", e.Number)
			longest = max(longest, seen[next].seen.Sub(e.At))
		}
		t.Logf("%d events, %d checkpoints, the longest wait was %s", len(events), len(seen), longest)
		assert.Less(t, longest, limit)
	})
}
