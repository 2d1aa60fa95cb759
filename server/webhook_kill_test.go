package server

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// killsVariable is how often servers are killed, of each engine: as many as are wanted,
// by hand.
const killsVariable = "SCIMBRIDGE_TEST_KILLS"

// killing is a tenant whose members change while its servers are killed.
type killing struct {
	*killedServer // any of them: what is the same
	t             *testing.T
	url           string
	store         *db.Store
	mu            sync.Mutex
	servers       []*killedServer
	group         string
	users         []string
	pause         time.Duration // of a writer, at most
}

// one is the address of a server that runs, as far as one does.
func (k *killing) one() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.servers[rand.N(len(k.servers))].base
}

func (k *killing) must(status int, method, path, body string) (answer map[string]any) {
	k.t.Helper()
	got, text, err := k.call(k.t.Context(), k.one(), method, path, body)
	require.NoError(k.t, err)
	require.Equal(k.t, status, got, "%s", text)
	require.NoError(k.t, json.Unmarshal(text, &answer))
	return answer
}

// ask is how a receiver reads the feed.
func (k *killing) ask(path string) ([]byte, bool) {
	status, text, err := k.call(k.t.Context(), k.one(), http.MethodGet, path, "")
	return text, err == nil && status == http.StatusOK
}

func newKilling(t *testing.T, url string, servers int) *killing {
	keys := newPrivateKey(t)
	store := dbtest.Open(t, url)
	mine, err := auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{
		TenantName: "Mine", IDP: "okta", ConnectionName: "Okta",
	})
	require.NoError(t, err)
	k := &killing{
		t: t, url: url, store: store, killedServer: &killedServer{t: t, mine: mine}, pause: 100 * time.Millisecond,
	}
	clock := time.Now()
	for range servers {
		s := &killedServer{t: t, mine: mine, clock: clock, keys: keys}
		s.start(url)
		t.Cleanup(s.kill)
		k.servers = append(k.servers, s)
	}
	k.group = k.must(http.StatusCreated, http.MethodPost, "groups", `{"display_name":"Group"}`)["id"].(string)
	for i := range 12 {
		k.users = append(k.users, k.must(http.StatusCreated, http.MethodPost, "users",
			fmt.Sprintf(`{"user_name":"u%d","email":"u%d@example.com","name":"U"}`, i, i))["id"].(string))
	}
	return k
}

func (k *killing) webhook(f *flakyReceiver) {
	hook := k.must(http.StatusCreated, http.MethodPost, "webhooks", fmt.Sprintf(
		`{"url":"http://%s/hook","events":["grant.opened","grant.closed"],"ordered":%v}`, f.address, f.ordered))
	verify, err := standard.NewWebhook(hook["secret"].(string))
	require.NoError(k.t, err)
	f.verify = verify
}

// change adds and removes members, and suspends them and takes that back, until the end,
// whatever becomes of the requests; it waits for the answer of the last.
func (k *killing) change(ctx context.Context, end <-chan struct{}) {
	for {
		select {
		case <-end:
			return
		case <-time.After(rand.N(k.pause)):
		}
		user, path := k.users[rand.N(len(k.users))], "groups/"+k.group+"/members"
		if dice := rand.N(10); dice < 2 {
			_, _, _ = k.call(ctx, k.one(), http.MethodPatch, "users/"+user, fmt.Sprintf(`{"active":%v}`, dice == 0))
			continue
		}
		status, _, _ := k.call(ctx, k.one(), http.MethodPost, path, fmt.Sprintf(`{"user_id":%q}`, user))
		if status == http.StatusConflict { // they are in it
			_, _, _ = k.call(ctx, k.one(), http.MethodDelete, path+"/"+user, "")
		}
	}
}

// killOne kills a server and starts it again, and sometimes restarts a receiver.
func (k *killing) killOne(i int, restarts []func()) {
	time.Sleep(rand.N(300 * time.Millisecond))
	s := k.servers[i%len(k.servers)]
	s.kill()
	next := &killedServer{t: k.t, mine: s.mine, clock: s.clock, keys: s.keys}
	next.start(k.url)
	k.t.Cleanup(next.kill)
	k.mu.Lock()
	k.servers[i%len(k.servers)] = next
	k.mu.Unlock()
	if i%3 == 0 {
		restarts[rand.N(len(restarts))]()
	}
}

// truth is who is in the group, and the events that tell of it. A request whose caller is
// gone may still be carried out: then it is read again.
func (k *killing) truth() (members map[string]bool, events []membership.Event) {
	id, err := membership.ParseID(k.group)
	require.NoError(k.t, err)
	for {
		members, events = k.members(id), k.memberEvents(id)
		if maps.Equal(members, k.members(id)) && len(events) == len(k.memberEvents(id)) {
			return members, events
		}
	}
}

func (k *killing) members(id membership.ID) map[string]bool {
	members := map[string]bool{}
	require.NoError(k.t, k.store.Read(k.t.Context(), k.mine.TenantID, func(r membership.Reader) error {
		for m, err := range r.Members(k.t.Context(), id, membership.MemberQuery{}) {
			if err != nil {
				return err
			}
			members[m.User.ID.String()] = true
		}
		return nil
	}))
	return members
}

func (k *killing) memberEvents(id membership.ID) (events []membership.Event) {
	for _, e := range dbtest.Events(k.t, k.store, k.mine.TenantID, membership.EventFilter{Group: id}) {
		if isOfMembers(string(e.Action)) {
			events = append(events, e)
		}
	}
	return events
}

// explain says of a test that failed what is missing where.
func (k *killing) explain(events []membership.Event, receivers []*flakyReceiver) {
	if !k.t.Failed() {
		return
	}
	for i, f := range receivers {
		f.mu.Lock()
		missing := 0
		for _, e := range events {
			if _, has := f.taken[e.ID.String()]; !has {
				missing++
			}
		}
		f.mu.Unlock()
		k.t.Logf("receiver %d lacks %d of %d", i, missing, len(events))
	}
	_ = k.store.Read(context.Background(), k.mine.TenantID, func(r membership.Reader) error {
		ws, err := r.Webhooks(context.Background())
		for _, w := range ws {
			ds, _ := r.Deliveries(context.Background(), w.ID, membership.DeliveryRetrying, 0, 10)
			k.t.Logf("%s %s position %d failing from %s: %+v", w.URL, w.State, w.Position, w.FailingFrom, ds)
		}
		return err
	})
}

// Receivers that fail at random and are restarted come to know who is a member, while
// servers are killed again and again: by retries, and one that also loses what it took
// by the feed. Repeats carry the same id and the same text, and in order nothing comes
// before what is before it. Of streams, each token comes, pushed in order and polled, a
// repeat is the same one, and no other does.
func TestWebhooksConvergeOverKills(t *testing.T) {
	t.Parallel()
	kills := 10
	if text := os.Getenv(killsVariable); text != "" {
		var err error
		kills, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	dbtest.EachURL(t, func(t *testing.T, url string) {
		servers := 1
		if !strings.HasPrefix(url, "sqlite:") {
			servers = 2
		}
		k := newKilling(t, url, servers)
		if kills > 100 { // or the receivers, which want most things twice, never get through
			k.pause = 200 * time.Millisecond
		}
		ordered := newFlakyReceiver(t, true, false)
		receivers := []*flakyReceiver{ordered, newFlakyReceiver(t, false, false), newFlakyReceiver(t, true, true)}
		forgetful := receivers[2]
		for _, f := range receivers {
			k.webhook(f)
		}
		pushed, polled := k.stream(true), k.stream(false)
		restarts := []func(){
			ordered.restart, receivers[1].restart, func() { forgetful.restart(); forgetful.catchUp(k.ask) },
			func() { pushed.restart(func() {}) },
		}
		end := make(chan struct{})
		polling, stopPolling := context.WithCancel(t.Context())
		var writers, pollers sync.WaitGroup
		defer pollers.Wait()
		defer stopPolling()
		for range 2 {
			writers.Go(func() { k.change(t.Context(), end) })
			pollers.Go(func() { polled.poll(polling, k) })
		}
		for i := range kills {
			k.killOne(i, restarts)
		}
		close(end)
		writers.Wait()

		members, events := k.truth()
		require.Greater(t, len(events), kills/2)
		t.Cleanup(func() { k.explain(events, receivers) })
		tokens := map[*flakyStream][]string{pushed: k.tokens(pushed), polled: k.tokens(polled)}
		require.Eventually(t, func() bool {
			return receivers[0].has(events) && receivers[1].has(events) &&
				forgetful.catchUp(k.ask) && forgetful.has(events) &&
				pushed.has(tokens[pushed]) && polled.has(tokens[polled])
		}, time.Duration(30+kills)*time.Second, 50*time.Millisecond, "all is told")
		stopPolling()
		pollers.Wait()
		repeats := 0
		for i, f := range receivers {
			assert.Equal(t, members, f.members(), "receiver %d", i)
			_, n := f.inOrder()
			repeats += n
		}
		assert.Positive(t, repeats, "answers were lost")
		order, _ := ordered.inOrder()
		assert.True(t, slices.IsSorted(order), "in order: %v", order)

		assert.True(t, polled.drained(k), "what was acknowledged does not come again")
		for f, want := range tokens {
			assert.ElementsMatch(t, want, f.told(), "each token, and no other")
		}
		order, pushedAgain := pushed.inOrder()
		_, polledAgain := polled.inOrder()
		assert.Positive(t, pushedAgain+polledAgain, "answers were lost")
		assert.True(t, slices.IsSorted(order), "in order: %v", order)
		t.Logf("%d kills, %d events of members, %d repeats; %d tokens, repeats: %d pushed, %d polled", kills,
			len(events), repeats, len(tokens[pushed]), pushedAgain, polledAgain)
	})
}
