package server

import (
	"context"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// flakyStream is the receiver of a stream, which fails at random: pushed or, without an
// address, polled.
type flakyStream struct {
	flaky
	id    membership.ID
	begun int64 // the place in the log where it began
	keys  jwk.Set
}

// stream makes one, at the end of the log.
func (k *killing) stream(push bool) *flakyStream {
	f := &flakyStream{flaky: newFlaky(k.t)}
	body := `{}`
	if push {
		// Two tokens of one event fail as one: they have one schedule.
		f.idOf = func(_ *http.Request, body []byte) string {
			jti := parseToken(k.t, string(body)).jti()
			return jti[:strings.LastIndex(jti, ".")]
		}
		f.take = func(_ string, body []byte, _ http.Header) { f.takeToken(string(body)) }
		f.begin()
		body = `{"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"http://` + f.address + `/events"}}`
	}
	status, text, err := k.call(k.t.Context(), k.one(), http.MethodGet, "/ssf/jwks.json", "")
	require.NoError(k.t, err)
	require.Equal(k.t, http.StatusOK, status)
	f.keys, err = jwk.Parse(text)
	require.NoError(k.t, err)
	made := k.must(http.StatusCreated, http.MethodPost, "/ssf/streams", body)
	f.id, err = membership.ParseID(made["stream_id"].(string))
	require.NoError(k.t, err)
	f.begun = k.read(f.id).Position
	return f
}

func (k *killing) read(stream membership.ID) (w membership.Webhook) {
	k.t.Helper()
	require.NoError(k.t, k.store.Read(k.t.Context(), k.mine.TenantID, func(r membership.Reader) (err error) {
		w, err = r.Webhook(k.t.Context(), stream)
		return err
	}))
	return w
}

// tokens are the ids of those that tell of the log since the stream began.
func (k *killing) tokens(f *flakyStream) (ids []string) {
	k.t.Helper()
	w := k.read(f.id)
	var before membership.Event
	for _, e := range dbtest.Events(k.t, k.store, k.mine.TenantID, membership.EventFilter{}) {
		if e.Number > f.begun {
			for _, s := range w.Signals(before, e) {
				ids = append(ids, membership.SignalID{Stream: f.id, Number: e.Number, Part: s.Part}.String())
			}
		}
		before = e
	}
	return ids
}

// takeToken is called with mu.
func (f *flakyStream) takeToken(text string) {
	k := parseToken(f.t, text)
	verifies(f.t, f.keys, k)
	id, ok := membership.ParseSignalID(k.jti())
	assert.True(f.t, ok)
	_, has := f.bodies[k.jti()]
	delete(k.claims, "iat") // of this copy
	claims, err := json.Marshal(k.claims)
	assert.NoError(f.t, err)
	f.came(k.jti(), string(claims))
	if !has {
		f.order = append(f.order, id.Number<<5+int64(id.Part))
	}
}

// poll asks for tokens until ctx ends. It loses answers, and what it took before it
// acknowledges it.
func (f *flakyStream) poll(ctx context.Context, k *killing) {
	ack := []string{}
	for ctx.Err() == nil {
		time.Sleep(rand.N(50 * time.Millisecond))
		body, _ := json.Marshal(map[string]any{ // it always can be
			"maxEvents": rand.N(30), "returnImmediately": rand.N(4) > 0, "ack": ack,
		})
		ack = ack[:0]
		sets, ok := f.ask(ctx, k, string(body))
		if !ok || rand.N(100) < 15 {
			continue
		}
		f.mu.Lock()
		for _, text := range sets {
			f.takeToken(text)
		}
		f.mu.Unlock()
		if rand.N(100) >= 15 {
			ack = slices.AppendSeq(ack, maps.Keys(sets))
		}
	}
}

func (f *flakyStream) ask(ctx context.Context, k *killing, body string) (sets map[string]string, ok bool) {
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	status, text, err := k.call(ctx, k.one(), http.MethodPost, "/ssf/streams/"+f.id.String()+"/poll", body)
	if err != nil || status != http.StatusOK {
		assert.False(f.t, status >= 400 && status < 500, "%d %s", status, text)
		return nil, false
	}
	var answer polled
	assert.NoError(f.t, json.Unmarshal(text, &answer))
	return answer.Sets, true
}

// drained acknowledges what is left, of which all is known, until nothing is.
func (f *flakyStream) drained(k *killing) bool {
	ack, known := []string{}, f.told()
	for range 1000 {
		body, _ := json.Marshal(map[string]any{"returnImmediately": true, "ack": ack}) // it always can be
		sets, ok := f.ask(f.t.Context(), k, string(body))
		if ok && len(sets) == 0 {
			return true
		}
		ack = slices.AppendSeq(ack[:0], maps.Keys(sets))
		assert.Subset(f.t, known, ack)
	}
	return false
}

// told are the ids of the tokens that it took.
func (f *flakyStream) told() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Sorted(maps.Keys(f.bodies))
}

func (f *flakyStream) has(tokens []string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, id := range tokens {
		if _, has := f.bodies[id]; !has {
			return false
		}
	}
	return true
}
