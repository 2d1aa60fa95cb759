package db_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func TestSealSteps(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		ctx := w.Ctx
		toNumber, err := s.TenantsToNumber(ctx)
		require.NoError(t, err)
		assert.Contains(t, toNumber, w.ID)
		other := newTenant(t, s)
		toNumber, err = s.TenantsToNumber(ctx)
		require.NoError(t, err)
		assert.Equal(t, []membership.ID{w.ID, other.ID}, toNumber, "each once")
		w.Number()
		toSeal, err := s.TenantsToSeal(ctx)
		require.NoError(t, err)
		assert.Contains(t, toSeal, w.ID)
		toNumber, err = s.TenantsToNumber(ctx)
		require.NoError(t, err)
		assert.NotContains(t, toNumber, w.ID)

		_, found, err := s.SealLog(ctx, w.ID)
		require.NoError(t, err)
		assert.False(t, found)
		for i, want := range []bool{true, false} {
			made, err := s.BeginSealLog(ctx, w.ID, []string{"one", "two"}[i], []byte("key"))
			require.NoError(t, err)
			assert.Equal(t, want, made)
		}
		l, _, err := s.SealLog(ctx, w.ID)
		require.NoError(t, err)
		assert.Equal(t, "one", l.Origin)
		head := l.Head
		require.Positive(t, head)
		numbers := int64(0)
		for leaf, err := range s.Leaves(ctx, w.ID, 0, 3) {
			require.NoError(t, err)
			numbers++
			assert.Equal(t, numbers, leaf.Number)
			assert.Equal(t, byte('}'), leaf.Body[len(leaf.Body)-1])
			assert.Equal(t, len(leaf.Members) > 0, bytes.Contains(leaf.Body, []byte(`,"members":[{`)))
		}
		assert.Equal(t, head, numbers)

		now := time.Now()
		hold := func(who string, at time.Time) bool {
			held, err := s.HoldSealLog(ctx, w.ID, who, at, at.Add(time.Minute))
			require.NoError(t, err)
			return held
		}
		assert.True(t, hold("a", now))
		assert.True(t, hold("a", now.Add(time.Second)))
		assert.False(t, hold("b", now.Add(time.Second)))
		assert.True(t, hold("b", now.Add(2*time.Minute)))
		require.NoError(t, s.ReleaseSealLog(ctx, w.ID, "a"), "which holds it no more")
		assert.False(t, hold("a", now.Add(2*time.Minute)))
		require.NoError(t, s.ReleaseSealLog(ctx, w.ID, "b"))
		assert.True(t, hold("a", now.Add(2*time.Minute)))

		run := func(first int64, n int) db.HashRun {
			return db.HashRun{First: first, Hashes: bytes.Repeat([]byte{byte(n)}, 32*n)}
		}
		step := db.Seal{Origin: "one", Size: 5, PublicKey: []byte("key"), At: now, Note: []byte("note 5"),
			Runs: []db.HashRun{run(0, 5)}}
		require.NoError(t, s.SealStep(ctx, w.ID, step))
		require.ErrorIs(t, s.SealStep(ctx, w.ID, step), db.ErrSealedElsewhere, "of two servers one seals")
		step = db.Seal{Origin: "one", From: 5, Size: 7, PublicKey: []byte("key"), At: now, Note: []byte("note 7"),
			Runs: []db.HashRun{run(5, 2)}}
		require.NoError(t, s.SealStep(ctx, w.ID, step))
		b, err := s.SealHashes(ctx, w.ID, 0, 4, 2)
		require.NoError(t, err)
		assert.Equal(t, append(bytes.Repeat([]byte{5}, 32), bytes.Repeat([]byte{2}, 32)...), b)
		step = db.Seal{Origin: "one", From: 7, Size: 300, PublicKey: []byte("key"), At: now, Note: []byte("note 300"),
			Runs: []db.HashRun{{Hashes: bytes.Repeat([]byte{9}, 256*32)}, run(256, 44)}}
		require.NoError(t, s.SealStep(ctx, w.ID, step))
		b, err = s.SealHashes(ctx, w.ID, 0, 0, 256)
		require.NoError(t, err)
		assert.Len(t, b, 256*32)

		notes, err := s.Checkpoints(ctx, w.ID, "one", 299, 5)
		require.NoError(t, err)
		assert.Equal(t, []string{"note 7", "note 5"}, notes)
		note, err := s.Checkpoint(ctx, w.ID, "one", 7)
		require.NoError(t, err)
		assert.Equal(t, "note 7", note)
		r := db.SealReceipt{Anchor: "witness", Lines: "x", Token: []byte{}}
		require.NoError(t, s.AnchorTook(ctx, w.ID, "one", 7, r, now, now))
		rs, err := s.Receipts(ctx, w.ID, "one", 7)
		require.NoError(t, err)
		assert.Equal(t, []db.SealReceipt{r}, rs)

		require.NoError(t, s.StopSealLog(ctx, w.ID, "one", "why"))
		require.NoError(t, s.StopSealLog(ctx, w.ID, "one", "another"))
		stopped, err := s.TenantsStopped(ctx)
		require.NoError(t, err)
		assert.Contains(t, stopped, w.ID)
		step.From, step.Size = 300, 301
		require.ErrorIs(t, s.SealStep(ctx, w.ID, step), db.ErrSealedElsewhere)
		require.NoError(t, s.RestartSealLog(ctx, w.ID, "two", []byte("new"), membership.Event{
			ID: membership.NewID(), Tenant: w.ID, At: now, Action: membership.ActionLogRestored,
		}))
		l, _, err = s.SealLog(ctx, w.ID)
		require.NoError(t, err)
		assert.Equal(t, db.SealLog{Origin: "two", PublicKey: []byte("new"), Head: head}, l)
		b, err = s.SealHashes(ctx, w.ID, 0, 0, 256)
		require.NoError(t, err)
		assert.Empty(t, b)
	})
}
