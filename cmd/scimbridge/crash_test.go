package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// kill -9 in the middle of a stream of PATCHes loses no change that was
// acknowledged, and the audit log tells the same story as the members.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	const (
		workers        = 8
		usersOfEach    = 8
		acknowledged   = 200 // changes before the kill
		patienceForAll = time.Minute
	)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		tenant := tenancy(t, url)
		server := start(t, url)
		scim := scimCaller(server, tenant)
		group := scim.group(t, "crash")

		var count atomic.Int64
		writers := make([]writer, workers)
		var wg sync.WaitGroup
		for i := range writers {
			w := &writers[i]
			w.scim, w.group, w.in = scim, group, map[string]bool{}
			for n := range usersOfEach {
				w.users = append(w.users, scim.user(t, fmt.Sprintf("user-%d-%d@example.test", i, n)))
			}
		}
		for i := range writers {
			wg.Go(func() { writers[i].run(t.Context(), &count) })
		}
		require.Eventually(t, func() bool { return count.Load() >= acknowledged }, patienceForAll, time.Millisecond)
		server.kill(t)
		wg.Wait()

		start(t, url)
		want, uncertain := map[string]bool{}, map[string]bool{}
		for _, w := range writers {
			assert.Empty(t, w.refused)
			uncertain[w.sending] = true
			for user, in := range w.in {
				want[user] = in
			}
		}
		members, told := afterwards(t, url, tenant.TenantID, group)
		for user, in := range want {
			if !uncertain[user] {
				assert.Equal(t, in, members[user], "user %s: acknowledged, then lost", user)
			}
			assert.Equal(t, members[user], told[user]%2 == 1, "user %s: the events say otherwise", user)
		}
		for user := range members {
			if !uncertain[user] { // whose first change got no answer
				assert.Contains(t, want, user)
			}
		}
		t.Logf("%d changes acknowledged before the kill", count.Load())
	})
}

// writer adds and removes its own users, one request after the other, until one
// gets no answer.
type writer struct {
	scim    caller
	group   string
	users   []string
	in      map[string]bool // what was acknowledged last
	sending string          // whose change got no answer: it may have happened or not
	refused error           // an answer that was no success
}

func (w *writer) run(ctx context.Context, count *atomic.Int64) {
	for {
		for _, user := range w.users {
			op := "add"
			if w.in[user] {
				op = "remove"
			}
			w.sending = user
			status, doc, err := w.scim.send(ctx, http.MethodPatch, "/Groups/"+w.group, memberPatch(op, user))
			if err != nil {
				return
			}
			if status != http.StatusNoContent {
				w.refused = fmt.Errorf("%s: %d %v", op, status, doc)
				return
			}
			w.in[user] = !w.in[user]
			count.Add(1)
		}
	}
}

// afterwards reads the members and, for each user, how many times a grant was
// opened or closed, on one snapshot. Each opening must follow a closing.
func afterwards(
	t *testing.T, url string, tenant membership.ID, group string,
) (members map[string]bool, told map[string]int) {
	t.Helper()
	ctx := t.Context()
	id, err := membership.ParseID(group)
	require.NoError(t, err)
	members, told = map[string]bool{}, map[string]int{}
	store := dbtest.Open(t, url)
	require.NoError(t, store.Read(ctx, tenant, func(r membership.Reader) error {
		for m, err := range r.Members(ctx, id, membership.MemberQuery{}) {
			if err != nil {
				return err
			}
			members[m.User.ID.String()] = true
		}
		return nil
	}))
	for _, e := range dbtest.Events(t, store, tenant, membership.EventFilter{Group: id}) {
		for _, m := range e.Members {
			user := m.User.String()
			switch e.Action {
			case membership.ActionGrantOpened:
				assert.Zero(t, told[user]%2, "user %s: opened twice", user)
			case membership.ActionGrantClosed:
				assert.Equal(t, 1, told[user]%2, "user %s: closed twice", user)
			default:
				t.Errorf("%s has members", e.Action)
			}
			told[user]++
		}
	}
	return members, told
}
