package membership_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// refusedFacts is what an event says of a refusal.
type refusedFacts struct {
	Operation, Kind, Since string
	Count                  int
	Groups, Users          []string
}

// refused returns the events of refusals that are in the store.
func (w *world) refused() (es []membership.Event, facts []refusedFacts) {
	w.t.Helper()
	for _, e := range dbtest.Events(w.t, w.store, w.okta.Tenant, membership.EventFilter{}) {
		if e.Action == membership.ActionRefused {
			var f refusedFacts
			require.NoError(w.t, json.Unmarshal(e.After, &f))
			es, facts = append(es, e), append(facts, f)
		}
	}
	return es, facts
}

// The first refusal of one actor for one reason is an event at once, the repeats
// are one event with their count, however many they are and whatever else is refused.
func TestRepeatedRefusalsAreCounted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		weak, other := w.admin, w.admin
		weak.Permissions, other.Permissions, other.Actor.ID = nil, nil, "other"
		a, b, ann := w.localGroup(), w.localGroup(), w.localUser()
		var all sync.WaitGroup
		for i := range 100 {
			all.Go(func() {
				call := weak
				call.RequestID, call.Reason = fmt.Sprint("request-", i), "because"
				_, err := w.dir.AddMember(w.ctx, call, []membership.ID{a, b}[i%2], ann, false)
				assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
			})
		}
		all.Wait()
		es, facts := w.refused()
		require.Len(t, es, 1)
		assert.Zero(t, facts[0].Count)
		assert.Equal(t, "because", es[0].Reason)

		_, err := w.dir.AddMember(w.ctx, other, a, ann, false)
		require.Error(t, err)
		_, err = w.dir.CreateGroup(w.ctx, weak, "g", "")
		require.Error(t, err)
		es, _ = w.refused()
		require.Len(t, es, 3, "another actor, another reason")

		require.NoError(t, w.dir.FlushRefusals(w.ctx))
		require.NoError(t, w.dir.FlushRefusals(w.ctx))
		es, facts = w.refused()
		require.Len(t, es, 4)
		i := slices.IndexFunc(facts, func(f refusedFacts) bool { return f.Count > 0 })
		assert.Equal(t, 99, facts[i].Count)
		assert.Equal(t, string(membership.OpAddMembers), facts[i].Operation)
		assert.Equal(t, string(membership.KindForbidden), facts[i].Kind)
		assert.ElementsMatch(t, []string{a.String(), b.String()}, facts[i].Groups)
		assert.Empty(t, facts[i].Users, "one user: the event has it")
		assert.Equal(t, ann, es[i].User)
		assert.Equal(t, weak.Actor, es[i].Actor)
		assert.Contains(t, es[i].RequestID, "request-")

		_, err = w.dir.AddMember(w.ctx, weak, a, ann, false)
		require.Error(t, err)
		es, _ = w.refused()
		require.Len(t, es, 5, "the first of the next minute")
	})
}

// Windows end after a minute, and what Run has left is written at its end.
func TestRefusalsAreWrittenAtTheEnd(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		refusals := membership.NewRefusals(w.store, w.clock)
		r := membership.Refusal{
			At: w.clock(), Call: w.admin, Action: membership.ActionRefused, Facts: membership.Facts{"kind": "x"},
		}
		ctx, stop := context.WithCancel(w.ctx)
		ended := make(chan struct{})
		go func() {
			refusals.Run(ctx, func(err error) { assert.NoError(t, err) })
			close(ended)
		}()
		for range 3 {
			require.NoError(t, refusals.Record(w.ctx, w.admin.Tenant, r))
		}
		stop()
		<-ended
		_, facts := w.refused()
		require.Len(t, facts, 2)
		assert.Equal(t, 2, facts[1].Count)
	})
}

// A caller with actors without end, as an issuer of JWTs is, fills neither the
// memory nor the store.
func TestRefusalsOfManyActorsAreBounded(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		refusals := membership.NewRefusals(w.store, time.Now)
		for i := range 1000 {
			call := w.admin
			call.Actor.ID = fmt.Sprint("subject-", i)
			require.NoError(t, refusals.Record(w.ctx, call.Tenant, membership.Refusal{
				At: time.Now(), Call: call, Action: membership.ActionRefused, Facts: membership.Facts{"kind": "x"},
			}))
		}
		require.NoError(t, refusals.Flush(w.ctx))
		es, facts := w.refused()
		require.Len(t, es, 201)
		assert.Equal(t, refusedFacts{Kind: "others", Count: 800, Since: facts[200].Since}, facts[200])
		assert.Equal(t, "system:refusals", es[200].Actor.String())
	})
}

// What could not be written is not answered as a refusal, and is written later.
func TestRefusalsThatCouldNotBeWritten(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		broken := &brokenUpdates{store: w.store, err: errors.New("broken")}
		refusals := membership.NewRefusals(broken, time.Now)
		r := membership.Refusal{
			At: time.Now(), Call: w.admin, Action: membership.ActionRefused, Facts: membership.Facts{"kind": "x"},
		}
		require.Error(t, refusals.Record(w.ctx, w.admin.Tenant, r))
		require.NoError(t, refusals.Record(w.ctx, w.admin.Tenant, r))
		require.Error(t, refusals.Flush(w.ctx))
		broken.err = nil
		require.NoError(t, refusals.Flush(w.ctx))
		_, facts := w.refused()
		require.Len(t, facts, 1)
		assert.Equal(t, 2, facts[0].Count)
	})
}

type brokenUpdates struct {
	store membership.Updater
	err   error
}

func (b *brokenUpdates) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	if b.err != nil {
		return b.err
	}
	return b.store.Update(ctx, tenant, fn)
}
