package server

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// eventURIs are those that RFC 9967 section 7.4 registers.
var eventURIs = []string{
	"urn:ietf:params:scim:event:feed:add", "urn:ietf:params:scim:event:feed:remove",
	"urn:ietf:params:scim:event:prov:create:notice", "urn:ietf:params:scim:event:prov:create:full",
	"urn:ietf:params:scim:event:prov:patch:notice", "urn:ietf:params:scim:event:prov:patch:full",
	"urn:ietf:params:scim:event:prov:put:notice", "urn:ietf:params:scim:event:prov:put:full",
	"urn:ietf:params:scim:event:prov:delete", "urn:ietf:params:scim:event:prov:activate",
	"urn:ietf:params:scim:event:prov:deactivate", "urn:ietf:params:scim:event:misc:asyncresp",
}

var (
	relativePath = regexp.MustCompile(`^/(Users|Groups)/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	// attributePath is a path of RFC 7644 section 3.5.2 without a filter.
	attributePath = regexp.MustCompile(
		`^([Uu][Rr][Nn]:[A-Za-z0-9.:_-]+|\$?[A-Za-z][A-Za-z0-9_-]*)(\.[A-Za-z][A-Za-z0-9_-]*)?$`)
	weakETag = regexp.MustCompile(`^W/"[^"]+"$`)
)

// keepsTheRules holds a token to what the RFCs say: 8417 (security event tokens), 9493
// (subjects), 9967 (SCIM), and to SSF 1.0 and CAEP 1.0.
func keepsTheRules(t *testing.T, k token, stream map[string]any, keys jwk.Set) {
	t.Helper()
	verifies(t, keys, k)
	about := k.text
	assert.Equal(t, "secevent+jwt", k.header["typ"], "RFC 8417 2.3, SSF 4.1.1")
	assert.NotEqual(t, "none", k.header["alg"])

	for _, name := range []string{"sub", "exp"} {
		assert.NotContains(t, k.claims, name, "RFC 8417 4.1 and 4.5, RFC 9967 2.1, SSF 4.1.2 and 4.1.7")
	}
	assert.Equal(t, stream["iss"], k.claims["iss"], "SSF 4.1.6")
	assert.Equal(t, stream["aud"], k.claims["aud"], "SSF 4.1.8")
	assert.NotEmpty(t, k.jti(), "RFC 8417 2.2")
	assert.NotEmpty(t, k.txn(), "RFC 9967 2.2")
	now := float64(time.Now().Unix())
	assert.LessOrEqual(t, k.claims["iat"], now+1, "RFC 8417 2.2: a NumericDate")
	assert.LessOrEqual(t, k.claims["toe"], k.claims["iat"], "RFC 8417 2.2")

	events := k.claims["events"].(map[string]any)
	require.Len(t, events, 1, "SSF 4.2.1: one event %s", about)
	uri, payload := k.event()
	subject := k.claims["sub_id"].(map[string]any)
	for _, name := range []string{"sub_id", "subject", "sub"} {
		assert.NotContains(t, payload, name, "RFC 9967 2.1: not within the event")
	}
	switch {
	case strings.HasPrefix(uri, "urn:ietf:params:scim:event:"):
		keepsRFC9967(t, uri, subject, payload)
	case strings.HasPrefix(uri, "https://schemas.openid.net/secevent/caep/"):
		assert.Equal(t, "https://schemas.openid.net/secevent/caep/event-type/session-revoked", uri)
		assert.Regexp(t, relativePath, subject["uri"])
		assert.IsType(t, 0.0, payload["event_timestamp"], "CAEP 2")
		assert.Contains(t, []any{"admin", "user", "policy", "system"}, payload["initiating_entity"], "CAEP 2")
		assert.NotEmpty(t, payload["reason_admin"].(map[string]any)["en"], "CAEP 2: by language")
	default:
		assert.Equal(t, "https://schemas.openid.net/secevent/ssf/event-type/verification", uri)
		assert.Equal(t, map[string]any{"format": "opaque", "id": stream["stream_id"]}, subject, "SSF 8.1.4.1")
	}
}

func keepsRFC9967(t *testing.T, uri string, subject, payload map[string]any) {
	t.Helper()
	assert.Contains(t, eventURIs, uri, "section 7.4")
	assert.Equal(t, "scim", subject["format"], "section 2.1")
	assert.Regexp(t, relativePath, subject["uri"], "section 2.1: behind the base URL")
	_, data := payload["data"]
	attributes, names := payload["attributes"].([]any)
	switch {
	case strings.HasSuffix(uri, ":full"):
		assert.True(t, data && !names, "section 2.4")
	case strings.HasSuffix(uri, ":notice"):
		assert.True(t, names && !data, "section 2.4")
		assert.NotEmpty(t, attributes)
		for _, a := range attributes {
			assert.Regexp(t, attributePath, a, "section 2.2")
		}
	default:
		assert.Empty(t, payload, "sections 2.3 and 2.4.4 to 2.4.6: there is none")
	}
	if version, given := payload["version"]; given {
		assert.Regexp(t, weakETag, version, "section 2.2: as the header ETag")
	}
}

// Every token of every recorded conversation keeps the rules, on each stream, and nothing
// of local members or of another connection is in the stream of a connection.
func TestEveryTokenKeepsTheRules(t *testing.T) {
	conversations, err := replay.Conversations()
	require.NoError(t, err)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newStreaming(t, url)
		r := newPushed(t, nil)
		connection := s.mine.ConnectionID
		of := `"connection_id":"` + connection.String() + `"`
		push := s.stream(`{` + of + `,"delivery":{"method":"urn:ietf:rfc:8935","endpoint_url":"` + r.URL + `"}}`)
		view, tenant := s.stream(`{`+of+`}`), s.stream(`{}`)
		s.ask(http.MethodPost, "/ssf/verify", `{"stream_id":"`+push["stream_id"].(string)+`"}`, 204)
		foreign := s.besides()
		client := replay.Client{Base: s.one.BaseURL() + "/scim/v2", Token: s.mine.SCIMToken}
		for _, c := range conversations {
			_, err := client.Play(t.Context(), c)
			require.NoError(t, err)
		}

		fetched, all := s.drain(view), s.drain(tenant)
		s.until("all are pushed", func() bool { return len(r.all()) == len(fetched)+1 })
		pushed, keys := r.all(), s.keys()
		require.Equal(t, "verification", pushed[0].kind())
		require.Equal(t, toldOf(fetched), toldOf(pushed[1:]), "push and poll tell the same")
		require.Greater(t, len(fetched), 500)
		seen := map[string]bool{}
		for _, each := range []struct {
			stream map[string]any
			tokens []token
		}{{push, pushed}, {view, fetched}, {tenant, all}} {
			for _, k := range each.tokens {
				keepsTheRules(t, k, each.stream, keys)
				assert.False(t, seen[k.jti()], "RFC 8417 2.2: a jti of its own")
				seen[k.jti()] = true
			}
		}

		// Each token of the view tells of an event of its connection, and of a grant of its.
		by := map[string]membership.Event{}
		for _, e := range dbtest.Events(t, s.one.store, s.mine.TenantID, membership.EventFilter{}) {
			by[e.ID.String()] = e
		}
		kinds := map[string]int{}
		for _, k := range fetched {
			kinds[k.kind()]++
			e, found := by[k.txn()]
			require.True(t, found, "the event of the log")
			require.Equal(t, connection, e.Connection)
			if len(e.Members) > 0 {
				require.Equal(t, membership.SourceSCIM, e.MemberSource)
			}
			require.NotContains(t, foreign, k.about())
		}
		for _, kind := range []string{"create", "patch", "deactivate", "activate", "delete", "session-revoked"} {
			assert.Positive(t, kinds[kind], kind)
		}
		assert.GreaterOrEqual(t, kinds["session-revoked"], kinds["deactivate"])
		for about := range foreign {
			assert.True(t, slices.ContainsFunc(all, func(k token) bool { return k.about() == about }),
				"the tenant's stream has %s", about)
		}
		t.Logf("%d tokens of a view, %d of the tenant: %v", len(fetched), len(all), kinds)
	})
}

// besides makes what no stream of the first connection may tell of: local people and
// groups, and those of a second connection.
func (s streaming) besides() map[string]bool {
	local := s.call(http.MethodPost, "users", `{"user_name":"a local one","email":"","name":""}`, 201)["id"].(string)
	group := s.call(http.MethodPost, "groups", `{"display_name":"a local group"}`, 201)["id"].(string)
	s.call(http.MethodPost, "groups/"+group+"/members", `{"user_id":"`+local+`"}`, 201)
	p := s.second()
	theirs := p.user("another's")
	others := p.group("another's group", theirs)
	p.patch("/Users/"+theirs, `{"op":"replace","path":"active","value":false}`)
	return map[string]bool{
		"/Users/" + local: true, "/Groups/" + group: true, "/Users/" + theirs: true, "/Groups/" + others: true,
	}
}
