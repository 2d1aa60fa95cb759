package db_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/seal/anchor"
	"github.com/scimbridge/scimbridge/server"
)

// sealed is a tenant whose log is sealed.
type sealed struct {
	*tenant
	key    seal.Key
	sealer *server.Sealer
	state  string
}

func newSealed(t *testing.T, s *db.Store) *sealed {
	key, err := seal.NewKey()
	require.NoError(t, err)
	w := &sealed{tenant: newTenant(t, s), key: key, state: t.TempDir()}
	w.sealer = w.server(key)
	for i := range 3 {
		w.change(i)
	}
	w.seal()
	return w
}

// server is a sealer of another server, or of this one after a start.
func (w *sealed) server(key seal.Key) *server.Sealer {
	state, err := anchor.NewState(w.state)
	require.NoError(w.T, err)
	return server.NewSealer(w.store, server.SealerOptions{
		Keys: seal.Keys{key}, PublicURL: "https://bridge.example.com", State: state,
	})
}

// restart is this server after a start: what held the log before is gone.
func (w *sealed) restart() *server.Sealer {
	w.sql(`update seal_logs set held_until = null where tenant_id = $1`)
	return w.server(w.key)
}

// change makes two members of a group, and takes them out again.
func (w *sealed) change(i int) {
	some := w.Users[2*i+1 : 2*i+3]
	w.Update(func(tx membership.Tx) error { return dbtest.ChangeMembers(w.Ctx, tx, w.Change(some, nil)) })
	w.Update(func(tx membership.Tx) error { return dbtest.ChangeMembers(w.Ctx, tx, w.Change(nil, some[:1])) })
}

func (w *sealed) seal() {
	require.NoError(w.T, w.sealer.Number(w.Ctx))
	require.NoError(w.T, w.sealer.SealTenant(w.Ctx, w.ID))
}

func (w *sealed) log() db.SealLog {
	l, found, err := w.store.SealLog(w.Ctx, w.ID)
	require.NoError(w.T, err)
	require.True(w.T, found)
	return l
}

func (w *sealed) checkpoint() seal.Checkpoint {
	text, err := w.sealer.Checkpoint(w.Ctx, w.ID, 0)
	require.NoError(w.T, err)
	c, err := seal.UnverifiedCheckpoint([]byte(text))
	require.NoError(w.T, err)
	return c
}

func (w *sealed) vkey() string {
	vkey, err := w.key.VerifierKey(w.log().Origin)
	require.NoError(w.T, err)
	return vkey
}

func (w *sealed) verify(given ...seal.Checkpoint) error {
	_, err := server.VerifyStore(w.Ctx, w.store, w.ID, w.vkey(), given, nil)
	return err
}

// sql runs a statement whose $1 is the tenant.
func (w *sealed) sql(q string, args ...any) {
	w.T.Helper()
	require.NoError(w.T, w.store.Exec(w.Ctx, w.ID, q, append([]any{w.ID}, args...)...))
}

const numbered = ` where tenant_id = $1 and number = $2`

// recompute stores the hashes of the events as they are now, as who changes them and
// has not the key would, and returns their root.
func (w *sealed) recompute() tlog.Hash {
	var tree seal.Tree
	for l, err := range w.store.Leaves(w.Ctx, w.ID, 0, 100) {
		require.NoError(w.T, err)
		line, err := seal.Leaf{Number: l.Number, Tenant: w.ID.String(), Body: l.Body}.Append(nil)
		require.NoError(w.T, err)
		require.NoError(w.T, tree.Append(tlog.RecordHash(line), nil))
	}
	var b []byte
	for _, h := range tree.Edge()[0] {
		b = append(b, h[:]...)
	}
	w.hashes(b)
	w.sql(`update seal_logs set size = $2 where tenant_id = $1`, tree.Size())
	root, err := tree.Root()
	require.NoError(w.T, err)
	return root
}

func (w *sealed) hashes(b []byte) {
	w.sql(`delete from seal_hashes where tenant_id = $1`)
	w.sql(`insert into seal_hashes (tenant_id, level, first, hashes) values ($1, 0, 0, $2)`, b)
}

// Who has the database, and not the key, is found out, and the event is named.
func TestWhatWasDoneToTheLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		whole := newSealed(t, s)
		require.NoError(t, whole.verify())
		head := whole.log().Head
		require.Equal(t, head, whole.log().Size)
		changed := seal.Finding{Kind: seal.Changed, Number: 4}
		missing := seal.Finding{Kind: seal.Missing, Number: 4, Through: 4}
		set := func(q string, args ...any) func(*sealed) {
			return func(w *sealed) { w.sql(`update events set `+q+numbered, append([]any{int64(4)}, args...)...) }
		}
		for name, c := range map[string]struct {
			do   func(w *sealed)
			want seal.Finding
		}{
			"body":         {set(`body = replace(body, '"at":"2', '"at":"1')`), changed},
			"no JSON":      {set(`body = 'x'`), changed},
			"members":      {set(`members = replace(members, '"user_id":"0', '"user_id":"1')`), changed},
			"members gone": {set(`members = null`), changed},
			"group":        {set(`group_id = $3`, membership.NewID()), changed},
			"no group":     {set(`group_id = null`), changed},
			"user":         {set(`user_id = $3`, membership.NewID()), changed},
			"number":       {set(`number = 5000`), changed},
			"no number":    {set(`number = null`), missing},
			"removed":      {func(w *sealed) { w.sql(`delete from events`+numbered, int64(4)) }, missing},
			"the last removed": {func(w *sealed) {
				w.sql(`delete from events`+numbered, head)
				w.sql(`update event_heads set number = $2 where tenant_id = $1`, head-1)
			}, seal.Finding{Kind: seal.TailCut, Number: head, Through: head, Checkpoint: head}},
			"the last removed, with its hash": {func(w *sealed) {
				w.sql(`delete from events`+numbered, head)
				w.recompute()
			}, seal.Finding{Kind: seal.TailCut, Number: head, Through: head, Checkpoint: head}},
			"two swapped": {func(w *sealed) {
				for _, n := range [][2]int64{{4, 1000}, {5, 4}, {1000, 5}} {
					w.sql(`update events set number = $3`+numbered, n[0], n[1])
				}
			}, seal.Finding{Kind: seal.Reordered, Number: 4, Through: 5}},
			"one inserted": {func(w *sealed) {
				for n := head; n >= 4; n-- {
					w.sql(`update events set number = $3`+numbered, n, n+1)
				}
				w.sql(`insert into events (tenant_id, position, number, group_id, user_id, body, members)
					select tenant_id, position + 1000000, 4, group_id, user_id, replace(body, '"at":"2', '"at":"1'),
					members from events`+numbered+` on conflict do nothing`, int64(3))
			}, seal.Finding{Kind: seal.Inserted, Number: 4, Through: 4}},
			"a hash": {func(w *sealed) {
				b, err := w.store.SealHashes(w.Ctx, w.ID, 0, 0, 256)
				require.NoError(w.T, err)
				b[3*32] ^= 1
				w.hashes(b)
			}, seal.Finding{Kind: seal.HashChanged, Number: 4}},
			"all of it, with the hashes": {func(w *sealed) {
				w.sql(`update events set body = replace(body, '"at":"2', '"at":"1') where tenant_id = $1`)
				w.recompute()
			}, seal.Finding{Kind: seal.Rewritten, Number: 1, Through: head, Checkpoint: head}},
		} {
			t.Run(name, func(t *testing.T) {
				w := newSealed(t, s)
				w.T = t
				require.Equal(t, head, w.log().Size)
				c.do(w)
				err := w.verify()
				assert.Equal(t, &c.want, err, "%v", err)
			})
		}

		// With a checkpoint of another key in the place of the true one.
		w := newSealed(t, s)
		kept := w.checkpoint()
		w.sql(`update events set body = replace(body, '"request_id":"r"', '"request_id":"q"') where tenant_id = $1`)
		w.recompute()
		forged := kept
		forged.Size = head
		other, err := seal.NewKey()
		require.NoError(t, err)
		text, err := forged.Sign(other.Signer(kept.Origin))
		require.NoError(t, err)
		w.sql(`update seal_checkpoints set note = $2 where tenant_id = $1`, string(text))
		require.ErrorIs(t, w.verify(), seal.ErrUnsigned)

		// Who has the key too rewrites everything: the checkpoint that was kept tells.
		w.sql(`delete from seal_checkpoints where tenant_id = $1`)
		w.sql(`delete from seal_hashes where tenant_id = $1`)
		w.sql(`update seal_logs set size = 0 where tenant_id = $1`)
		w.state = t.TempDir()
		require.NoError(t, w.restart().SealTenant(w.Ctx, w.ID))
		require.NoError(t, w.verify())
		assert.Equal(t, &seal.Finding{Kind: seal.Inconsistent, Number: 1, Through: head, Checkpoint: head},
			w.verify(kept))
	})
}

// A log that was set back is not sealed over; others are, and an operator lets it go
// on under another origin.
func TestARestoredLogStops(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		for name, again := range map[string]func(w *sealed){
			"shorter": func(*sealed) {},
			"longer, but another": func(w *sealed) {
				for i := 5; i < 8; i++ {
					w.change(i)
				}
			},
		} {
			t.Run(name, func(t *testing.T) {
				w := newSealed(t, s)
				w.T = t
				// As a backup of the store has it, without what came after.
				l, before := w.log(), w.checkpoint()
				w.change(3)
				w.change(4)
				w.seal()
				last := w.checkpoint()
				w.sql(`delete from events where tenant_id = $1 and number > $2`, l.Size)
				w.sql(`delete from seal_checkpoints where tenant_id = $1 and size > $2`, l.Size)
				w.sql(`delete from event_users where tenant_id = $1 and number > $2`, l.Size)
				w.sql(`update event_heads set number = $2 where tenant_id = $1`, l.Size)
				w.recompute()
				again(w)
				w.change(8)
				require.NoError(t, w.sealer.Number(w.Ctx))

				restarted := w.restart()
				var conflict *anchor.Conflict
				require.ErrorAs(t, restarted.SealTenant(w.Ctx, w.ID), &conflict)
				assert.Equal(t, last.Size, conflict.Seen)
				require.NoError(t, restarted.SealTenant(w.Ctx, w.ID), "it is stopped, and stays so")
				assert.Contains(t, w.log().Stopped, "does not continue")
				stopped, err := s.TenantsStopped(w.Ctx)
				require.NoError(t, err)
				assert.Contains(t, stopped, w.ID)
				assert.Equal(t, before, w.checkpoint(), "nothing was signed")
				other := newSealed(t, s)
				require.NoError(t, other.verify())

				call := membership.Call{Tenant: w.ID, Reason: "restored after INC-7",
					Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"}}
				origin, err := restarted.AcceptRestore(w.Ctx, call)
				require.NoError(t, err)
				assert.Equal(t, "bridge.example.com/"+w.ID.String()+"/2", origin)
				require.NoError(t, restarted.Number(w.Ctx))
				require.NoError(t, restarted.SealTenant(w.Ctx, w.ID))
				assert.Equal(t, origin, w.checkpoint().Origin)
				// The events are those of the new checkpoint. Their index was not set back here.
				assert.Equal(t, &seal.Finding{Kind: seal.Beside, Number: 1}, w.verify())
				body := ""
				for l, err := range s.Leaves(w.Ctx, w.ID, w.log().Size-1, 10) {
					require.NoError(t, err)
					body = string(l.Body)
				}
				assert.Contains(t, body, `"action":"audit.log_restored"`)
				assert.Contains(t, body, fmt.Sprintf(`"last_seen_size":%d`, last.Size))
			})
		}
	})
}

// Two servers on one store, of which one stopped for a while, sign one log.
func TestTwoServersSignOneLog(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		other, err := seal.NewKey()
		require.NoError(t, err)
		require.ErrorContains(t, w.server(other).SealTenant(w.Ctx, w.ID), "another key", "one key seals a store")

		var wg sync.WaitGroup
		for i := range 6 {
			w.change(i)
			wg.Add(2)
			for range 2 {
				go func() {
					defer wg.Done()
					second := w.server(w.key)
					_ = second.Number(w.Ctx)
					_ = second.SealTenant(w.Ctx, w.ID) // another may be at it
				}()
			}
			wg.Wait()
		}
		require.NoError(t, w.sealer.Number(w.Ctx))
		require.NoError(t, w.restart().SealTenant(w.Ctx, w.ID))
		require.NoError(t, w.verify(), "every checkpoint is of the same log")
		assert.Equal(t, w.log().Head, w.log().Size)
	})
}

// A server that stops in order lets others seal at once.
func TestAStoppedServerLetsOthersSeal(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		w.change(3)
		other := w.server(w.key)
		require.NoError(t, other.Number(w.Ctx))
		require.NoError(t, other.SealTenant(w.Ctx, w.ID))
		require.Less(t, w.log().Size, w.log().Head, "the first holds it")
		ended, end := context.WithCancel(w.Ctx)
		end()
		w.sealer.Run(ended)
		require.NoError(t, other.SealTenant(w.Ctx, w.ID))
		require.Equal(t, w.log().Head, w.log().Size)
	})
}

// A new key signs beside the old one for a while, and the change is an event.
func TestKeyRotation(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		next, err := seal.NewKey()
		require.NoError(t, err)
		state, err := anchor.NewState(w.state)
		require.NoError(t, err)
		rotated := server.NewSealer(s,
			server.SealerOptions{Keys: seal.Keys{next, w.key}, PublicURL: "https://elsewhere", State: state})
		w.restart()
		w.change(5)
		require.NoError(t, rotated.Number(w.Ctx))
		require.NoError(t, rotated.SealTenant(w.Ctx, w.ID))
		require.NoError(t, w.verify(), "the old key verifies")
		w.key = next
		require.NoError(t, w.verify(), "and the new one")
		keys, err := rotated.VerifierKeys(w.Ctx, w.ID)
		require.NoError(t, err)
		assert.Equal(t, 2, strings.Count(keys, "bridge.example.com/"+w.ID.String()+"+"), "the origin stays")
		require.NoError(t, rotated.Number(w.Ctx))
		require.NoError(t, rotated.SealTenant(w.Ctx, w.ID))
		body := ""
		for l, err := range s.Leaves(w.Ctx, w.ID, w.log().Size-1, 10) {
			require.NoError(t, err)
			body = string(l.Body)
		}
		assert.Contains(t, body, `"action":"audit.key_rotated"`)
	})
}

// After the key is lost nothing is sealed with another one until an operator accepts
// it: the log goes on under a new origin, and its first new event names the old one.
func TestALostKey(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		last := w.checkpoint()
		next, err := seal.NewKey()
		require.NoError(t, err)
		w.key = next
		w.change(5)
		restarted := w.restart()
		require.NoError(t, restarted.Number(w.Ctx))
		require.ErrorContains(t, restarted.SealTenant(w.Ctx, w.ID), "another key")
		assert.Equal(t, last, w.checkpoint(), "nothing was signed")

		head := w.log().Head
		origin, err := restarted.AcceptRestore(w.Ctx, membership.Call{Tenant: w.ID, Reason: "the key was lost",
			Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"}})
		require.NoError(t, err)
		require.NoError(t, restarted.Number(w.Ctx))
		require.NoError(t, restarted.SealTenant(w.Ctx, w.ID))
		c := w.checkpoint()
		assert.Equal(t, origin, c.Origin)
		assert.Equal(t, head+1, c.Size, "all events, and the one that says so")
		require.NoError(t, w.verify())
		for l, err := range s.Leaves(w.Ctx, w.ID, head, 10) {
			require.NoError(t, err)
			assert.Contains(t, string(l.Body), `"action":"audit.log_restored"`)
			assert.Contains(t, string(l.Body), last.Origin)
			assert.Contains(t, string(l.Body), last.Root.String())
		}
	})
}

// Large logs are sealed in steps, and every event has its proof.
func TestManyEventsAreSealed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newSealed(t, s)
		for range 9 {
			w.Update(func(tx membership.Tx) error {
				events := make([]membership.Event, 256)
				for i := range events {
					events[i] = w.Change(nil, nil).Call.Event(dbtest.Now(), membership.ActionUserUpdated,
						membership.ID{}, w.Users[0], nil, nil)
				}
				return tx.AppendEvents(w.Ctx, events...)
			})
			if w.log().Size < 600 {
				w.seal()
			}
		}
		w.seal()
		require.NoError(t, w.verify())
		l := w.log()
		require.Greater(t, l.Size, int64(2304))
		vkeys, err := w.sealer.VerifierKeys(w.Ctx, w.ID)
		require.NoError(t, err)
		keys, err := seal.Verifiers(vkeys)
		require.NoError(t, err)
		for l, err := range s.Leaves(w.Ctx, w.ID, 0, 500) {
			require.NoError(t, err)
			if l.Number%97 != 0 {
				continue
			}
			text, err := w.sealer.Proof(w.Ctx, w.ID, l.Number)
			require.NoError(t, err)
			p, err := seal.ParseProof(text)
			require.NoError(t, err)
			line, err := seal.Leaf{Number: l.Number, Tenant: w.ID.String(), Body: l.Body}.Append(nil)
			require.NoError(t, err)
			_, err = p.Verify(line, keys)
			require.NoError(t, err)
		}
		_, err = w.sealer.Proof(w.Ctx, w.ID, l.Size+1)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
	})
}
