package auth

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// setLife is how long what a tenant has set is used without refreshing whether it
// is still the same, while AccessWatch finds it unchanged.
const setLife = 2 * time.Second

// The bounds of one cache, for all tenants. Compiled policies take
// about twenty times the memory of their text.
const (
	maxCachedTenants = 10_000
	maxCachedBytes   = 16 << 20
)

// setCache holds what tenants have set, such as their policies, compiled. Each
// set has a version, which grows with every change.
type setCache[S any] struct {
	lastLook

	source setSource[S]
	clock  membership.Clock

	mu      sync.RWMutex // of everything below, and of what the entries hold
	tenants map[membership.ID]*tenantSet[S]
	bytes   int // the sizes of all sets
}

// setSource is where sets come from.
type setSource[S any] struct {
	what    string // for errors, such as "policies"
	version func(ctx context.Context, tenant membership.ID) (int64, error)
	// read returns a tenant's set, its version, and its size in bytes.
	read func(ctx context.Context, tenant membership.ID) (set *S, version int64, size int, err error)
	// skip, unless nil, says which sets are not worth caching.
	skip func(*S) bool
}

// tenantSet is the entry of one tenant.
type tenantSet[S any] struct {
	refreshing sync.Mutex // locked while reading the store; taken before mu

	set     *S // nil: not read yet
	version int64
	size    int
	checked time.Time // when it was the tenant's
	kept    time.Time // when that was noted
	// changes counts the calls of expire: what was read before one of them is
	// asked for again.
	changes int
}

func newSetCache[S any](source setSource[S], clock membership.Clock) *setCache[S] {
	return &setCache[S]{source: source, clock: clock, tenants: make(map[membership.ID]*tenantSet[S])}
}

// current returns a set that was the tenant's within accessLife. When it was read longer
// ago than setLife, one caller asks the store and the others use the old set meanwhile,
// for as long again.
func (c *setCache[S]) current(ctx context.Context, tenant membership.ID) (*S, error) {
	t := c.entry(tenant)
	if set := c.within(t, setLife); set != nil {
		return set, nil
	}
	if !t.refreshing.TryLock() {
		if set := c.within(t, 2*setLife); set != nil {
			return set, nil
		}
		t.refreshing.Lock()
		if set := c.within(t, setLife); set != nil { // read while this one waited
			t.refreshing.Unlock()
			return set, nil
		}
	}
	defer t.refreshing.Unlock()
	return c.refresh(ctx, tenant, t)
}

// held returns what current returned a moment ago, without refreshing the store.
func (c *setCache[S]) held(tenant membership.ID) (*S, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if t := c.tenants[tenant]; t != nil && t.set != nil {
		return t.set, nil
	}
	return nil, &membership.Error{Kind: membership.KindUnavailable, Message: "the " + c.source.what +
		" are being read: try again"}
}

func (c *setCache[S]) entry(tenant membership.ID) *tenantSet[S] {
	c.mu.RLock()
	t := c.tenants[tenant]
	c.mu.RUnlock()
	if t != nil {
		return t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t = c.tenants[tenant]; t == nil {
		t = &tenantSet[S]{}
		c.tenants[tenant] = t
	}
	return t
}

// within returns the set of an entry if it was the tenant's so lately.
func (c *setCache[S]) within(t *tenantSet[S], life time.Duration) *S {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.clock()
	if age := now.Sub(t.checked); 0 <= age && age < life && c.believes(t.checked, t.kept, now) {
		return t.set
	}
	return nil
}

// refresh asks the store: for the version when there is an old set, and for the
// set unless it is still the tenant's.
func (c *setCache[S]) refresh(ctx context.Context, tenant membership.ID, t *tenantSet[S]) (*S, error) {
	c.mu.RLock()
	read := reading[S]{set: t.set, version: t.version, size: t.size, changes: t.changes, at: c.clock()}
	c.mu.RUnlock()
	if read.set != nil {
		version, err := c.source.version(ctx, tenant)
		if err != nil {
			return nil, fmt.Errorf("find the version of the %s: %w", c.source.what, err)
		}
		if version == read.version {
			c.keep(tenant, t, read)
			return read.set, nil
		}
	}
	var err error
	if read.set, read.version, read.size, err = c.source.read(ctx, tenant); err != nil {
		c.dropUnread(tenant, t)
		return nil, fmt.Errorf("find the %s: %w", c.source.what, err)
	}
	c.keep(tenant, t, read)
	return read.set, nil
}

// dropUnread drops an entry that never had a set: while the store does not
// answer, callers must not be able to fill the cache.
func (c *setCache[S]) dropUnread(tenant membership.ID, t *tenantSet[S]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants[tenant] == t && t.set == nil {
		delete(c.tenants, tenant)
	}
}

// reading is a set as it was read at a time, after so many changes.
type reading[S any] struct {
	set     *S
	version int64
	size    int
	changes int
	at      time.Time
}

func (c *setCache[S]) keep(tenant membership.ID, t *tenantSet[S], read reading[S]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants[tenant] != t { // it had to go meanwhile
		return
	}
	if c.source.skip != nil && c.source.skip(read.set) {
		c.bytes -= t.size
		delete(c.tenants, tenant)
		return
	}
	c.bytes += read.size - t.size
	t.set, t.version, t.size = read.set, read.version, read.size
	if t.changes == read.changes {
		t.checked, t.kept = read.at, c.clock() // locked, so that a later look sees it
	}
	c.evict(tenant)
}

// evict drops tenants other than keep until the cache is within its bounds: random
// eviction, in the order of the map.
func (c *setCache[S]) evict(keep membership.ID) {
	for tenant, t := range c.tenants {
		tooMany, tooLarge := len(c.tenants) > maxCachedTenants, c.bytes > maxCachedBytes
		if !tooMany && !tooLarge {
			return
		}
		if tenant == keep || !tooMany && t.size == 0 {
			continue
		}
		c.bytes -= t.size
		delete(c.tenants, tenant)
	}
}

// expire makes the next question ask the store.
func (c *setCache[S]) expire(tenant membership.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tenants[tenant]; t != nil {
		t.changes++
		t.checked = time.Time{}
	}
}

// keeps adds the tenants whose set is used without asking.
func (c *setCache[S]) keeps(tenants map[membership.ID]struct{}) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	now := c.clock()
	for id, t := range c.tenants {
		if age := now.Sub(t.checked); t.set != nil && 0 <= age && age < 2*setLife {
			tenants[id] = struct{}{}
		}
	}
}

func (c *setCache[S]) forgetTenants(tenants map[membership.ID]struct{}) {
	for id := range tenants {
		c.expire(id)
	}
}
