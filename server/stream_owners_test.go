package server

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// with is the tenant as another of its credentials sees it.
func (s streaming) with(credential string) streaming {
	s.mine.APIToken = credential
	return s
}

// receiver is one with a token of its own, which an administrator made.
func (s streaming) receiver(name string) (r streaming, token string) {
	s.t.Helper()
	made := s.call(http.MethodPost, "tokens", fmt.Sprintf(
		`{"name":%q,"kind":"api","permissions":["STREAMS:RECEIVE","USERS:READ","GROUPS:READ"]}`, name), 201)
	return s.with(made["token"].(string)), made["id"].(string)
}

// lacks asks everything of a stream, which is not there for this receiver.
func (s streaming) lacks(id string) {
	s.t.Helper()
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/ssf/streams?stream_id=" + id, ""}, {"DELETE", "/ssf/streams?stream_id=" + id, ""},
		{"PATCH", "/ssf/streams", `{"stream_id":"` + id + `"}`},
		{"PUT", "/ssf/streams", `{"stream_id":"` + id + `"}`},
		{"GET", "/ssf/status?stream_id=" + id, ""},
		{"POST", "/ssf/status", `{"stream_id":"` + id + `","status":"disabled"}`},
		{"POST", "/ssf/verify", `{"stream_id":"` + id + `"}`},
		{"POST", "/ssf/streams/" + id + "/poll", `{"returnImmediately":true}`},
		{"POST", "/ssf/streams/" + id + "/poll", `{"returnImmediately":true,"ack":["` + id + `.1.0"]}`},
	} {
		s.ask(c.method, c.path, c.body, http.StatusNotFound)
	}
	assert.NotContains(s.t, string(s.ask(http.MethodGet, "/ssf/streams", "", http.StatusOK)), id)
}

// A receiver has its own streams, with each credential of its; to others of the same
// tenant they are not there, even to those that the same administrator made and to those
// that may do everything.
func TestStreamsOfReceiversAreApart(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		application := newSigner(t)
		s.call(http.MethodPost, "issuers", fmt.Sprintf(`{"issuer":%q,"audiences":[%q],"jwks":%s,"permissions":["*"]}`,
			walkIssuer, walkAudience, application.jwks()), http.StatusCreated)
		jwt := func(subject string) streaming {
			return s.with(application.jwt(s.mine, map[string]any{"sub": subject, "permissions": []string{
				"STREAMS:RECEIVE", "USERS:READ", "GROUPS:READ",
			}}))
		}
		ann, token := s.receiver("ann")
		bob, _ := s.receiver("bob")
		receivers := map[string]streaming{
			"ann": ann, "bob": bob, "jwt:carl": jwt("carl"), "jwt:dora": jwt("dora"), "everything": s,
		}
		streams := map[string]string{}
		for name, r := range receivers {
			streams[name] = r.stream(`{}`)["stream_id"].(string)
		}
		for name, r := range receivers {
			for other, id := range streams {
				if other != name {
					r.lacks(id)
				}
			}
		}

		// What is the receiver's still: a later JWT, and what its token is rotated to, twice.
		has := func(r streaming, name string) {
			t.Helper()
			id := streams[name]
			require.Equal(t, id, r.object(http.MethodGet, "/ssf/streams?stream_id="+id, "", 200)["stream_id"])
			r.ask(http.MethodPatch, "/ssf/streams", `{"stream_id":"`+id+`","description":"mine"}`, 200)
			r.ask(http.MethodPost, "/ssf/streams/"+id+"/poll", `{"returnImmediately":true}`, 200)
		}
		has(jwt("carl"), "jwt:carl")
		for range 2 {
			next := s.call(http.MethodPost, "tokens/"+token+"/rotate", `{"overlap_seconds":600}`, 201)
			token = next["id"].(string)
			has(ann, "ann")
			has(s.with(next["token"].(string)), "ann")
			s.with(next["token"].(string)).lacks(streams["bob"])
		}

		// Administrators of webhooks have all, and see of which receiver each is.
		owners := map[any]any{}
		for _, w := range s.call(http.MethodGet, "webhooks", "", 200)["data"].([]any) {
			hook := w.(map[string]any)
			owners[hook["owner"]] = hook["id"]
		}
		require.Len(t, owners, len(streams), "%v", owners)
		s.call(http.MethodDelete, "webhooks/"+streams["ann"], "", 204)
		ann.lacks(streams["ann"])
		require.Equal(t, "[]", string(ann.ask(http.MethodGet, "/ssf/streams", "", 200)))
	})
}
