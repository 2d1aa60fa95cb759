package server

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// provider speaks SCIM with a connection's token.
type provider struct {
	s     streaming
	token string
}

func (s streaming) provider() provider { return provider{s, s.mine.SCIMToken} }

// second is the provider of another connection of the tenant.
func (s streaming) second() provider {
	s.t.Helper()
	c := s.call(http.MethodPost, "connections", `{"name":"Second"}`, http.StatusCreated)["id"].(string)
	token := s.call(http.MethodPost, "tokens", `{"name":"second","kind":"scim","connection_id":"`+c+`"}`, 201)["token"]
	return provider{s, token.(string)}
}

func (p provider) do(method, path, body string) (v map[string]any) {
	p.s.t.Helper()
	r := p.s.request(p.s.one.Server, method, "/scim/v2"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/scim+json")
	res, err := http.DefaultClient.Do(r)
	require.NoError(p.s.t, err)
	defer res.Body.Close()
	require.Less(p.s.t, res.StatusCode, 300, "%s %s", method, path)
	_ = json.NewDecoder(res.Body).Decode(&v) // 204 has none
	return v
}

func (p provider) user(name string) string {
	p.s.t.Helper()
	return p.do(http.MethodPost, "/Users", `{"userName":"`+name+`"}`)["id"].(string)
}

func (p provider) group(name string, members ...string) string {
	p.s.t.Helper()
	body := `{"displayName":"` + name + `","members":` + memberList(members) + `}`
	return p.do(http.MethodPost, "/Groups", body)["id"].(string)
}

func memberList(ids []string) string {
	all := make([]map[string]string, len(ids))
	for i, id := range ids {
		all[i] = map[string]string{"value": id}
	}
	b, _ := json.Marshal(all) // texts always can be
	return string(b)
}

func (p provider) patch(path, op string) {
	p.s.t.Helper()
	p.do(http.MethodPatch, path, patchOp+op+`]}`)
}

func toldOf(all []token) (lines []string) {
	for _, k := range all {
		lines = append(lines, k.kind()+" "+k.about())
	}
	return lines
}

// What a person sees of streams from the beginning to the end, pushed: each change is one
// token, a deactivation says that sessions end, and what is out of a connection's view is
// in the tenant's stream only.
func TestStreamsTellWhatHappened(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		r := newPushed(t, nil)
		view := s.stream(`{"connection_id":"` + s.mine.ConnectionID.String() + `","delivery":{
			"method":"urn:ietf:rfc:8935","endpoint_url":"` + r.URL + `/events","authorization_header":"Bearer mine"}}`)
		tenant := s.stream(`{}`)
		require.Equal(t, bridge, view["iss"])
		require.NotEqual(t, view["aud"], tenant["aud"])
		require.NotContains(t, view["delivery"], "authorization_header", "it is a secret")

		p, other := s.provider(), s.second()
		ann, bob := p.user("ann"), p.user("bob")
		local := s.call(http.MethodPost, "users", `{"user_name":"local","email":"","name":""}`, 201)["id"].(string)
		group := p.group("Group", ann)
		s.call(http.MethodPost, "groups/"+group+"/members", `{"user_id":"`+local+`"}`, 201)
		theirs := other.user("theirs")
		other.group("Others", theirs)
		p.patch("/Users/"+ann, `{"op":"replace","path":"title","value":"x"}`)
		p.patch("/Groups/"+group, `{"op":"add","path":"members","value":[{"value":"`+bob+`"}]}`)
		p.patch("/Users/"+bob, `{"op":"replace","path":"active","value":false}`)
		p.patch("/Users/"+bob, `{"op":"replace","path":"active","value":true}`)
		s.call(http.MethodPost, "groups/"+group+"/members", `{"user_id":"`+bob+`","also_local":true}`, 201)
		p.do(http.MethodDelete, "/Users/"+bob, "")
		p.do(http.MethodDelete, "/Groups/"+group, "")
		mine := s.call(http.MethodPost, "groups", `{"display_name":"Mine"}`, 201)["id"].(string)
		connection := s.mine.ConnectionID.String()
		s.call(http.MethodPost, "groups/"+mine+"/links", `{"connection_id":"`+connection+`"}`, 201)
		s.call(http.MethodDelete, "groups/"+mine+"/links/"+connection+"?members=release", "", 204)

		want := []string{
			"create /Users/" + ann, "create /Users/" + bob, "create /Groups/" + group, "patch /Groups/" + group,
			"patch /Users/" + ann, "patch /Groups/" + group, "deactivate /Users/" + bob,
			"session-revoked /Users/" + bob,
			"activate /Users/" + bob, "patch /Groups/" + group, "delete /Users/" + bob, "session-revoked /Users/" + bob,
			"patch /Groups/" + group, "delete /Groups/" + group, "add /Groups/" + mine, "remove /Groups/" + mine,
		}
		s.until("all", func() bool { return len(r.all()) >= len(want) })
		require.Equal(t, want, toldOf(r.all()))
		assert.Equal(t, "application/secevent+jwt", r.header.Get("Content-Type"))
		assert.Equal(t, "application/json", r.header.Get("Accept"))
		assert.Equal(t, "Bearer mine", r.header.Get("Authorization"))
		_, title := r.all()[4].event()
		assert.Equal(t, map[string]any{"attributes": []any{"title"}, "version": `W/"2"`}, title)

		all := s.drain(tenant)
		assert.Contains(t, toldOf(all), "create /Users/"+local)
		assert.Contains(t, toldOf(all), "create /Users/"+theirs)
		assert.NotContains(t, toldOf(all), "add /Groups/"+mine)
		keys := s.keys()
		for _, k := range slices.Concat(all, r.all()) {
			verifies(t, keys, k)
		}
		require.Empty(t, s.drain(tenant), "it is acknowledged")
	})
}

// A change of many members is one token, and so is one that follows.
func TestManyMembersAreOneToken(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		p := s.provider()
		var users []string
		for len(users) < 2*membership.MaxEventMembers {
			ops := make([]map[string]any, 500)
			for i := range ops {
				ops[i] = map[string]any{
					"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(i),
					"data": map[string]any{"userName": fmt.Sprint("u", len(users)+i)},
				}
			}
			body, err := json.Marshal(map[string]any{
				"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": ops,
			})
			require.NoError(t, err)
			for _, o := range p.do(http.MethodPost, "/Bulk", string(body))["Operations"].([]any) {
				location := o.(map[string]any)["location"].(string)
				users = append(users, location[strings.LastIndex(location, "/")+1:])
			}
		}
		group := p.group("Group")
		stream := s.stream(`{"connection_id":"` + s.mine.ConnectionID.String() + `"}`)
		r := newPushed(t, nil)
		s.stream(`{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"` + r.URL + `"}}`)
		p.patch("/Groups/"+group, `{"op":"add","path":"members","value":`+memberList(users)+`}`)
		p.patch("/Groups/"+group, `{"op":"replace","path":"members","value":`+memberList(users[:600])+`}`)
		require.Equal(t, []string{"patch /Groups/" + group, "patch /Groups/" + group}, toldOf(s.drain(stream)))
		s.until("both", func() bool { return len(r.all()) == 2 })
		p.user("last")
		s.until("the last", func() bool { return len(r.all()) == 3 })
		require.Equal(t, []string{"patch", "patch", "create"}, r.kinds())
	})
}

// RFC 8936: what is not acknowledged comes again, token by token, and what a receiver
// cannot take is listed for administrators.
func TestPolling(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		p := s.provider()
		ann := p.user("ann")
		stream := s.stream(`{}`)
		require.Empty(t, s.poll(stream, `{"returnImmediately":true}`).Sets)
		p.patch("/Users/"+ann, `{"op":"replace","path":"active","value":false}`)
		p.patch("/Users/"+ann, `{"op":"replace","path":"title","value":"x"}`)
		first := s.poll(stream, `{"maxEvents":1,"returnImmediately":true}`)
		require.Len(t, first.Sets, 1)
		require.True(t, first.More)
		one := slices.Collect(maps.Keys(first.Sets))[0]
		require.Equal(t, one, parseToken(t, first.Sets[one]).jti())
		again := s.poll(stream, `{"maxEvents":1,"returnImmediately":true}`)
		require.Equal(t, first.Sets, again.Sets, "it comes again, and was not signed again")

		// The second token of an event does not wait for what is behind it, nor the other
		// way round.
		second := s.poll(stream, `{"maxEvents":1,"returnImmediately":true,"ack":["`+one+`","x","`+
			stream["stream_id"].(string)+`.999999.0"]}`)
		require.NotContains(t, second.Sets, one)
		two := slices.Collect(maps.Keys(second.Sets))[0]
		require.Equal(t, "session-revoked", parseToken(t, second.Sets[two]).kind())
		all := s.poll(stream, `{"returnImmediately":true}`)
		require.Len(t, all.Sets, 2)
		require.False(t, all.More)
		for jti := range all.Sets {
			if jti != two {
				require.Empty(t, s.poll(stream, `{"maxEvents":0,"ack":["`+jti+`"]}`).Sets)
			}
		}
		rest := s.poll(stream, `{"returnImmediately":true}`)
		require.Equal(t, []string{two}, slices.Collect(maps.Keys(rest.Sets)))
		require.Empty(t, s.poll(stream,
			`{"returnImmediately":true,"setErrs":{"`+two+`":{"err":"invalid_key","description":"x"}}}`).Sets)
		path := "webhooks/" + stream["stream_id"].(string)
		dead := s.call(http.MethodGet, path+"/deliveries?status=dead", "", 200)["data"].([]any)
		require.Len(t, dead, 1)
		letter := dead[0].(map[string]any)
		assert.Equal(t, "the receiver could not take it: invalid_key", letter["problem"])
		s.call(http.MethodPost, path+"/deliveries/"+letter["id"].(string)+"/retry", `{}`, 204)
		again = s.poll(stream, `{"returnImmediately":true}`)
		require.Len(t, again.Sets, 2, "both of its tokens")
		require.Contains(t, again.Sets, two)
		require.Len(t, s.drain(stream), 2)
		require.Empty(t, s.drain(stream))

		// One that waits is answered once there is something.
		answer := make(chan polled, 1)
		go func() { answer <- s.poll(stream, `{}`) }()
		waits(t, s.one.Server, 1)
		p.user("bob")
		require.Len(t, (<-answer).Sets, 1)
	})
}

// What receivers get when they fail: the same token again, and a pause after five days
// from which nothing is lost.
func TestPushedTokensComeAgain(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		var fails atomic.Bool
		fails.Store(true)
		failed := make(chan string, 100)
		r := newPushed(t, func(k token) (int, string) {
			if k.kind() == "session-revoked" && fails.Load() {
				failed <- k.text
				return http.StatusBadRequest, `{"err":"invalid_audience","description":"x"}`
			}
			return http.StatusAccepted, ""
		})
		stream := s.stream(`{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"` + r.URL + `"}}`)
		p := s.provider()
		ann := p.user("ann")
		p.patch("/Users/"+ann, `{"op":"replace","path":"active","value":false}`)
		before := <-failed
		path := "webhooks/" + stream["stream_id"].(string)
		retrying := func() []any {
			return s.call(http.MethodGet, path+"/deliveries?status=retrying", "", 200)["data"].([]any)
		}
		s.until("it is noted", func() bool { return len(retrying()) == 1 })
		assert.Equal(t, "the receiver answered 400: invalid_audience", retrying()[0].(map[string]any)["problem"])
		fails.Store(false)
		s.until("it came", func() bool { return slices.Contains(r.kinds(), "session-revoked") })
		require.Equal(t, []string{"create", "deactivate", "session-revoked"}, r.kinds(), "each was taken once")
		require.Equal(t, before, r.all()[2].text, "it was not signed again")

		// Administrators of webhooks see streams, and can end them; the rest is their receivers'.
		hook := s.call(http.MethodGet, path, "", 200)
		assert.Equal(t, "set", hook["signing"])
		assert.Equal(t, "enabled", hook["state"])
		s.call(http.MethodPatch, path, `{"state":"disabled"}`, 400)
		s.call(http.MethodPost, path+"/rotate-secret", `{}`, 400)
		s.call(http.MethodPost, path+"/test", `{}`, 400)
		s.call(http.MethodDelete, path, "", 204)
		s.ask(http.MethodGet, "/ssf/streams?stream_id="+stream["stream_id"].(string), "", 404)
	})
}

// A stream that is paused goes on where it was, a disabled one does not; a verification
// comes the way of everything else.
func TestStatusAndVerification(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		stream := s.stream(`{"events_requested":["urn:ietf:params:scim:event:prov:create:notice","urn:x"]}`)
		id := stream["stream_id"].(string)
		require.Equal(t, []any{"urn:ietf:params:scim:event:prov:create:notice"}, stream["events_delivered"])
		status := func(v string) {
			t.Helper()
			body := `{"stream_id":"` + id + `","status":"` + v + `","reason":"because"}`
			want := map[string]any{"stream_id": id, "status": v, "reason": "because"}
			require.Equal(t, want, s.object(http.MethodPost, "/ssf/status", body, 200))
			require.Equal(t, want, s.object(http.MethodGet, "/ssf/status?stream_id="+id, "", 200))
		}
		p := s.provider()
		status("paused")
		ann := p.user("ann")
		require.Empty(t, s.drain(stream))
		status("enabled")
		require.Equal(t, []string{"create /Users/" + ann}, toldOf(s.drain(stream)))
		status("disabled")
		p.user("bob")
		s.ask(http.MethodPost, "/ssf/verify", `{"stream_id":"`+id+`"}`, 400)
		status("enabled")
		require.Empty(t, s.drain(stream))
		s.ask(http.MethodPost, "/ssf/status", `{"stream_id":"`+id+`","status":"gone"}`, 400)

		s.ask(http.MethodPost, "/ssf/verify", `{"stream_id":"`+id+`","state":"s t ä t e"}`, 204)
		all := s.drain(stream)
		require.Len(t, all, 1)
		uri, payload := all[0].event()
		assert.Equal(t, "https://schemas.openid.net/secevent/ssf/event-type/verification", uri)
		assert.Equal(t, map[string]any{"state": "s t ä t e"}, payload)
		assert.Equal(t, map[string]any{"format": "opaque", "id": id}, all[0].claims["sub_id"])
		s.ask(http.MethodPost, "/ssf/verify", `{"stream_id":"`+id+`"}`, 429)
		other := s.stream(`{}`)
		require.Empty(t, s.drain(other), "it is that stream's alone")

		// Changes: of what the transmitter supplies none.
		change := func(method, more string, code int) []byte {
			return s.ask(method, "/ssf/streams", `{"stream_id":"`+id+`"`+more+`}`, code)
		}
		change(http.MethodPatch, `,"iss":"https://elsewhere.example.com"`, 400)
		change(http.MethodPatch, `,"events_delivered":[]`, 400)
		change(http.MethodPatch, `,"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"https://10.0.0.1/"}`, 400)
		change(http.MethodPatch, `,"delivery":{"method":"urn:x"}`, 400)
		change(http.MethodPatch, `,"unheard_of":1,"description":"new","iss":"`+bridge+`"`, 200)
		got := s.object(http.MethodGet, "/ssf/streams?stream_id="+id, "", 200)
		assert.Equal(t, "new", got["description"])
		assert.Equal(t, stream["events_delivered"], got["events_delivered"])
		sent, err := json.Marshal(got)
		require.NoError(t, err)
		s.ask(http.MethodPut, "/ssf/streams", string(sent), 200)
		require.Equal(t, got, s.object(http.MethodGet, "/ssf/streams?stream_id="+id, "", 200), "as it was read")
		change(http.MethodPut, ``, 200)
		got = s.object(http.MethodGet, "/ssf/streams?stream_id="+id, "", 200)
		assert.NotContains(t, got, "description")
		assert.Equal(t, got["events_supported"], got["events_requested"])
		s.ask(http.MethodDelete, "/ssf/streams?stream_id="+id, "", 204)
		s.ask(http.MethodGet, "/ssf/status?stream_id="+id, "", 404)
	})
}

// Another tenant reaches nothing of a stream, and a connection of theirs has no view here.
func TestStreamsOfTenantsAreApart(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		mine := s.stream(`{}`)
		theirs, err := auth.Bootstrap(t.Context(), s.one.store, time.Now, auth.BootstrapSpec{
			TenantName: "Theirs", IDP: "okta", ConnectionName: "Okta",
		})
		require.NoError(t, err)
		other := s
		other.mine = theirs
		id := mine["stream_id"].(string)
		s.provider().user("ann")
		other.lacks(id)
		other.ask(http.MethodPost, "/ssf/streams", `{"connection_id":"`+s.mine.ConnectionID.String()+`"}`, 404)
		require.Len(t, s.drain(mine), 1)
	})
}

// Without keys there is nothing: no path, no attribute of discovery.
func TestStreamsAreOffUntilConfigured(t *testing.T) {
	off, on := newTelling(t, dbtest.URL(t, "sqlite")), newStreaming(t, dbtest.URL(t, "sqlite"))
	for _, path := range []string{"/.well-known/ssf-configuration", "/ssf/jwks.json"} {
		assert.Equal(t, http.StatusNotFound, off.one.do(t, http.MethodGet, path).StatusCode, path)
	}
	for _, path := range []string{"/ssf/streams", "/ssf/status?stream_id=" + membership.NewID().String()} {
		streaming{off}.ask(http.MethodGet, path, "", http.StatusNotFound)
	}
	without := streaming{off}.provider().do(http.MethodGet, "/ServiceProviderConfig", "")
	assert.NotContains(t, without, "securityEvents")
	events := on.provider().do("GET", "/ServiceProviderConfig", "")["securityEvents"].(map[string]any)
	assert.Equal(t, "none", events["asyncRequest"])
	assert.Contains(t, events["eventUris"], "urn:ietf:params:scim:event:prov:deactivate")
	configuration := on.object(http.MethodGet, "/.well-known/ssf-configuration", "", 200)
	assert.Equal(t, bridge, configuration["issuer"])
	assert.Equal(t, "1_0", configuration["spec_version"])
}

// The first key signs, the others are known: so a key goes out of use after its last token
// was read, and comes into use after receivers have seen it.
func TestKeysOfTokensRotate(t *testing.T) {
	old, next := newPrivateKey(t), newPrivateKey(t)
	url := dbtest.URL(t, "sqlite")
	with := func(keys string) streaming {
		return streaming{newTelling(t, url, withStreams(t), func(c *config.Config) { c.SSFKeys = keys })}
	}
	s := with(old + next)
	stream := s.stream(`{}`)
	s.provider().user("ann")
	all := s.drain(stream)
	require.Len(t, all, 1)
	before := s.keys()
	verifies(t, before, all[0])
	later := with(next + old)
	later.mine = s.mine
	later.provider().user("bob")
	signed := later.drain(stream)
	require.Len(t, signed, 1)
	assert.NotEqual(t, all[0].header["kid"], signed[0].header["kid"])
	verifies(t, before, signed[0])
	verifies(t, later.keys(), all[0])

	for what, text := range map[string]string{
		"nothing": "", "no PEM": "x", "a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"no key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		_, err := newEventKeys(text)
		assert.Error(t, err, what)
	}
	for bits, taken := range map[int]bool{2047: false, 2048: true, 4096: true, 4097: false} {
		n := new(big.Int).SetBit(big.NewInt(1), bits-1, 1)
		der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: 65537})
		require.NoError(t, err)
		_, err = newEventKeys(old + string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
		assert.Equal(t, taken, err == nil, "RSA of %d bits: %v", bits, err)
	}
}
