package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// loopback is where tests serve keys.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// signer is a key pair of an issuer.
type signer struct {
	private crypto.Signer
	id      string
}

var rsaKeys = sync.OnceValue(func() (keys [3]*rsa.PrivateKey) {
	for i, bits := range []int{2048, 2048, 1024} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

func rsaSigner(id string, i int) signer { return signer{private: rsaKeys()[i], id: id} }

func ecSigner(t testing.TB, id string, curve elliptic.Curve) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	require.NoError(t, err)
	return signer{private: key, id: id}
}

// jwk returns the public key with more fields.
func (s signer) jwk(t testing.TB, fields ...string) jwk.Key {
	t.Helper()
	key, err := jwk.Import(s.private.Public())
	require.NoError(t, err)
	if s.id != "" {
		require.NoError(t, key.Set("kid", s.id))
	}
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, key.Set(fields[i], fields[i+1]))
	}
	return key
}

// shortRSA is what libraries refuse to make: a key of 1024 bits, and its token.
func shortRSA(t testing.TB) (key map[string]string, token string) {
	t.Helper()
	private, e := rsaKeys()[2], base64.RawURLEncoding.EncodeToString
	input := e([]byte(`{"alg":"RS256","kid":"short"}`)) + "." + e([]byte(`{"iss":"me"}`))
	sum := sha256.Sum256([]byte(input))
	signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, sum[:])
	require.NoError(t, err)
	return map[string]string{"kty": "RSA", "kid": "short", "n": e(private.N.Bytes()), "e": "AQAB"},
		input + "." + e(signature)
}

func jwks(t testing.TB, keys ...any) []byte {
	t.Helper()
	b, err := json.Marshal(map[string]any{"keys": keys})
	require.NoError(t, err)
	return b
}

// sign returns a JWT; headers come in pairs.
func (s signer) sign(t testing.TB, alg jwa.SignatureAlgorithm, claims map[string]any, headers ...any) string {
	t.Helper()
	return signWith(t, alg, s.private, s.id, claims, headers...)
}

func signWith(
	t testing.TB, alg jwa.SignatureAlgorithm, key any, id string, claims map[string]any, headers ...any,
) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	require.NoError(t, err)
	h := jws.NewHeaders()
	if id != "" {
		require.NoError(t, h.Set("kid", id))
	}
	for i := 0; i < len(headers); i += 2 {
		require.NoError(t, h.Set(headers[i].(string), headers[i+1]))
	}
	out, err := jws.Sign(payload, jws.WithKey(alg, key, jws.WithProtectedHeaders(h)))
	require.NoError(t, err)
	return string(out)
}

// compact makes a token by hand, as an attacker does.
func compact(header, payload string, signature []byte) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(payload)) + "." + e(signature)
}

// keyServer serves a JWKS that tests change, and counts who asks.
type keyServer struct {
	*httptest.Server
	requests atomic.Int32
	answer   atomic.Value // http.HandlerFunc
}

func newKeyServer(t testing.TB, set []byte) *keyServer {
	s := &keyServer{}
	s.serve(set)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		s.answer.Load().(http.HandlerFunc)(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) serve(set []byte) {
	s.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(set) }))
}

func (s *keyServer) fail() {
	s.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadGateway)
	}))
}

func TestSignatures(t *testing.T) {
	rs, rs2 := rsaSigner("rsa", 0), rsaSigner("other", 1)
	p256, p384, p521 := ecSigner(t, "p256", elliptic.P256()), ecSigner(t, "p384", elliptic.P384()),
		ecSigner(t, "p521", elliptic.P521())
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	ed := signer{private: edKey, id: "ed"}
	pinned, encrypting, noVerify := rsaSigner("pinned", 0), rsaSigner("enc", 0), rsaSigner("ops", 0)
	short, shortToken := shortRSA(t)
	unnamed := ecSigner(t, "", elliptic.P256())
	ops := noVerify.jwk(t)
	require.NoError(t, ops.Set("key_ops", []string{"encrypt"}))
	set := auth.KeySource{Set: jwks(t, rs.jwk(t), p256.jwk(t, "use", "sig"), p384.jwk(t), p521.jwk(t), ed.jwk(t),
		pinned.jwk(t, "alg", "PS256"), rsaSigner("second", 1).jwk(t), encrypting.jwk(t, "use", "enc"), ops, short,
		map[string]string{"kty": "oct", "kid": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"},
		map[string]string{"kty": "FUTURE", "kid": "future"}, 7)}
	keys := auth.NewKeySets(outbound.New(nil), time.Now, zaptest.NewLogger(t))
	claims := map[string]any{"iss": "me"}

	for name, token := range map[string]string{
		"RS256": rs.sign(t, jwa.RS256(), claims), "RS384": rs.sign(t, jwa.RS384(), claims),
		"RS512": rs.sign(t, jwa.RS512(), claims),
		"PS256": rs.sign(t, jwa.PS256(), claims), "PS384": rs.sign(t, jwa.PS384(), claims),
		"PS512": rs.sign(t, jwa.PS512(), claims),
		"ES256": p256.sign(t, jwa.ES256(), claims), "ES384": p384.sign(t, jwa.ES384(), claims),
		"ES512": p521.sign(t, jwa.ES512(), claims),
		"EdDSA": ed.sign(t, jwa.EdDSA(), claims), "pinned": pinned.sign(t, jwa.PS256(), claims),
		"no kid, one key that fits": signWith(t, jwa.ES384(), p384.private, "", claims),
	} {
		c, err := keys.Verify(t.Context(), set, token)
		require.NoError(t, err, name)
		assert.Equal(t, "me", c.Issuer, name)
	}

	public, err := jwk.PublicRawKeyOf(rs.private)
	require.NoError(t, err)
	pem, err := jwk.EncodePEM(public)
	require.NoError(t, err)
	rawJWK, err := json.Marshal(rs.jwk(t))
	require.NoError(t, err)
	good := rs.sign(t, jwa.RS256(), claims)
	parts := strings.Split(good, ".")
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	require.NoError(t, err)
	for name, token := range map[string]string{
		"nothing":                "",
		"no JWT":                 "scimbridge_x_y",
		"two parts":              parts[0] + "." + parts[1],
		"five parts":             good + ".x.y",
		"too long":               rs.sign(t, jwa.RS256(), map[string]any{"iss": strings.Repeat("x", 16<<10)}),
		"alg none":               compact(`{"alg":"none","kid":"rsa"}`, `{"iss":"me"}`, nil),
		"alg None":               compact(`{"alg":"None","kid":"rsa"}`, `{"iss":"me"}`, nil),
		"no alg":                 compact(`{"kid":"rsa"}`, `{"iss":"me"}`, signature),
		"no signature":           parts[0] + "." + parts[1] + ".",
		"another payload":        compact(`{"alg":"RS256","kid":"rsa"}`, `{"iss":"you"}`, signature),
		"HS256 with the PEM":     signWith(t, jwa.HS256(), pem, "rsa", claims),
		"HS256 with the JWK":     signWith(t, jwa.HS256(), rawJWK, "rsa", claims),
		"HS256 with the modulus": signWith(t, jwa.HS256(), rsaKeys()[0].N.Bytes(), "rsa", claims),
		"HS256 with the set's key": signWith(t, jwa.HS256(), []byte("secret-secret-secret-secret-secret"), "oct",
			claims),
		"ES256 named RS256":          compact(`{"alg":"RS256","kid":"p256"}`, `{"iss":"me"}`, signature),
		"RS256 named PS256":          compact(`{"alg":"PS256","kid":"rsa"}`, `{"iss":"me"}`, signature),
		"RS256 with a key for PS256": pinned.sign(t, jwa.RS256(), claims),
		"a key for encryption":       encrypting.sign(t, jwa.RS256(), claims),
		"a key without verify":       noVerify.sign(t, jwa.RS256(), claims),
		"RSA of 1024 bits":           shortToken,
		"another's key":              signWith(t, jwa.RS256(), rs2.private, "rsa", claims),
		"unknown kid":                rs2.sign(t, jwa.RS256(), claims),
		"no kid, several keys":       signWith(t, jwa.RS256(), rs.private, "", claims),
		"its own key in the header":  signWith(t, jwa.RS256(), rs2.private, "rsa", claims, "jwk", rs2.jwk(t)),
		"its own key's address": signWith(t, jwa.RS256(), rs2.private, "rsa", claims, "jku",
			"https://evil.example/keys"),
		"crit":                      rs.sign(t, jwa.RS256(), claims, "crit", []string{"exp"}, "exp", 1),
		"ES256 of zeros":            compact(`{"alg":"ES256","kid":"p256"}`, `{"iss":"me"}`, make([]byte, 64)),
		"claims that are no object": rs.sign(t, jwa.RS256(), nil),
	} {
		_, err := keys.Verify(t.Context(), set, token)
		require.ErrorIs(t, err, auth.ErrBadJWT, name)
	}

	alone := auth.KeySource{Set: jwks(t, unnamed.jwk(t))}
	_, err = keys.Verify(t.Context(), alone, unnamed.sign(t, jwa.ES256(), claims))
	require.NoError(t, err)
	_, err = keys.Verify(t.Context(), alone, p256.sign(t, jwa.ES256(), claims))
	require.ErrorIs(t, err, auth.ErrBadJWT)
}

func TestFetchedKeys(t *testing.T) {
	now := time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	first, second, unknown := ecSigner(t, "1", elliptic.P256()), ecSigner(t, "2", elliptic.P256()),
		ecSigner(t, "3", elliptic.P256())
	keys := auth.NewKeySets(outbound.New(loopback), clock, zaptest.NewLogger(t))
	server := newKeyServer(t, jwks(t, first.jwk(t)))
	src := auth.KeySource{URI: server.URL + "/keys"}
	verify := func(s signer) error {
		t.Helper()
		_, err := keys.Verify(t.Context(), src, s.sign(t, jwa.ES256(), map[string]any{"iss": "me"}))
		return err
	}

	for range 3 {
		require.NoError(t, verify(first))
	}
	assert.EqualValues(t, 1, server.requests.Load(), "the set is kept")

	server.serve(jwks(t, first.jwk(t), second.jwk(t)))
	require.NoError(t, verify(second), "a key that was rotated in")
	assert.EqualValues(t, 2, server.requests.Load())
	for range 20 {
		require.ErrorIs(t, verify(unknown), auth.ErrBadJWT)
	}
	assert.EqualValues(t, 2, server.requests.Load(), "made-up key ids ask nobody for a while")
	now = now.Add(30 * time.Second)
	for range 20 {
		require.ErrorIs(t, verify(unknown), auth.ErrBadJWT)
	}
	assert.EqualValues(t, 3, server.requests.Load(), "and then once")

	server.fail()
	now = now.Add(11 * time.Minute)
	for range 5 {
		require.NoError(t, verify(first), "what is kept holds while the endpoint is down")
	}
	assert.EqualValues(t, 4, server.requests.Load(), "which is not asked again at once")
	now = now.Add(24 * time.Hour)
	for range 5 {
		assert.Equal(t, membership.KindUnavailable, membership.KindOf(verify(first)), "but not for ever")
	}
	assert.EqualValues(t, 5, server.requests.Load())

	server.serve(jwks(t, second.jwk(t)))
	now = now.Add(30 * time.Second)
	require.ErrorIs(t, verify(first), auth.ErrBadJWT, "a key that was withdrawn")
	require.NoError(t, verify(second))
}

func TestOneFetchAtATime(t *testing.T) {
	key := ecSigner(t, "1", elliptic.P256())
	server := newKeyServer(t, nil)
	var busy, most atomic.Int32
	set := jwks(t, key.jwk(t))
	server.answer.Store(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), busy.Add(1)))
		time.Sleep(50 * time.Millisecond)
		busy.Add(-1)
		_, _ = w.Write(set)
	}))
	keys := auth.NewKeySets(outbound.New(loopback), time.Now, zap.NewNop())
	token := key.sign(t, jwa.ES256(), map[string]any{"iss": "me"})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, err := keys.Verify(t.Context(), auth.KeySource{URI: server.URL}, token)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, server.requests.Load())
	assert.EqualValues(t, 1, most.Load())
}

func TestBadKeyEndpoints(t *testing.T) {
	key := ecSigner(t, "1", elliptic.P256())
	token := key.sign(t, jwa.ES256(), map[string]any{"iss": "me"})
	good := newKeyServer(t, jwks(t, key.jwk(t)))
	secure := httptest.NewTLSServer(http.RedirectHandler(good.URL, http.StatusFound))
	defer secure.Close()
	padded := append([]byte(`{"x":"`+strings.Repeat("x", auth.MaxKeySet)+`",`), jwks(t, key.jwk(t))[1:]...)
	for name, answer := range map[string]http.HandlerFunc{
		"too long":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(padded) },
		"no JSON":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no keys":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) },
		"not found": http.NotFound,
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/again", http.StatusFound)
		},
		"another scheme": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, secure.URL, http.StatusFound)
		},
		"a file": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		},
		"cut off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		server := newKeyServer(t, nil)
		server.answer.Store(answer)
		keys := auth.NewKeySets(outbound.New(loopback), time.Now, zap.NewNop())
		for range 3 {
			_, err := keys.Verify(t.Context(), auth.KeySource{URI: server.URL}, token)
			assert.Equal(t, membership.KindUnavailable, membership.KindOf(err), name)
		}
		assert.LessOrEqual(t, server.requests.Load(), int32(4), name)
	}
}

// A tenant names the address, the server fetches: it must not be a way into the
// server's own network. What the network is called, and redirects and names that
// lead there, are tested in outbound.
func TestKeysOfPrivateNetworks(t *testing.T) {
	key := ecSigner(t, "1", elliptic.P256())
	token := key.sign(t, jwa.ES256(), map[string]any{"iss": "me"})
	server := newKeyServer(t, jwks(t, key.jwk(t)))
	src := auth.KeySource{URI: server.URL}

	strict := auth.NewKeySets(outbound.New(nil), time.Now, zap.NewNop())
	for uri, want := range map[string]string{
		"": "must be a URL", "file:///etc/passwd": "must be a URL", server.URL: "must begin with https://",
		"https://127.0.0.1/keys": "must not lead to 127.0.0.1, which is not a public address",
	} {
		err := strict.Check(auth.KeySource{URI: uri})
		assert.Equal(t, membership.KindInvalid, membership.KindOf(err), uri)
		assert.ErrorContains(t, err, "jwks_uri "+want)
	}
	require.NoError(t, strict.Check(auth.KeySource{URI: "https://issuer.example.com:8443/keys?v=1"}))
	_, err := strict.Verify(t.Context(), src, token) // as if it had been stored earlier
	assert.Equal(t, membership.KindUnavailable, membership.KindOf(err))
	assert.Zero(t, server.requests.Load())

	open := auth.NewKeySets(outbound.New(loopback), time.Now, zap.NewNop())
	require.NoError(t, open.Check(src))
	_, err = open.Verify(t.Context(), src, token)
	require.NoError(t, err)
}

func TestCheckOfGivenKeys(t *testing.T) {
	keys := auth.NewKeySets(outbound.New(nil), time.Now, zap.NewNop())
	short, _ := shortRSA(t)
	private, err := jwk.Import(rsaKeys()[0])
	require.NoError(t, err)
	for name, set := range map[string][]byte{
		"no JSON": []byte("x"), "no set": []byte("{}"), "no keys": []byte(`{"keys":[]}`), "a list": []byte(`[]`),
		"a secret":       jwks(t, map[string]string{"kty": "oct", "k": "c2VjcmV0"}),
		"a private key":  jwks(t, rsaSigner("1", 0).jwk(t), private),
		"a short key":    jwks(t, short),
		"for encryption": jwks(t, rsaSigner("1", 0).jwk(t, "use", "enc")),
		"longer than it may": append([]byte(`{"x":"`+strings.Repeat("x", auth.MaxKeySet)+`",`),
			jwks(t, rsaSigner("1", 0).jwk(t))[1:]...),
	} {
		assert.Equal(t, membership.KindInvalid, membership.KindOf(keys.Check(auth.KeySource{Set: set})), name)
	}
	assert.NoError(t, keys.Check(auth.KeySource{Set: jwks(t, rsaSigner("1", 0).jwk(t))}))
}
