package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
)

// bridge is the public URL of servers with streams.
const bridge = "https://bridge.example.com"

// newPrivateKey is one in PEM.
func newPrivateKey(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func withStreams(t testing.TB) func(*config.Config) {
	t.Helper()
	keys := newPrivateKey(t)
	return func(c *config.Config) { c.SSFKeys, c.PublicURL, c.RateLimit = keys, bridge, 0 }
}

// streaming is a tenant with streams.
type streaming struct{ telling }

func newStreaming(t *testing.T, url string) streaming {
	return streaming{newTelling(t, url, withStreams(t))}
}

// ask sends a request as a receiver does, which names no tenant.
func (s streaming) ask(method, path, body string, status int) []byte {
	s.t.Helper()
	r := s.request(s.one.Server, method, path, strings.NewReader(body))
	r.Header.Del("X-Tenant-ID")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	require.NoError(s.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	require.Equal(s.t, status, res.StatusCode, "%s %s: %s", method, path, text)
	return text
}

func (s streaming) object(method, path, body string, status int) (v map[string]any) {
	s.t.Helper()
	require.NoError(s.t, json.Unmarshal(s.ask(method, path, body, status), &v))
	return v
}

func (s streaming) stream(body string) map[string]any {
	s.t.Helper()
	return s.object(http.MethodPost, "/ssf/streams", body, http.StatusCreated)
}

type polled struct {
	Sets map[string]string
	More bool `json:"moreAvailable"`
}

func (s streaming) poll(stream map[string]any, body string) (p polled) {
	s.t.Helper()
	path := strings.TrimPrefix(stream["delivery"].(map[string]any)["endpoint_url"].(string), bridge)
	require.NoError(s.t, json.Unmarshal(s.ask(http.MethodPost, path, body, http.StatusOK), &p))
	return p
}

// drain fetches all that a stream has, and acknowledges it.
func (s streaming) drain(stream map[string]any) (all []token) {
	s.t.Helper()
	ack := []string{}
	for {
		body, err := json.Marshal(map[string]any{"ack": ack, "returnImmediately": true})
		require.NoError(s.t, err)
		p := s.poll(stream, string(body))
		ack = slices.Sorted(maps.Keys(p.Sets))
		for _, jti := range ack {
			all = append(all, parseToken(s.t, p.Sets[jti]))
		}
		if len(ack) == 0 && !p.More {
			slices.SortFunc(all, func(a, b token) int { return compareJTI(a.jti(), b.jti()) })
			return all
		}
	}
}

// compareJTI orders tokens of one stream as their events happened.
func compareJTI(a, b string) int {
	x, y := strings.SplitN(a, ".", 2)[1], strings.SplitN(b, ".", 2)[1]
	if len(x) != len(y) {
		return len(x) - len(y)
	}
	return strings.Compare(x, y)
}

// token is a security event token, taken apart without the program's own code.
type token struct {
	text           string
	header, claims map[string]any
}

func parseToken(t testing.TB, text string) token {
	t.Helper()
	parts := strings.Split(text, ".")
	require.Len(t, parts, 3, "the compact form")
	k := token{text: text}
	for i, to := range []*map[string]any{&k.header, &k.claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, to))
	}
	return k
}

func (k token) jti() string { return k.claims["jti"].(string) }
func (k token) txn() string { return k.claims["txn"].(string) }

// event is the type of its event, and the payload.
func (k token) event() (string, map[string]any) {
	for uri, payload := range k.claims["events"].(map[string]any) {
		return uri, payload.(map[string]any)
	}
	return "", nil
}

// kind is the short name of its event: create, patch and so on.
func (k token) kind() string {
	uri, _ := k.event()
	uri = strings.TrimSuffix(uri, ":notice")
	return uri[max(strings.LastIndex(uri, ":"), strings.LastIndex(uri, "/"))+1:]
}

// about is the resource that it is about.
func (k token) about() string {
	uri, _ := k.claims["sub_id"].(map[string]any)["uri"].(string)
	return uri
}

func (s streaming) keys() jwk.Set {
	s.t.Helper()
	configuration := s.object(http.MethodGet, "/.well-known/ssf-configuration", "", http.StatusOK)
	set, err := jwk.Parse(s.ask(http.MethodGet,
		strings.TrimPrefix(configuration["jwks_uri"].(string), bridge), "", http.StatusOK))
	require.NoError(s.t, err)
	return set
}

func verifies(t testing.TB, set jwk.Set, k token) {
	t.Helper()
	key, found := set.LookupKeyID(k.header["kid"].(string))
	require.True(t, found, "the key is published")
	algorithm, found := key.Algorithm()
	require.True(t, found)
	_, err := jws.Verify([]byte(k.text), jws.WithKey(algorithm, key))
	require.NoError(t, err)
}

// pushed is a receiver of RFC 8935.
type pushed struct {
	*httptest.Server
	mu     sync.Mutex
	answer func(token) (status int, body string) // nil: 202
	tokens []token                               // that it took
	header http.Header                           // of the last
	tried  int
}

func newPushed(t *testing.T, answer func(token) (int, string)) *pushed {
	p := &pushed{answer: answer}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		k, status, text := parseToken(t, string(body)), http.StatusAccepted, ""
		if p.answer != nil {
			status, text = p.answer(k)
		}
		p.mu.Lock()
		p.header = r.Header.Clone()
		if p.tried++; status < 300 {
			p.tokens = append(p.tokens, k)
		}
		p.mu.Unlock()
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pushed) all() []token {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.tokens)
}

func (p *pushed) kinds() (kinds []string) {
	for _, k := range p.all() {
		kinds = append(kinds, k.kind())
	}
	return kinds
}
