package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lestrrat-go/jwx/v3/jws"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// keysFresh is for how long a fetched set is used without asking again.
	keysFresh = 10 * time.Minute
	// keysMaxAge is for how long it is used while nothing newer can be had: a key
	// that its owner withdrew must not live for ever.
	keysMaxAge = 24 * time.Hour
	// keysRetry is the least time between two fetches from one source after a
	// failure, and between two for keys that the set does not have. Tokens with
	// made-up key ids cause no more requests than that.
	keysRetry = 30 * time.Second
	// keySources bounds the memory.
	keySources = 1000
	// maxJWT is in bytes.
	maxJWT = 16 << 10
)

// KeySource says where the public keys of a signer are: in Set, a
// JWKS (RFC 7517 section 5), or else at URI.
type KeySource struct {
	Set []byte
	URI string
}

// KeySets verifies signatures with the keys of many sources, and keeps what it
// fetched. It may be used by many at once.
type KeySets struct {
	fetcher fetcher
	clock   membership.Clock
	log     *zap.Logger

	mu      sync.Mutex
	sources map[string]*keySource
}

// NewKeySets returns a KeySets. Failures of sources are logged.
func NewKeySets(out Outbound, clock membership.Clock, log *zap.Logger) *KeySets {
	return &KeySets{fetcher: newFetcher(out), clock: clock, log: log, sources: make(map[string]*keySource)}
}

// Check says whether a source can be used, without fetching anything: an error
// of membership.KindInvalid when it cannot.
func (k *KeySets) Check(src KeySource) error {
	if len(src.Set) > 0 {
		return checkKeySet(src.Set)
	}
	return k.fetcher.check(src.URI)
}

// Verify returns the claims of a JWT (RFC 7519) that a key of the source signed,
// in the compact form of a JWS. What the claims say is not judged:
// Claims.Check. A token that is not in order is an error that is ErrBadJWT; an
// error of membership.KindUnavailable means that there are no keys to judge by.
func (k *KeySets) Verify(ctx context.Context, src KeySource, text string) (Claims, error) {
	h, err := readHeader(text)
	if err != nil {
		return Claims{}, err
	}
	keys, err := k.candidates(ctx, src, h)
	if err != nil {
		return Claims{}, err
	}
	for _, key := range keys {
		payload, err := jws.VerifyCompactFast(key, []byte(text), algorithms[h.Algorithm].jwa)
		if err == nil {
			return parseClaims(payload, h.Type)
		}
	}
	return Claims{}, errSignature
}

// header is what a token says of its signature. Keys and addresses of keys in
// it (jwk, jku, x5c, x5u) are not read: only the keys of the source are trusted.
type header struct {
	Algorithm string          `json:"alg"`
	KeyID     string          `json:"kid"`
	Type      string          `json:"typ"`
	Critical  json.RawMessage `json:"crit"`
}

func readHeader(text string) (h header, err error) {
	if len(text) > maxJWT || strings.Count(text, ".") != 2 {
		return h, errNoJWT
	}
	first, _, _ := strings.Cut(text, ".")
	b, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || json.Unmarshal(b, &h) != nil {
		return h, errNoJWT
	}
	if _, ok := algorithms[h.Algorithm]; !ok {
		return h, errAlgorithm
	}
	if h.Critical != nil { // RFC 7515 section 4.1.11: not understood is refused
		return h, errNoJWT
	}
	return h, nil
}

// candidates returns the keys of the source that may have made the signature.
func (k *KeySets) candidates(ctx context.Context, src KeySource, h header) ([]any, error) {
	s, now := k.source(src), k.clock()
	set, err := s.current(ctx, k, now)
	if err != nil {
		return nil, err
	}
	if !set.has(h.KeyID) {
		if set, err = s.renewed(ctx, k, now, h.KeyID); err != nil {
			return nil, err
		}
	}
	keys := set.fitting(h)
	if len(keys) == 0 {
		return nil, errNoKey
	}
	return keys, nil
}

// source returns the cache of a source, and makes it if there is none.
func (k *KeySets) source(src KeySource) *keySource {
	id := src.URI
	if len(src.Set) > 0 {
		sum := sha256.Sum256(src.Set)
		id = string(sum[:])
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s, ok := k.sources[id]
	if !ok {
		if len(k.sources) >= keySources {
			k.evict()
		}
		s = &keySource{uri: src.URI, fetching: make(chan struct{}, 1)}
		if len(src.Set) > 0 {
			s.uri, s.set = "", parseKeySet(src.Set)
		}
		k.sources[id] = s
	}
	s.used = k.clock()
	return s
}

// evict drops the quarter of the sources that were not used for the longest.
func (k *KeySets) evict() {
	ids := make([]string, 0, len(k.sources))
	for id := range k.sources {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { return k.sources[a].used.Compare(k.sources[b].used) })
	for _, id := range ids[:len(ids)/4] {
		delete(k.sources, id)
	}
}
