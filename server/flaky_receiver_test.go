package server

import (
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// flaky fails at random: it does not answer, takes an event and does not answer, answers
// 500, is restarted.
type flaky struct {
	t       *testing.T
	address string
	server  *http.Server
	idOf    func(r *http.Request, body []byte) string   // of what it fails at
	take    func(id string, body []byte, h http.Header) // holds mu

	mu      sync.Mutex
	tries   map[string]int    // how often it failed, by id
	bodies  map[string]string // what an id came with
	order   []int64           // the numbers of what was taken, as it came
	repeats int
}

func newFlaky(t *testing.T) flaky {
	return flaky{t: t, address: "127.0.0.1:0", tries: map[string]int{}, bodies: map[string]string{}}
}

// begin listens until the test ends.
func (f *flaky) begin() {
	f.listen()
	f.t.Cleanup(func() { _ = f.server.Close() })
}

func (f *flaky) listen() {
	l, err := new(net.ListenConfig).Listen(f.t.Context(), "tcp", f.address)
	require.NoError(f.t, err)
	f.address = l.Addr().String()
	f.server = &http.Server{Handler: f, ReadHeaderTimeout: time.Minute}
	go func() { _ = f.server.Serve(l) }()
}

// restart does something while it is away.
func (f *flaky) restart(lose func()) {
	_ = f.server.Close()
	f.mu.Lock()
	lose()
	f.mu.Unlock()
	time.Sleep(20 * time.Millisecond)
	f.listen()
}

// ServeHTTP implements http.Handler. It drops three in ten requests, of half of them
// after it took what they tell; of the others it answers 500 to one in ten. Nothing
// fails more than twice: the third pause is too long for a test.
func (f *flaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	id, dice := f.idOf(r, body), rand.N(100)
	fails := dice < 40 && f.tries[id] < 2
	if fails {
		f.tries[id]++
	}
	if fails && dice < 15 {
		panic(http.ErrAbortHandler)
	}
	if fails && dice >= 30 {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	f.take(id, body, r.Header)
	if fails {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusNoContent)
}

// inOrder returns the numbers of what was taken, as it came, and how much came again.
func (f *flaky) inOrder() (order []int64, repeats int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.order), f.repeats
}

// came notes what came with an id: the same every time.
func (f *flaky) came(id, what string) {
	if before, repeated := f.bodies[id]; repeated {
		f.repeats++
		assert.Equal(f.t, before, what, "a repeat is the same")
	}
	f.bodies[id] = what
}

// flakyReceiver is that of a webhook. One that is forgetful loses in a restart what it
// took since it last read the feed, although it said that it has it.
type flakyReceiver struct {
	flaky
	ordered   bool
	forgetful bool

	verify *standard.Webhook
	taken  map[string]message
	cursor string // how far it has read the feed

	saved       map[string]message // what a restart of one that is forgetful leaves
	savedCursor string
}

func newFlakyReceiver(t *testing.T, ordered, forgetful bool) *flakyReceiver {
	f := &flakyReceiver{
		flaky: newFlaky(t), ordered: ordered, forgetful: forgetful, taken: map[string]message{},
		saved: map[string]message{},
	}
	f.idOf = func(r *http.Request, _ []byte) string { return r.Header.Get("webhook-id") }
	f.take = f.takeEvent
	f.begin()
	return f
}

func (f *flakyReceiver) restart() {
	f.flaky.restart(func() {
		if f.forgetful {
			f.taken, f.cursor = maps.Clone(f.saved), f.savedCursor
		}
	})
}

func (f *flakyReceiver) takeEvent(id string, body []byte, header http.Header) {
	// The clock of the server runs ahead.
	assert.NoError(f.t, f.verify.VerifyIgnoringTimestamp(body, header))
	f.came(id, string(body))
	if _, has := f.taken[id]; has {
		return
	}
	var m message
	assert.NoError(f.t, json.Unmarshal(body, &m))
	f.taken[id] = m
	f.order = append(f.order, m.Number)
}

// catchUp reads the feed from where it was read to, with a function that asks a server.
func (f *flakyReceiver) catchUp(ask func(path string) ([]byte, bool)) bool {
	for {
		f.mu.Lock()
		cursor := f.cursor
		f.mu.Unlock()
		path := "audit/events?limit=50"
		if cursor != "" {
			path += "&cursor=" + cursor
		}
		text, ok := ask(path)
		if !ok {
			return false
		}
		var page struct {
			Data []struct {
				ID, Action string
				Number     int64
				Members    []messageMember
			}
			Next   string `json:"next_cursor"`
			Follow string `json:"follow_cursor"`
		}
		if !assert.NoError(f.t, json.Unmarshal(text, &page)) {
			return false
		}
		f.mu.Lock()
		for _, e := range page.Data {
			if _, has := f.taken[e.ID]; !has && isOfMembers(e.Action) {
				f.taken[e.ID] = message{Type: e.Action, Number: e.Number, Data: messageData{Members: e.Members}}
			}
		}
		f.cursor = page.Follow
		f.saved, f.savedCursor = maps.Clone(f.taken), f.cursor
		f.mu.Unlock()
		if page.Next == "" {
			return true
		}
	}
}

func isOfMembers(action string) bool {
	return action == string(membership.ActionGrantOpened) || action == string(membership.ActionGrantClosed)
}

// members are who is in the group, as it was told.
func (f *flakyReceiver) members() map[string]bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all []message
	for _, m := range f.taken {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b message) int { return int(a.Number - b.Number) })
	in := map[string]bool{}
	for _, m := range all {
		for _, member := range m.Data.Members {
			delete(in, member.User)
			if m.Type == string(membership.ActionGrantOpened) || member.Still {
				in[member.User] = true
			}
		}
	}
	return in
}

// has reports whether it was told of every one of the events.
func (f *flakyReceiver) has(events []membership.Event) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range events {
		if f.taken[e.ID.String()].Number != e.Number {
			return false
		}
	}
	return true
}
