package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// cacheLife is when a token is read again that AccessWatch finds unchanged: somebody may
	// have changed it past the program.
	cacheLife = 4 * time.Second
	// cacheSize bounds the memory; a token takes a few KiB at most.
	cacheSize = 10_000
)

// tokenHash is the SHA-256 of a token's whole text form.
type tokenHash [sha256.Size]byte

// cache keeps tokens that were verified a moment ago. Only valid tokens
// get in, so a caller without one can neither fill it nor evict anything.
type cache struct {
	lastLook

	mu      sync.RWMutex
	entries map[tokenHash]cached
	changes int // how often forget was called
}

type cached struct {
	token      Token
	read, kept time.Time
}

func (e *cached) old(now time.Time) bool { return now.Sub(e.read) >= cacheLife }

func (c *cache) get(key tokenHash, now time.Time) (Token, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[key]
	if !ok || e.old(now) || !c.believes(e.read, e.kept, now) {
		return Token{}, false
	}
	return e.token, true
}

// known: the token was good the last time, however long ago that is.
func (c *cache) known(key tokenHash) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_, ok := c.entries[key]
	return ok
}

// reading is to be called before a token is read from the store; put drops what
// was read before a change.
func (c *cache) reading() (changes int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.changes
}

func (c *cache) put(key tokenHash, t Token, read time.Time, changes int, clock membership.Clock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return
	}
	if c.entries == nil {
		c.entries = make(map[tokenHash]cached)
	}
	if len(c.entries) >= cacheSize {
		c.evict(read)
	}
	c.entries[key] = cached{token: t, read: read, kept: clock()} // locked, so that a later look sees it
}

// evict drops what is too old, and whatever else until a quarter is free: it
// is read again on its next use.
func (c *cache) evict(now time.Time) {
	for key, e := range c.entries {
		if e.old(now) {
			delete(c.entries, key)
		}
	}
	for key := range c.entries {
		if len(c.entries) <= cacheSize/4*3 {
			return
		}
		delete(c.entries, key)
	}
}

// keeps adds the tenants of the tokens that may still be believed.
func (c *cache) keeps(now time.Time, tenants map[membership.ID]struct{}) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, e := range c.entries {
		if !e.old(now) {
			tenants[e.token.Tenant] = struct{}{}
		}
	}
}

// forget drops the tokens that were changed.
func (c *cache) forget(changed func(Token) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for key, e := range c.entries {
		if changed(e.token) {
			delete(c.entries, key)
		}
	}
}
