package auth

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	// accessLife is how long something is believed that may have changed on another server:
	// since it was read, or since a look that found it unchanged began.
	accessLife = time.Second
	// accessEvery is how often the store is asked what has changed, so that a look has as
	// long again to end while the last one still counts.
	accessEvery = accessLife / 2
	// accessTimeout bounds one question. One that takes longer than accessLife is worth
	// something all the same: what has changed is forgotten.
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
	// keeps adds the tenants of which something is kept that may still be believed.
	keeps(tenants map[membership.ID]struct{})
	// forgetTenants makes the next use of what is kept of them ask the store.
	forgetTenants(tenants map[membership.ID]struct{})
	// unchanged says that what was kept at a time was so then, but for what is forgotten.
	unchanged(at time.Time)
}

// lastLook is the last look of an AccessWatch that could ask about everything.
type lastLook struct{ at atomic.Pointer[time.Time] }

func (l *lastLook) unchanged(at time.Time) { l.at.Store(&at) }

// believes reports whether something that was read, and then kept, can be believed now. A
// look says nothing of what was kept after it began.
func (l *lastLook) believes(read, kept, now time.Time) bool {
	if now.Sub(read) < accessLife {
		return true
	}
	at := l.at.Load()
	return at != nil && at.After(kept) && now.Sub(*at) < accessLife
}

// AccessWatch makes a server notice what others, and the command line, have changed.
type AccessWatch struct {
	store  AccessVersions
	clock  membership.Clock // of the caches
	caches []accessCache
	// seen has the last version of tenants of which something was kept at a look. What
	// is kept of a tenant that is not in it may be older than its version; of the
	// others, everything was read since the version was first seen, or is forgotten.
	seen map[membership.ID]int64
}

// NewAccessWatch returns a watch over what a verifier, JWTs and a policy keep.
func NewAccessWatch(store AccessVersions, v *Verifier, j *JWTs, p Policy) *AccessWatch {
	w := &AccessWatch{
		store: store, clock: v.clock, caches: []accessCache{v, j.issuers}, seen: map[membership.ID]int64{},
	}
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
	at, all := w.clock(), true
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
			all = false
			continue
		}
		for _, v := range versions {
			if before, known := w.seen[v.Tenant]; !known || before != v.Version {
				changed[v.Tenant] = struct{}{}
				w.seen[v.Tenant] = v.Version
			}
		}
	}
	for _, c := range w.caches {
		if len(changed) > 0 {
			c.forgetTenants(changed)
		}
		if all {
			c.unchanged(at)
		}
	}
}
