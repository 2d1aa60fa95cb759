package auth

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// policyLife is how long a tenant's policies are used without asking whether
// they are still the same: as long as a change on another replica stays unseen.
const policyLife = 2 * time.Second

// How much the cache holds, of all tenants together. Compiled policies take
// about twenty times the memory of their text.
const (
	maxCachedTenants = 10_000
	maxCachedBytes   = 16 << 20
)

// policyCache holds tenants' policies compiled.
type policyCache struct {
	store PolicyStore
	clock membership.Clock

	mu      sync.RWMutex // of everything below, and of what the entries hold
	tenants map[membership.ID]*tenantPolicies
	bytes   int // the sizes of all sets
}

// tenantPolicies is the entry of one tenant.
type tenantPolicies struct {
	asking sync.Mutex // held by whoever asks the store; taken before mu

	set     *policySet // nil: not read yet
	checked time.Time  // when it was the tenant's
	// changes counts the calls of expire: what was read before one of them is
	// asked for again.
	changes int
}

func newPolicyCache(store PolicyStore, clock membership.Clock) *policyCache {
	return &policyCache{store: store, clock: clock, tenants: make(map[membership.ID]*tenantPolicies)}
}

// current returns a set that was the tenant's within policyLife. When that is
// over, one caller asks the store and the others use the old set meanwhile, for
// as long again.
func (c *policyCache) current(ctx context.Context, tenant membership.ID) (*policySet, error) {
	t := c.entry(tenant)
	if set := c.within(t, policyLife); set != nil {
		return set, nil
	}
	if !t.asking.TryLock() {
		if set := c.within(t, 2*policyLife); set != nil {
			return set, nil
		}
		t.asking.Lock()
		if set := c.within(t, policyLife); set != nil { // that of whoever asked before
			t.asking.Unlock()
			return set, nil
		}
	}
	defer t.asking.Unlock()
	return c.ask(ctx, tenant, t)
}

// held returns what current returned a moment ago, without asking the store.
func (c *policyCache) held(tenant membership.ID) (*policySet, error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if t := c.tenants[tenant]; t != nil && t.set != nil {
		return t.set, nil
	}
	return nil, &membership.Error{Kind: membership.KindUnavailable, Message: "the policies are being read: try again"}
}

func (c *policyCache) entry(tenant membership.ID) *tenantPolicies {
	c.mu.RLock()
	t := c.tenants[tenant]
	c.mu.RUnlock()
	if t != nil {
		return t
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if t = c.tenants[tenant]; t == nil {
		t = &tenantPolicies{}
		c.tenants[tenant] = t
	}
	return t
}

// within returns the set of an entry if it was the tenant's so lately.
func (c *policyCache) within(t *tenantPolicies, life time.Duration) *policySet {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if age := c.clock().Sub(t.checked); 0 <= age && age < life {
		return t.set
	}
	return nil
}

// ask asks the store: for the version when there is an old set, and for the
// policies unless it is still theirs.
func (c *policyCache) ask(ctx context.Context, tenant membership.ID, t *tenantPolicies) (*policySet, error) {
	c.mu.RLock()
	set, changes := t.set, t.changes
	c.mu.RUnlock()
	at := c.clock()
	if set != nil {
		version, err := c.store.PolicyVersion(ctx, tenant)
		if err != nil {
			return nil, fmt.Errorf("find the version of the policies: %w", err)
		}
		if version == set.version {
			c.keep(tenant, t, set, changes, at)
			return set, nil
		}
	}
	own, version, err := c.store.Policies(ctx, tenant)
	if err != nil {
		return nil, fmt.Errorf("find the policies: %w", err)
	}
	set = compile(own, version)
	c.keep(tenant, t, set, changes, at)
	return set, nil
}

func (c *policyCache) keep(tenant membership.ID, t *tenantPolicies, set *policySet, changes int, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tenants[tenant] != t { // it had to go meanwhile
		return
	}
	if t.set != nil {
		c.bytes -= t.set.size
	}
	c.bytes += set.size
	t.set = set
	if t.changes == changes {
		t.checked = at
	}
	c.makeRoom(tenant)
}

// makeRoom drops whoever is in the way, but for one: the order of a map is as
// good as any other.
func (c *policyCache) makeRoom(keep membership.ID) {
	for tenant, t := range c.tenants {
		tooMany, tooLarge := len(c.tenants) > maxCachedTenants, c.bytes > maxCachedBytes
		if !tooMany && !tooLarge {
			return
		}
		size := 0
		if t.set != nil {
			size = t.set.size
		}
		if tenant == keep || !tooMany && size == 0 {
			continue
		}
		c.bytes -= size
		delete(c.tenants, tenant)
	}
}

// expire makes the next question ask the store.
func (c *policyCache) expire(tenant membership.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tenants[tenant]; t != nil {
		t.changes++
		t.checked = time.Time{}
	}
}
