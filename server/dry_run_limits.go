package server

import (
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// How many dry runs are under way: each holds the writer of the embedded store.
const (
	maxDryRuns       = 2
	maxTenantDryRuns = 1
)

// dryRunLimits bound the dry runs of one server.
type dryRunLimits struct {
	mu      sync.Mutex
	all     int
	tenants map[membership.ID]int
}

// enter admits a dry run of a tenant, or says that it has to wait; leave ends it.
func (l *dryRunLimits) enter(tenant membership.ID) (leave func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= maxDryRuns || l.tenants[tenant] >= maxTenantDryRuns {
		return nil, &membership.Error{
			Kind: membership.KindRateLimited, RetryAfter: time.Second,
			Message: "another dry run is under way: try again when it has ended",
		}
	}
	l.all++
	l.tenants[tenant]++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.all--
		if l.tenants[tenant]--; l.tenants[tenant] == 0 {
			delete(l.tenants, tenant)
		}
	}, nil
}
