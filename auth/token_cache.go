package auth

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// cacheLife bounds for how long this replica believes in a token that another
	// one has revoked, when AccessWatch cannot ask: five seconds, less what a slow
	// read takes.
	cacheLife = 4 * time.Second
	// cacheSize bounds the memory; a token takes a few KiB at most.
	cacheSize = 10_000
)

// tokenHash is the SHA-256 of a token's whole text form.
type tokenHash [sha256.Size]byte

// cache keeps tokens that were verified a moment ago. Only valid tokens
// get in, so a caller without one can neither fill it nor evict anything.
type cache struct {
	mu      sync.RWMutex
	entries map[tokenHash]cached
	changes int // how often forget was called
}

type cached struct {
	token Token
	until time.Time
}

func (c *cache) get(key tokenHash, now time.Time) (Token, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.entries[key]
	if !ok || !now.Before(e.until) {
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

func (c *cache) put(key tokenHash, t Token, readAt time.Time, changes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if changes != c.changes {
		return
	}
	if c.entries == nil {
		c.entries = make(map[tokenHash]cached)
	}
	if len(c.entries) >= cacheSize {
		c.evict(readAt)
	}
	c.entries[key] = cached{token: t, until: readAt.Add(cacheLife)}
}

// evict drops what is too old, and whatever else until a quarter is free: it
// is read again on its next use.
func (c *cache) evict(now time.Time) {
	for key, e := range c.entries {
		if !now.Before(e.until) {
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

// keeps adds the tenants of the tokens that are still believed.
func (c *cache) keeps(now time.Time, tenants map[membership.ID]struct{}) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, e := range c.entries {
		if now.Before(e.until) {
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
