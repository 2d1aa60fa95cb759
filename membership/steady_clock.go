package membership

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// steadyClock is a monotonic clock: it gives no time before one that it gave, or that
// it saw written. While the clock of the machine is behind, as after it was set back,
// time does not advance.
type steadyClock struct {
	machine Clock
	latest  atomic.Int64 // in microseconds

	mu     sync.RWMutex
	looked map[ID]bool // the tenants of which it is known what is written
}

func newSteadyClock(machine Clock) *steadyClock {
	return &steadyClock{machine: machine, looked: map[ID]bool{}}
}

// Now returns the time, in whole microseconds, UTC.
func (c *steadyClock) Now() time.Time { return c.saw(c.machine.Now()) }

// saw takes note of a time that was written, and returns the latest of all.
func (c *steadyClock) saw(at time.Time) time.Time {
	t := at.UnixMicro()
	for {
		was := c.latest.Load()
		if t <= was {
			return time.UnixMicro(was).UTC()
		}
		if c.latest.CompareAndSwap(was, t) {
			return at
		}
	}
}

// look sees what is written in a tenant, once for each: before this process
// began, or by another server, the clock may have been ahead.
func (c *steadyClock) look(ctx context.Context, store Store, tenant ID) error {
	c.mu.RLock()
	looked := c.looked[tenant]
	c.mu.RUnlock()
	if looked {
		return nil
	}
	err := store.Read(ctx, tenant, func(r Reader) error {
		at, err := r.LastWritten(ctx)
		if err == nil && !at.IsZero() {
			c.saw(at)
		}
		return err
	})
	if err == nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.looked[tenant] = true
	}
	return err
}
