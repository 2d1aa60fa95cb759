package server

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standard "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// receiver is a real one, on the loopback network.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(*http.Request) int // nil: 204
	got    []got                   // what it answered 2xx
	tried  []string                // ids, in the order that they came in
}

type got struct {
	id      string
	header  http.Header
	body    []byte
	message message
}

func newReceiver(t *testing.T, answer func(*http.Request) int) *receiver {
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP implements http.Handler.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	g := got{id: req.Header.Get("webhook-id"), header: req.Header}
	g.body, _ = io.ReadAll(req.Body)
	status := http.StatusNoContent
	if r.answer != nil {
		status = r.answer(req)
	}
	r.mu.Lock()
	r.tried = append(r.tried, g.id)
	if status < 300 && json.Unmarshal(g.body, &g.message) == nil {
		r.got = append(r.got, g)
	}
	r.mu.Unlock()
	if status == http.StatusFound {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
}

func (r *receiver) all() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]got(nil), r.got...)
}

func (r *receiver) groups() (n int) {
	seen := map[string]bool{}
	for _, g := range r.all() {
		if g.message.Type == string(membership.ActionGroupCreated) && !seen[g.id] {
			seen[g.id] = true
			n++
		}
	}
	return n
}

// telling is a tenant with webhooks.
type telling struct {
	feed
	one testServer
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func newTelling(t *testing.T, url string, changes ...func(*config.Config)) telling {
	return newTellingOf(t, url, nil, changes...)
}

func newTellingOf(t *testing.T, url string, before func(*Server), changes ...func(*config.Config)) telling {
	changes = append([]func(*config.Config){func(c *config.Config) { c.AllowedNetworks = loopback }}, changes...)
	one, _ := runningOf(t, url, before, changes...)
	mine, err := auth.Bootstrap(t.Context(), one.store, time.Now, auth.BootstrapSpec{
		TenantName: "Mine", IDP: "okta", ConnectionName: "Okta",
	})
	require.NoError(t, err)
	return telling{feed{t, mine}, one}
}

func (w telling) call(method, path, body string, status int) (answer map[string]any) {
	w.t.Helper()
	r := w.request(w.one.Server, method, "/v1/"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	require.NoError(w.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, status, res.StatusCode, "%s %s: %s", method, path, text)
	if len(text) > 0 {
		require.NoError(w.t, json.Unmarshal(text, &answer))
	}
	return answer
}

func (w telling) webhook(r *receiver, more string) map[string]any {
	w.t.Helper()
	return w.call(http.MethodPost, "webhooks", `{"url":"`+r.URL+`/hook"`+more+`}`, http.StatusCreated)
}

func (w telling) groups(from, to int) {
	w.t.Helper()
	for i := from; i < to; i++ {
		w.call(http.MethodPost, "groups", fmt.Sprintf(`{"display_name":"Group %d"}`, i), http.StatusCreated)
	}
}

func (w telling) until(what string, done func() bool) {
	w.t.Helper()
	require.Eventually(w.t, done, 60*time.Second, 20*time.Millisecond, what)
}

// Outsiders verify what is sent: the published library of Standard Webhooks, and bare
// crypto/ed25519.
func TestWebhooksAreVerifiedByOthers(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url)
		v1, v1a := newReceiver(t, nil), newReceiver(t, nil)
		hook := w.webhook(v1, "")
		other := w.webhook(v1a, `,"signing":"v1a","events":["group.created"]`)
		assert.NotContains(t, other, "secret")
		assert.NotContains(t, w.call(http.MethodGet, "webhooks/"+hook["id"].(string), "", 200), "secret", "once")
		w.groups(0, 3)
		w.until("all groups", func() bool { return v1.groups() == 3 && v1a.groups() == 3 })

		verifier, err := standard.NewWebhook(hook["secret"].(string))
		require.NoError(t, err)
		last := int64(0)
		for _, g := range v1.all() {
			require.NoError(t, verifier.Verify(g.body, g.header))
			require.Equal(t, "application/json", g.header.Get("Content-Type"))
			require.Greater(t, g.message.Number, last, "in order")
			last = g.message.Number
			assert.NotContains(t, string(g.body), "Group 1", "no values")
		}
		tampered := v1.all()[0]
		require.Error(t, verifier.Verify(append(tampered.body, ' '), tampered.header))

		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(other["public_key"].(string), "whpk_"))
		require.NoError(t, err)
		require.Len(t, v1a.all(), 3, "what it did not ask for is not sent")
		for _, g := range v1a.all() {
			sum, found := strings.CutPrefix(g.header.Get("webhook-signature"), "v1a,")
			require.True(t, found)
			signature, err := base64.StdEncoding.DecodeString(sum)
			require.NoError(t, err)
			signed := g.id + "." + g.header.Get("webhook-timestamp") + "." + string(g.body)
			require.True(t, ed25519.Verify(key, []byte(signed), signature))
		}

		// While two secrets overlap, each of them verifies.
		path := "webhooks/" + hook["id"].(string)
		again := w.call(http.MethodPost, path+"/rotate-secret", `{"overlap_seconds":60}`, 201)
		require.NotEqual(t, hook["secret"], again["secret"])
		next, err := standard.NewWebhook(again["secret"].(string))
		require.NoError(t, err)
		w.groups(3, 4)
		w.until("the fourth", func() bool { return v1.groups() == 4 })
		all := v1.all()
		g := all[len(all)-1]
		require.NoError(t, verifier.Verify(g.body, g.header))
		require.NoError(t, next.Verify(g.body, g.header))

		answer := w.call(http.MethodPost, "webhooks/"+hook["id"].(string)+"/test", `{}`, 200)
		require.Equal(t, map[string]any{"delivered": true, "http_status": 204.0}, answer)
	})
}

// A receiver that fails at random gets all the same, from two servers that share the
// work: repeats carry the same id, and in order each comes after the one before.
func TestWebhooksConverge(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		began := time.Now()
		fast := func() time.Time { return began.Add(60 * time.Since(began)) }
		hurry := func(s *Server) { s.webhooks.now = fast }
		w := newTellingOf(t, url, hurry)
		runningOf(t, url, hurry, func(c *config.Config) { c.AllowedNetworks = loopback })
		// At most twice for each: the third pause of the schedule is too long for a test.
		fails := func() func(*http.Request) int {
			var mu sync.Mutex
			failed := map[string]int{}
			return func(r *http.Request) int {
				mu.Lock()
				defer mu.Unlock()
				id := r.Header.Get("webhook-id")
				if failed[id] < 2 && rand.N(10) < 3 || len(failed) == 0 {
					failed[id]++
					return http.StatusInternalServerError
				}
				return http.StatusOK
			}
		}
		ordered, parallel := newReceiver(t, fails()), newReceiver(t, fails())
		w.webhook(ordered, `,"events":["group.created"]`)
		w.webhook(parallel, `,"events":["group.created"],"ordered":false`)
		w.groups(0, 20)
		w.until("all groups", func() bool { return ordered.groups() == 20 && parallel.groups() == 20 })
		seen, last := map[string]int64{}, int64(0)
		for _, g := range ordered.all() {
			if n, repeated := seen[g.id]; repeated {
				require.Equal(t, n, g.message.Number, "a repeat is the same")
				continue
			}
			require.Greater(t, g.message.Number, last, "in order")
			seen[g.id], last = g.message.Number, g.message.Number
		}
		assert.Greater(t, len(ordered.tried), len(ordered.got), "it has failed")
	})
}

// One webhook that hangs does not keep the others.
func TestAHangingWebhookKeepsNoOther(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url)
		release, hanging := make(chan struct{}), make(chan struct{}, 100)
		hangs := newReceiver(t, func(*http.Request) int {
			hanging <- struct{}{}
			<-release
			return http.StatusOK
		})
		defer close(release)
		w.webhook(hangs, "")
		others := make([]*receiver, 10)
		for i := range others {
			others[i] = newReceiver(t, nil)
			w.webhook(others[i], `,"events":["group.created"]`)
		}
		<-hanging
		w.groups(0, 5)
		for i, r := range others {
			w.until(fmt.Sprint("receiver ", i), func() bool { return r.groups() == 5 })
		}
		assert.Empty(t, hangs.all())
	})
}

// What a receiver did not take is listed with every attempt, and can be sent again: one,
// or what was given up on in a time. 410 disables, and a redirect is followed nowhere.
func TestDeadLettersAreSentAgain(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url)
		var mu sync.Mutex
		status := http.StatusGone
		answers := func(s int) { mu.Lock(); defer mu.Unlock(); status = s }
		r := newReceiver(t, func(*http.Request) int { mu.Lock(); defer mu.Unlock(); return status })
		hook := w.webhook(r, `,"events":["group.created"]`)
		path := "webhooks/" + hook["id"].(string)
		w.groups(0, 2)
		w.until("disabled", func() bool { return w.call(http.MethodGet, path, "", 200)["state"] == "disabled" })
		dead := w.call(http.MethodGet, path+"/deliveries?status=dead", "", 200)["data"].([]any)
		require.Len(t, dead, 1)
		letter := dead[0].(map[string]any)
		assert.InDelta(t, 410, letter["http_status"], 0)

		answers(http.StatusFound)
		w.call(http.MethodPatch, path, `{"state":"active"}`, 200)
		w.until("a failure", func() bool {
			return len(w.call(http.MethodGet, path+"/deliveries?status=retrying", "", 200)["data"].([]any)) == 1
		})
		assert.Equal(t, 0, r.groups())
		answers(http.StatusOK)
		retrying := w.call(http.MethodGet, path+"/deliveries?status=retrying", "", 200)["data"].([]any)
		failed := retrying[0].(map[string]any)
		assert.InDelta(t, 302, failed["http_status"], 0)
		w.call(http.MethodPost, path+"/deliveries/"+failed["id"].(string)+"/retry", `{}`, 204)
		w.until("the second", func() bool { return r.groups() == 1 })
		recovered := func(body string) any {
			return w.call(http.MethodPost, path+"/recover", body, 200)["recovered"]
		}
		assert.InDelta(t, 0, recovered(`{"since":"2020-01-01T00:00:00Z","until":"`+letter["at"].(string)+`"}`), 0,
			"it was given up on then, not before")
		for _, until := range []string{`"2020-01-01T00:00:00Z"`, `"2019-01-01T00:00:00Z"`, `"soon"`, `""`, `1`} {
			w.call(http.MethodPost, path+"/recover", `{"since":"2020-01-01T00:00:00Z","until":`+until+`}`, 400)
		}
		assert.InDelta(t, 1, recovered(`{"since":"`+letter["at"].(string)+`","until":"2090-01-01T00:00:00Z"}`), 0)
		w.until("the first", func() bool { return r.groups() == 2 })
		attempts := func(delivery any) (all []any) {
			w.until("it was noted", func() bool {
				all = w.call(http.MethodGet, path+"/deliveries/"+delivery.(string)+"/attempts", "", 200)["data"].([]any)
				return all[0].(map[string]any)["http_status"] == 200.0
			})
			return all
		}
		for delivery, problem := range map[any]string{
			letter["id"]: "the receiver answered 410", failed["id"]: "the receiver answered 302",
		} {
			all := attempts(delivery)
			require.Len(t, all, 2, "the schedule began anew, and the first attempt is kept")
			assert.NotContains(t, all[0], "problem")
			assert.Equal(t, problem, all[1].(map[string]any)["problem"])
			assert.Greater(t, all[0].(map[string]any)["at"], all[1].(map[string]any)["at"])
			assert.Positive(t, all[1].(map[string]any)["duration_ms"])
		}
		w.call(http.MethodGet, path+"/deliveries/"+membership.NewID().String()+"/attempts", "", 404)
		assert.Len(t, w.call(http.MethodGet, path+"/deliveries?status=delivered&limit=1", "", 200)["data"], 1)
		w.call(http.MethodDelete, path, "", 204)
		w.call(http.MethodGet, path, "", 404)
	})
}

// A receiver that asked for a pause is told at once when somebody sends again what it
// did not take.
func TestAPausedWebhookIsWoken(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url)
		var taken atomic.Bool
		r := newReceiver(t, func(*http.Request) int {
			if taken.Load() {
				return http.StatusOK
			}
			return http.StatusTooManyRequests // a minute
		})
		hook := w.webhook(r, `,"events":["group.created"]`)
		path := "webhooks/" + hook["id"].(string)
		w.groups(0, 1)
		var failed []any
		w.until("a failure", func() bool {
			failed = w.call(http.MethodGet, path+"/deliveries?status=retrying", "", 200)["data"].([]any)
			return len(failed) == 1
		})
		taken.Store(true)
		began := time.Now()
		w.call(http.MethodPost, path+"/deliveries/"+failed[0].(map[string]any)["id"].(string)+"/retry", `{}`, 204)
		w.until("it", func() bool { return r.groups() == 1 })
		assert.Less(t, time.Since(began), 30*time.Second)
	})
}

// What a receiver asked for is nothing to the next address, also where one delivery alone
// was put off.
func TestANewAddressIsTriedAtOnce(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url)
		slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		t.Cleanup(slow.Close)
		hook := w.call(http.MethodPost, "webhooks", `{"url":"`+slow.URL+`","events":["group.created"]}`, 201)
		path := "webhooks/" + hook["id"].(string)
		w.groups(0, 1)
		w.until("a failure", func() bool {
			return len(w.call(http.MethodGet, path+"/deliveries?status=retrying", "", 200)["data"].([]any)) == 1
		})
		next := newReceiver(t, nil)
		w.call(http.MethodPatch, path, `{"url":"`+next.URL+`"}`, 200)
		w.until("the next has it", func() bool { return next.groups() == 1 })
	})
}

// What changed is told by name, as the event lists it.
func TestWebhooksNameWhatChanged(t *testing.T) {
	w := newTelling(t, dbtest.URL(t, "sqlite"))
	r := newReceiver(t, nil)
	w.webhook(r, `,"events":["user.updated","user.suspended"]`)
	user := w.call(http.MethodPost, "users", `{"user_name":"ann","email":"","name":""}`, 201)["id"].(string)
	w.call(http.MethodPatch, "users/"+user, `{"name":"Ann","email":"ann@example.com","active":false}`, 200)
	w.until("both", func() bool { return len(r.all()) == 2 })
	assert.Equal(t, []string{"active", "suspended"}, r.all()[0].message.Data.Changed)
	assert.Equal(t, []string{"email", "name"}, r.all()[1].message.Data.Changed)
}

// Nothing on the server's own network is told, unless the operator says so.
func TestWebhooksLeadToThePublicInternetOnly(t *testing.T) {
	w := newTelling(t, dbtest.URL(t, "sqlite"), func(c *config.Config) { c.AllowedNetworks = nil })
	for _, url := range []string{
		"http://example.com/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/", "https://10.1.2.3/",
		"https://localhost/", "https://0x7f.1/", "ftp://example.com/", "https://u:p@example.com/", "x",
	} {
		w.call(http.MethodPost, "webhooks", `{"url":"`+url+`"}`, http.StatusBadRequest)
	}
}
