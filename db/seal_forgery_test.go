package db_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/server"
)

// The key in the store can be changed together with the log: it says nothing.
func TestAKeyInTheStoreIsNoProof(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		forged := w.checkpoint()
		w.sql(`update events set body = replace(body, '"request_id":"r"', '"request_id":"q"') where tenant_id = $1`)
		forged.Root = w.recompute()
		own, err := seal.NewKey()
		require.NoError(t, err)
		text, err := forged.Sign(own.Signer(forged.Origin))
		require.NoError(t, err)
		w.sql(`delete from seal_checkpoints where tenant_id = $1 and size < $2`, forged.Size)
		w.sql(`update seal_checkpoints set note = $2 where tenant_id = $1`, string(text))
		w.sql(`update seal_logs set public_key = $2 where tenant_id = $1`, own.Public())
		for name, sealer := range map[string]*server.Sealer{
			"with the true key": w.sealer,
			"without a key":     server.NewSealer(s, server.SealerOptions{PublicURL: "https://bridge.example.com"}),
		} {
			_, err = sealer.Verify(w.Ctx, w.ID, nil, nil, nil)
			require.ErrorContains(t, err, "no key is known", name)
			_, err = sealer.VerifierKeys(w.Ctx, w.ID)
			require.Error(t, err, name)
			_, err = sealer.Verify(w.Ctx, w.ID, []string{w.vkey()}, nil, nil)
			require.ErrorIs(t, err, seal.ErrUnsigned, name)
		}
	})
}

// A log that was set back to a true checkpoint of before is not whole for who has signed
// more, nor for anybody once it was stopped for it.
func TestALogThatWasSetBackIsNotWhole(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		size := w.log().Size
		w.change(3)
		w.seal()
		last := w.checkpoint()
		w.sql(`delete from events where tenant_id = $1 and number > $2`, size)
		w.sql(`delete from seal_checkpoints where tenant_id = $1 and size > $2`, size)
		w.sql(`delete from event_users where tenant_id = $1 and number > $2`, size)
		w.sql(`update event_heads set number = $2 where tenant_id = $1`, size)
		w.recompute()
		_, err := w.sealer.Verify(w.Ctx, w.ID, nil, nil, nil)
		want := &seal.Finding{Kind: seal.TailCut, Number: size + 1, Through: last.Size, Checkpoint: last.Size}
		assert.Equal(t, want, err)
	})
	// The same for who has no memory of it, once it was stopped.
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		require.NoError(t, w.verify())
		require.NoError(t, s.StopSealLog(w.Ctx, w.ID, w.log().Origin, "a witness has seen another log"))
		require.ErrorContains(t, w.verify(), "a witness has seen another log")
	})
}

// What is signed under another name is signed because an event tells why.
func TestALogIsNotSealedUnderAnotherName(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		origin := w.log().Origin
		w.sql(`update seal_logs set origin = origin || '/2', size = 0 where tenant_id = $1`)
		w.sql(`delete from seal_hashes where tenant_id = $1`)
		w.sql(`delete from seal_checkpoints where tenant_id = $1`)
		w.sql(`update events set body = replace(body, '"request_id":"r"', '"request_id":"q"') where tenant_id = $1`)
		w.change(3)
		restarted := w.restart()
		require.Error(t, restarted.SealTenant(w.Ctx, w.ID))
		assert.Empty(t, w.log().Stopped, "an event without a number could tell why")
		require.NoError(t, restarted.Number(w.Ctx))
		require.ErrorContains(t, restarted.SealTenant(w.Ctx, w.ID), "was "+origin)
		assert.Contains(t, w.log().Stopped, "no event tells why")
		assert.Zero(t, w.log().Size)

		// An operator accepts it, and it goes on. Another server that has the old name only
		// reads why.
		accepted, err := restarted.AcceptRestore(w.Ctx, membership.Call{Tenant: w.ID, Reason: "INC-7",
			Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"}})
		require.NoError(t, err)
		require.NoError(t, restarted.Number(w.Ctx))
		require.NoError(t, restarted.SealTenant(w.Ctx, w.ID))
		assert.Equal(t, accepted, w.checkpoint().Origin)
		assert.Equal(t, w.log().Head, w.log().Size)

		_, err = server.NewSealer(s, server.SealerOptions{}).AcceptRestore(w.Ctx, membership.Call{Tenant: w.ID})
		require.ErrorContains(t, err, "there is no key")
	})
}

// Where the events of one tenant cannot be numbered, those of others are, and sealed.
func TestATenantThatCannotBeNumberedHoldsUpNoOther(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		broken, other := newSealed(t, s), newSealed(t, s)
		broken.sql(`update event_heads set number = number - 1 where tenant_id = $1`)
		broken.change(3)
		other.change(3)
		before, stays := other.log().Head, broken.log().Head
		require.NoError(t, broken.sealer.Number(broken.Ctx))
		require.Equal(t, stays, broken.log().Head)
		require.Greater(t, other.log().Head, before)
		require.NoError(t, other.sealer.Seal(other.Ctx))
		require.Equal(t, other.log().Head, other.log().Size)
	})
}

// Who opened a grant stands in the event that opened it, and in no other.
func TestAGrantHasTheEventThatOpenedIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		verified := func(w *sealed) (server.VerifiedStore, error) {
			return server.VerifyStore(w.Ctx, w.store, w.ID, w.vkey(), nil, nil)
		}
		whole := newSealed(t, s)
		done, err := verified(whole)
		require.NoError(t, err)
		assert.Zero(t, done.Unlogged)
		for name, q := range map[string]string{
			"the event that closed it": `update past_grants set opened_event = closed_event where tenant_id = $1`,
			"an event of another kind": `update grants set opened_event =
				(select min(position) from events where tenant_id = $1) where tenant_id = $1`,
			"the event of another member": `update grants set user_id =
				(select min(user_id) from past_grants where tenant_id = $1) where tenant_id = $1 and id =
				(select min(id) from grants where tenant_id = $1)`,
			"an event of another group": `update grants set group_no = group_no + 1 where tenant_id = $1`,
		} {
			t.Run(name, func(t *testing.T) {
				w := newSealed(t, s)
				if strings.Contains(q, "min(id)") && s.Engine() == "postgres" {
					q = strings.ReplaceAll(q, "min(user_id)", "min(user_id::text)::uuid")
					q = strings.ReplaceAll(q, "min(id)", "min(id::text)::uuid")
				}
				w.sql(q)
				var f *seal.Finding
				_, err := verified(w)
				require.ErrorAs(t, err, &f)
				assert.Equal(t, seal.Beside, f.Kind)
			})
		}
		t.Run("an event that is not in the log", func(t *testing.T) {
			w := newSealed(t, s)
			w.sql(`insert into events (tenant_id, position, group_id, user_id, body, members)
				select tenant_id, -5, group_id, user_id, replace(body, '"request_id":"r"', '"request_id":"eve"'),
				members from events
				where tenant_id = $1 and position = (select max(opened_event) from grants where tenant_id = $1)`)
			w.sql(`update grants set opened_event = -5 where tenant_id = $1 and opened_event =
				(select max(opened_event) from grants where tenant_id = $1)`)
			done, err := verified(w)
			require.NoError(t, err)
			assert.EqualValues(t, 1, done.Unlogged, "it is said how many there are")
		})
	})
}
