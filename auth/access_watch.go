package auth

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// accessEvery is how often the store is asked what has changed: with the time of
	// the question, a change on another server is noticed within a second.
	accessEvery = 500 * time.Millisecond
	// accessTimeout bounds one question. Who cannot ask believes what it keeps for
	// no longer than cacheLife and setLife.
	accessTimeout = 2 * time.Second
	// accessBatch is how many tenants one statement asks about.
	accessBatch = 1000
	// maxSeen bounds the tenants whose version is remembered.
	maxSeen = 50_000
)

// AccessVersion grows whenever something changes that decides who may do what in a
// tenant: its credentials, connections, issuers and policies.
type AccessVersion struct {
	Tenant  membership.ID
	Version int64
}

// AccessVersions reads versions.
type AccessVersions interface {
	// AccessVersions reads those of several tenants in one statement. Tenants that
	// there are not are left out.
	AccessVersions(ctx context.Context, tenants []membership.ID) ([]AccessVersion, error)
}

// accessCache keeps something that an AccessVersion is of.
type accessCache interface {
	// keeps adds the tenants of which something is kept that would still be believed.
	keeps(tenants map[membership.ID]struct{})
	// forgetTenants makes the next use of what is kept of them ask the store.
	forgetTenants(tenants map[membership.ID]struct{})
}

// AccessWatch makes a server notice what others, and the command line, have changed.
type AccessWatch struct {
	store  AccessVersions
	caches []accessCache
	// seen has the last version of tenants of which something was kept at a look. What
	// is kept of a tenant that is not in it may be older than its version; of the
	// others, everything was read since the version was first seen, or is forgotten.
	seen map[membership.ID]int64
}

// NewAccessWatch returns a watch over what a verifier, JWTs and a policy keep.
func NewAccessWatch(store AccessVersions, v *Verifier, j *JWTs, p Policy) *AccessWatch {
	w := &AccessWatch{store: store, caches: []accessCache{v, j.issuers}, seen: map[membership.ID]int64{}}
	if p.own != nil {
		w.caches = append(w.caches, p.own)
	}
	return w
}

// Run looks until ctx ends.
func (w *AccessWatch) Run(ctx context.Context) {
	tick := time.NewTicker(accessEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.look(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// look asks for the versions of the tenants that something is kept of, and forgets what
// is older. What fails is for the next look.
func (w *AccessWatch) look(ctx context.Context) {
	kept := map[membership.ID]struct{}{}
	for _, c := range w.caches {
		c.keeps(kept)
	}
	tenants := make([]membership.ID, 0, len(kept))
	for id := range kept {
		tenants = append(tenants, id)
	}
	if len(w.seen)+len(tenants) > maxSeen {
		clear(w.seen)
	}
	changed := map[membership.ID]struct{}{}
	for batch := range slices.Chunk(tenants, accessBatch) {
		ask, cancel := context.WithTimeout(ctx, accessTimeout)
		versions, err := w.store.AccessVersions(ask, batch)
		cancel()
		if err != nil {
			continue
		}
		for _, v := range versions {
			if before, known := w.seen[v.Tenant]; !known || before != v.Version {
				changed[v.Tenant] = struct{}{}
				w.seen[v.Tenant] = v.Version
			}
		}
	}
	if len(changed) == 0 {
		return
	}
	for _, c := range w.caches {
		c.forgetTenants(changed)
	}
}
