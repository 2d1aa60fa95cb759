package server

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of the tokens that are kept.
const (
	maxTenantTokens = 4 << 20 // bytes: about 3,000 tokens, what 30 streams offer at once
	maxKeptTokens   = 32 << 20
	// tokenLife is for how long a token is sent again as it is; then it is signed anew,
	// with the time of that.
	tokenLife = 5 * time.Minute
)

// signedTokens keeps tokens for a while, and lets few be signed at once. A receiver is
// offered again at once what it does not acknowledge, as often as it asks: a signature
// for each answer would take all of the processor.
type signedTokens struct {
	turns *semaphore.Weighted // of all tenants

	mu      sync.Mutex // of everything below, and of what the tenants hold
	tenants map[membership.ID]*tenantTokens
	bytes   int // of all
}

type tenantTokens struct {
	turn  *semaphore.Weighted // a tenant signs one token at a time
	kept  map[tokenDigest]keptToken
	bytes int
}

// tokenDigest is the SHA-256 of the claims of a token but iat.
type tokenDigest [sha256.Size]byte

type keptToken struct {
	text     []byte
	signedAt time.Time
}

// signaturesAtOnce is how many are made at once: half of the processors go on with the
// rest.
func signaturesAtOnce() int64 { return int64(max(1, runtime.NumCPU()/2)) }

func newSignedTokens(atOnce int64) *signedTokens {
	return &signedTokens{turns: semaphore.NewWeighted(atOnce), tenants: map[membership.ID]*tenantTokens{}}
}

// token is the one of a digest: as it was signed a while ago, or by sign.
func (k *signedTokens) token(
	ctx context.Context, tenant membership.ID, of tokenDigest, sign func() ([]byte, error),
) ([]byte, error) {
	t, text := k.find(tenant, of)
	if text != nil {
		return text, nil
	}
	if err := t.turn.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer t.turn.Release(1)
	if _, text = k.find(tenant, of); text != nil { // signed while this one waited
		return text, nil
	}
	if err := k.turns.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer k.turns.Release(1)
	at := time.Now()
	text, err := sign()
	if err == nil {
		k.keep(tenant, t, of, keptToken{text, at})
	}
	return text, err
}

func (k *signedTokens) find(tenant membership.ID, of tokenDigest) (t *tenantTokens, text []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	t = k.tenants[tenant]
	if t == nil {
		t = &tenantTokens{turn: semaphore.NewWeighted(1), kept: map[tokenDigest]keptToken{}}
		k.tenants[tenant] = t
	}
	if kept, found := t.kept[of]; found && time.Since(kept.signedAt) < tokenLife {
		text = kept.text
	}
	return t, text
}

// keep keeps a token. What goes for it goes in the order of the map: a receiver
// that asks for more than there is room for, again and again, finds a part of it.
func (k *signedTokens) keep(tenant membership.ID, t *tenantTokens, of tokenDigest, token keptToken) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tenants[tenant] != t { // it had to go meanwhile
		return
	}
	k.drop(t, of)
	for other := range t.kept {
		if t.bytes+len(token.text) <= maxTenantTokens {
			break
		}
		k.drop(t, other)
	}
	t.kept[of] = token
	t.bytes += len(token.text)
	k.bytes += len(token.text)
	for id, other := range k.tenants {
		if k.bytes <= maxKeptTokens {
			break
		}
		if other != t {
			k.bytes -= other.bytes
			delete(k.tenants, id)
		}
	}
}

func (k *signedTokens) drop(t *tenantTokens, of tokenDigest) {
	n := len(t.kept[of].text)
	t.bytes -= n
	k.bytes -= n
	delete(t.kept, of)
}
