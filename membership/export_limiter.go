package membership

import (
	"context"
	"sync"
	"time"
)

// How many reports are made at a time, and how many a tenant has under way,
// those that wait for their receivers among them.
const (
	maxReports       = 2
	maxTenantReports = 2
)

// exportTimeout is how long a report waits until it may be read from the store.
const exportTimeout = 30 * time.Second

// exportLimiter bounds the reports of one process. One tenant makes one at a time,
// so that two tenants never wait for a third for longer than the store takes to
// read a report.
type exportLimiter struct {
	making chan struct{} // has an element for each that is read from the store

	mu      sync.Mutex
	tenants map[ID]*tenantExports
}

type tenantExports struct {
	underWay int
	making   chan struct{}
}

func newExportLimiter() *exportLimiter {
	return &exportLimiter{making: make(chan struct{}, maxReports), tenants: map[ID]*tenantExports{}}
}

func exportsBusy() error {
	e := errorf(KindUnavailable, "other reports are being made: try again")
	e.RetryAfter = time.Second
	return e
}

// begin admits a report of a tenant; end is called when its receiver has it.
func (l *exportLimiter) begin(tenant ID) (t *tenantExports, end func(), err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t = l.tenants[tenant]; t == nil {
		t = &tenantExports{making: make(chan struct{}, 1)}
		l.tenants[tenant] = t
	}
	if t.underWay == maxTenantReports {
		return nil, nil, exportsBusy()
	}
	t.underWay++
	return t, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if t.underWay--; t.underWay == 0 {
			delete(l.tenants, tenant)
		}
	}, nil
}

// acquire waits until a report may be read from the store; done ends that.
func (l *exportLimiter) acquire(ctx context.Context, t *tenantExports) (done func(), err error) {
	timeout := time.NewTimer(exportTimeout)
	defer timeout.Stop()
	for _, c := range []chan struct{}{t.making, l.making} {
		select {
		case c <- struct{}{}:
			continue
		case <-timeout.C:
			err = exportsBusy()
		case <-ctx.Done():
			err = ctx.Err()
		}
		if c == l.making {
			<-t.making
		}
		return nil, err
	}
	return func() { <-l.making; <-t.making }, nil
}
