package db_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// number numbers until nothing is pending, in batches so small that readers of
// one tenant get in each other's way.
func (w *tenant) number() {
	for {
		n := 0
		if !assert.NoError(w.t, w.store.Update(w.ctx, w.tenant, func(tx membership.Tx) (err error) {
			n, err = tx.NumberEvents(w.ctx, 3)
			return err
		})) || n < 3 {
			return
		}
	}
}

func (w *tenant) numbered(after int64) (es []membership.Event) {
	assert.NoError(w.t, w.store.Read(w.ctx, w.tenant, func(r membership.Reader) (err error) {
		es, err = r.NumberedEvents(w.ctx, membership.EventFilter{Cursor: membership.EventCursor{Number: after}, Limit: 1 << 20})
		return err
	}))
	return es
}

// While many write, several number and follow: each follower gets every event
// once, and the numbers have no gaps.
func TestFollowersGetEveryEventOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w, other := newTenant(t, s), newTenant(t, s)
		var writing atomic.Int32
		var writers, followers sync.WaitGroup
		for i := range 8 {
			writing.Add(1)
			writers.Go(func() {
				defer writing.Add(-1)
				for range 15 {
					_, err := s.WriteMembers(w.ctx, w.change(w.users[2*i:2*i+2], nil))
					assert.NoError(t, err)
					_, err = s.WriteMembers(w.ctx, w.change(nil, w.users[2*i:2*i+2]))
					assert.NoError(t, err)
				}
			})
		}
		read := make([][]membership.Event, 3)
		for i := range read {
			followers.Go(func() {
				var last int64
				for final := false; ; {
					done := writing.Load() == 0
					w.number()
					es := w.numbered(last)
					read[i] = append(read[i], es...)
					if len(es) > 0 {
						last = es[len(es)-1].Number
					}
					if final {
						return
					}
					final = done
				}
			})
		}
		writers.Wait()
		followers.Wait()
		all := map[membership.ID]bool{}
		for _, e := range w.events() {
			all[e.ID] = true
		}
		require.Greater(t, len(all), 400)
		for _, es := range read {
			seen := map[membership.ID]bool{}
			for i, e := range es {
				require.Equal(t, int64(i+1), e.Number)
				seen[e.ID] = true
			}
			for id := range all {
				require.True(t, seen[id])
			}
		}
		require.Empty(t, other.numbered(0), "another tenant's numbers are its own")
	})
}

// A transaction that began first commits last: its event comes late and is there.
func TestAnEventThatCommitsLateIsNumberedLate(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "postgres"))
	w := newTenant(t, s)
	late := membership.Event{Tenant: w.tenant, ID: membership.NewID(), At: now(), Action: "late.event"}
	appended, commit := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		assert.NoError(t, s.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
			err := tx.AppendEvents(w.ctx, late)
			close(appended)
			<-commit
			return err
		}))
	})
	<-appended
	time.Sleep(time.Millisecond)
	_, err := s.WriteMembers(w.ctx, w.change(w.users[5:6], nil))
	require.NoError(t, err)
	w.number()
	before := w.numbered(0)
	require.Len(t, before, 2, "nobody waits for the transaction that is still open")
	close(commit)
	wg.Wait()
	w.number()
	after := w.numbered(before[1].Number)
	require.Len(t, after, 1)
	require.Equal(t, late.ID, after[0].ID)
	require.True(t, after[0].At.Before(before[1].At))
}

// Readers of a long log go by an index, whatever the planner knows of it.
func TestReadersOfEventsGoByAnIndex(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.update(func(tx membership.Tx) error {
			for range 3000 {
				if err := tx.AppendEvents(w.ctx, membership.Event{ID: membership.NewID(), At: now(), User: w.users[0]}); err != nil {
					return err
				}
			}
			return nil
		})
		w.update(func(tx membership.Tx) error {
			_, err := tx.NumberEvents(w.ctx, 10_000)
			return err
		})
		for index, f := range map[string]membership.EventFilter{
			"events_number":   {Limit: 101},
			"events_of_user":  {User: w.users[1], Limit: 101},
			"events_of_group": {Group: w.users[1], Limit: 101},
			"events_of_actor": {Actor: membership.Actor{Kind: "user", ID: "nobody"}, Limit: 101},
		} {
			plan, err := db.ExplainEvents(w.ctx, s, w.tenant, f)
			require.NoError(t, err)
			require.Contains(t, strings.Join(plan, "\n"), index)
		}
	})
}
