package server

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// What an answer means: any 2xx is success, and some ask for a pause.
func TestAnswersOfReceivers(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		status  int
		after   string // Retry-After
		success bool
		wait    time.Duration
	}{
		{200, "", true, 0}, {201, "", true, 0}, {204, "", true, 0}, {299, "60", true, 0},
		{300, "", false, 0}, {301, "", false, 0}, {302, "", false, 0}, {307, "", false, 0}, {304, "", false, 0},
		{400, "", false, 0}, {401, "", false, 0}, {404, "", false, 0}, {500, "", false, 0}, {503, "", false, 0},
		{410, "", false, 0},
		{429, "", false, time.Minute}, {502, "", false, time.Minute}, {504, "", false, time.Minute},
		{429, "7", false, 7 * time.Second}, {503, "120", false, 2 * time.Minute},
		{503, now.Add(time.Hour).UTC().Format(http.TimeFormat), false, time.Hour},
		{503, now.Add(-time.Hour).UTC().Format(http.TimeFormat), false, 0},
		{429, "soon", false, time.Minute}, {503, "-5", false, 0}, {503, "99999999999999999999", false, 0},
	} {
		requests := 0
		r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.Header().Set("Location", "/elsewhere")
			if c.after != "" {
				w.Header().Set("Retry-After", c.after)
			}
			w.WriteHeader(c.status)
		}))
		o := sendWebhook(t.Context(), outbound.New(loopback).Client(sendTimeout, 0),
			membership.Webhook{URL: r.URL, Signing: membership.SigningV1, Secret: []byte("x")}, "id", now, []byte("{}"))
		r.Close()
		assert.Equal(t, c.status, o.HTTP)
		assert.Equal(t, c.success, o.Problem == "", "%d: %s", c.status, o.Problem)
		assert.Equal(t, c.status == 410, o.Gone)
		assert.InDelta(t, c.wait, o.Wait, float64(time.Second), "%d %s", c.status, c.after)
		assert.Equal(t, 1, requests, "a redirect is followed nowhere")
	}
}

// What the network says stays with the operator: the problem names no address.
func TestProblemsOfReceivers(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		time.Sleep(300 * time.Millisecond)
	}))
	defer slow.Close()
	client := outbound.New(loopback).Client(100*time.Millisecond, 0)
	for url, problem := range map[string]string{
		closed.URL:                "the connection failed",
		slow.URL:                  "the receiver did not answer within 20 seconds",
		"http://10.1.2.3/":        "the address is not one that this server may connect to",
		"https://169.254.169.254": "the address is not one that this server may connect to",
		":":                       "the address is no URL",
	} {
		o := sendWebhook(t.Context(), client, membership.Webhook{URL: url}, "id", time.Now(), nil)
		assert.Equal(t, url != ":", o.Took > 0, "%s: %s", url, o.Took)
		o.Took = 0
		assert.Equal(t, membership.Outcome{Problem: problem}, o, url)
	}
}

// A receiver that asks for a pause is left alone, also where several are told at once
// and others of them were taken.
func TestAReceiverIsLeftAlone(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url)
		r := newReceiver(t, nil)
		first := true
		r.answer = func(*http.Request) int {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !first {
				return http.StatusOK
			}
			first = false
			return http.StatusTooManyRequests
		}
		w.groups(0, 50)
		w.webhook(r, `,"events":["group.created"],"ordered":false,"position":0`)
		w.until("the first", func() bool { return len(r.all()) == abreast-1 })
		time.Sleep(time.Second)
		assert.Len(t, r.all(), abreast-1, "the others of the first requests were taken, and then no more")
	})
}

// A receiver that takes longer than a lease is told once, by one of two servers.
func TestASlowReceiverIsToldOnce(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		lease := func(s *Server) { s.webhooks.lease = time.Second }
		w := newTellingOf(t, url, lease)
		runningOf(t, url, lease, func(c *config.Config) { c.AllowedNetworks = loopback })
		var told atomic.Int64
		r := newReceiver(t, func(*http.Request) int {
			told.Add(1)
			time.Sleep(3 * time.Second)
			return http.StatusOK
		})
		w.webhook(r, `,"events":["group.created"]`)
		w.groups(0, 1)
		w.until("the group", func() bool { return r.groups() == 1 })
		assert.EqualValues(t, 1, told.Load())
	})
}

// A webhook can be told of what was before it.
func TestAWebhookStartsInThePast(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newTelling(t, url)
		w.groups(0, 3)
		all, some, none := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
		w.webhook(all, `,"events":["group.created"],"position":0`)
		w.until("all", func() bool { return all.groups() == 3 })
		second := all.all()[1].message.Number
		w.webhook(some, fmt.Sprintf(`,"events":["group.created"],"position":%d`, second))
		w.webhook(none, `,"events":["group.created"]`)
		w.until("the third", func() bool { return some.groups() == 1 })
		require.Equal(t, second+1, some.all()[0].message.Number)
		w.groups(3, 4)
		for r, n := range map[*receiver]int{all: 4, some: 2, none: 1} {
			w.until("the fourth", func() bool { return r.groups() == n })
		}
		for _, position := range []string{"-1", "1000000", `"1"`, "null", "1.5"} {
			w.call(http.MethodPost, "webhooks", `{"url":"`+all.URL+`","position":`+position+`}`, http.StatusBadRequest)
		}
		id := w.webhook(none, "")["id"].(string)
		w.call(http.MethodPatch, "webhooks/"+id, `{"position":0}`, http.StatusBadRequest)
	})
}
