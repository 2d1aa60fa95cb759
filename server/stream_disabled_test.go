package server

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func (s streaming) status(stream map[string]any, status string) {
	s.t.Helper()
	s.ask(http.MethodPost, "/ssf/status",
		`{"stream_id":"`+stream["stream_id"].(string)+`","status":"`+status+`"}`, http.StatusOK)
}

func (s streaming) push(r *pushed) (stream map[string]any, id membership.ID) {
	s.t.Helper()
	stream = s.stream(`{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"` + r.URL + `",
		"authorization_header":"Bearer mine"}}`)
	id, err := membership.ParseID(stream["stream_id"].(string))
	require.NoError(s.t, err)
	return stream, id
}

// What happens while a stream is disabled is not told (SSF 1.0 section 8.1.2), also where
// a server sends to it all that while.
func TestDisabledWhileAServerSends(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		began, goOn := make(chan string, 10), make(chan bool)
		r := newPushed(t, func(k token) (int, string) {
			began <- k.about()
			<-goOn
			return http.StatusAccepted, ""
		})
		stream, _ := s.push(r)
		p := s.provider()
		first := p.user("first")
		require.Equal(t, "/Users/"+first, <-began)
		s.status(stream, "disabled")
		p.user("away")
		s.status(stream, "enabled")
		close(goOn)
		back := p.user("back")
		s.until("it goes on", func() bool { return len(r.all()) > 1 })
		require.Equal(t, []string{"create /Users/" + first, "create /Users/" + back}, toldOf(r.all()))
	})
}

// A server that held a stream before it was disabled changes nothing after that, and one
// that has not read yet what it is to send finds nothing.
func TestHeldBeforeItWasDisabled(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		r := newPushed(t, nil)
		stream, id := s.push(r)
		tenant, p := s.mine.TenantID, s.provider()
		hold := func() (w db.WebhookWork) {
			s.until("the server lets go of it", func() (held bool) {
				now := time.Now()
				var err error
				w, held, err = s.one.store.HoldWebhook(t.Context(), tenant, id, "another", now, now.Add(time.Hour), 1)
				return err == nil && held
			})
			return w
		}
		w := hold()
		s.status(stream, "disabled")
		gone := w.Webhook
		gone.State, gone.Why = membership.StreamPaused, "the receiver answered 410"
		held, err := s.one.store.FinishWebhook(t.Context(), "another", db.WebhookStep{
			Webhook: gone, Done: []membership.Delivery{{
				Webhook: id, Number: 1, ID: membership.NewID(), Action: membership.ActionUserCreated,
				Status: membership.DeliveryRetrying, Attempt: membership.Attempt{At: time.Now()}, NextAt: time.Now(),
			}},
		})
		require.NoError(t, err)
		require.False(t, held)
		path := "webhooks/" + id.String()
		require.Equal(t, "disabled", s.call(http.MethodGet, path, "", 200)["state"])
		require.Empty(t, s.call(http.MethodGet, path+"/deliveries", "", 200)["data"])
		s.status(stream, "enabled")

		w = hold()
		s.status(stream, "disabled")
		p.user("away")
		s.status(stream, "enabled")
		late := webhookBatch{of: s.one.webhooks, work: w, began: time.Now()}
		require.NoError(t, late.run(t.Context()))
		require.Empty(t, late.done)
		back := p.user("back")
		s.until("it goes on", func() bool { return len(r.all()) > 0 })
		require.Equal(t, []string{"create /Users/" + back}, toldOf(r.all()))
	})
}

// Administrators cannot send the test of a webhook to a stream: what its receiver gets are
// tokens, and its secret is no key.
func TestStreamsAreNotTestedAsWebhooks(t *testing.T) {
	s := newStreaming(t, dbtest.URL(t, "sqlite"))
	r := newPushed(t, nil)
	_, id := s.push(r)
	s.call(http.MethodPost, "webhooks/"+id.String()+"/test", `{}`, http.StatusBadRequest)
	sessions := auth.NewSessions(s.one.store, auth.NewVerifier(s.one.store, time.Now),
		auth.NewJWTs(s.one.store, s.one.keys, time.Now), nil, time.Now)
	session, _, err := sessions.LogIn(t.Context(), "request", s.mine.APIToken)
	require.NoError(t, err)
	v := newVisitor(t, s.one.BaseURL())
	v.setCookie("__Host-"+sessionCookie, session)
	page := "/console/access/webhooks/" + id.String()
	shown := v.get(page)
	require.Equal(t, http.StatusOK, shown.status)
	assert.NotContains(t, shown.body, page+"/test")
	assert.NotContains(t, shown.body, page+"/rotate")
	refused := v.send(http.MethodPost, page+"/test", url.Values{"form_token": {v.token}}, "Origin", bridge)
	assert.Equal(t, http.StatusBadRequest, refused.status)
	assert.Contains(t, refused.body, "stream of security event tokens")
	r.mu.Lock()
	defer r.mu.Unlock()
	assert.Zero(t, r.tried, "nothing was sent")
}
