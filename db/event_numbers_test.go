package db_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// A transaction that began first commits last: its event comes late and is there.
func TestAnEventThatCommitsLateIsNumberedLate(t *testing.T) {
	s := dbtest.Open(t, dbtest.URL(t, "postgres"))
	w := newTenant(t, s)
	late := membership.Event{Tenant: w.ID, ID: membership.NewID(), At: dbtest.Now(), Action: "late.event"}
	appended, commit := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		assert.NoError(t, s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
			err := tx.AppendEvents(w.Ctx, late)
			close(appended)
			<-commit
			return err
		}))
	})
	<-appended
	time.Sleep(time.Millisecond)
	_, err := s.WriteMembers(w.Ctx, w.Change(w.Users[5:6], nil))
	require.NoError(t, err)
	w.Number()
	before := w.Numbered(0)
	require.Len(t, before, 2, "none waits for the transaction that is still open")
	close(commit)
	wg.Wait()
	w.Number()
	after := w.Numbered(before[1].Number)
	require.Len(t, after, 1)
	require.Equal(t, late.ID, after[0].ID)
	require.True(t, after[0].At.Before(before[1].At))
}

// Readers of a long log go by an index, whatever the planner knows of it.
func TestReadersOfEventsGoByAnIndex(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.Update(func(tx membership.Tx) error {
			for range 3000 {
				if err := tx.AppendEvents(w.Ctx,
					membership.Event{ID: membership.NewID(), At: dbtest.Now(), User: w.Users[0]}); err != nil {
					return err
				}
			}
			return nil
		})
		w.NumberBy(10_000)
		for index, f := range map[string]membership.EventFilter{
			"events_by_number": {Limit: 101},
			"events_by_user":   {User: w.Users[1], Limit: 101},
			"events_by_group":  {Group: w.Users[1], Limit: 101},
			"event_keys":       {Actor: membership.Actor{Kind: "user", ID: "nobody"}, Limit: 101},
		} {
			plan, err := db.ExplainEvents(w.Ctx, s, w.ID, f)
			require.NoError(t, err)
			require.Contains(t, strings.Join(plan, "\n"), index)
		}
	})
}
