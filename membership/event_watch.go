package membership

import (
	"context"
	"sync"
	"time"
)

const (
	// watchEvery is how soon a new event is noticed by those who wait for one, whatever
	// server it was written on.
	watchEvery = 250 * time.Millisecond
	// watchTimeout bounds one look.
	watchTimeout = 5 * time.Second
)

// EventWatch wakes those who wait for new events. All of them cost one statement each
// watchEvery, and nothing while they wait: no connection and no snapshot.
type EventWatch struct {
	store EventHeads
	stop  context.Context //nolint:containedctx // it is that of the watch, and ends all waiting
	end   context.CancelFunc
	loop  sync.WaitGroup

	mu      sync.Mutex
	waiting map[*eventWaiter]struct{}
	looking bool // there is a loop
	ended   bool
}

type eventWaiter struct {
	tenant ID
	after  int64
	found  chan struct{}
}

// NewEventWatch returns a watch over a store.
func NewEventWatch(store EventHeads) *EventWatch {
	w := &EventWatch{store: store, waiting: map[*eventWaiter]struct{}{}}
	w.stop, w.end = context.WithCancel(context.Background())
	return w
}

// Stop wakes all who wait. From then on there is no waiting: the server stops.
func (w *EventWatch) Stop() {
	w.mu.Lock()
	w.ended = true
	w.mu.Unlock()
	w.end()
	w.loop.Wait()
}

// Waiting is how many wait now.
func (w *EventWatch) Waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waiting)
}

// Wait returns true once a tenant has events after a number, or some without one, and
// false when ctx or the watch ends before.
func (w *EventWatch) Wait(ctx context.Context, tenant ID, after int64) bool {
	me := &eventWaiter{tenant, after, make(chan struct{})}
	if !w.enter(me) {
		return false
	}
	defer w.leave(me)
	select {
	case <-me.found:
		return true
	case <-ctx.Done():
	case <-w.stop.Done():
	}
	return false
}

// Pause waits for a time. It returns false when ctx or the watch ends before.
func (w *EventWatch) Pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-w.stop.Done():
	}
	return false
}

// enter adds who waits. The first one begins the loop, which ends when it finds that
// there is no one left.
func (w *EventWatch) enter(me *eventWaiter) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return false
	}
	w.waiting[me] = struct{}{}
	if !w.looking {
		w.looking = true
		w.loop.Go(w.look)
	}
	return true
}

func (w *EventWatch) leave(me *eventWaiter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, me)
}

func (w *EventWatch) look() {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
		case <-w.stop.Done():
			return
		}
		tenants := w.tenants()
		if len(tenants) == 0 {
			return
		}
		ctx, cancel := context.WithTimeout(w.stop, watchTimeout)
		heads, err := w.store.EventHeads(ctx, tenants)
		cancel()
		if err == nil { // else the next look tells, or the time of those who wait is over
			w.wake(heads)
		}
	}
}

// tenants are those that someone waits for; with none the loop ends.
func (w *EventWatch) tenants() (tenants []ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := map[ID]bool{}
	for me := range w.waiting {
		if !seen[me.tenant] {
			seen[me.tenant] = true
			tenants = append(tenants, me.tenant)
		}
	}
	w.looking = len(tenants) > 0
	return tenants
}

func (w *EventWatch) wake(heads []EventHead) {
	at := make(map[ID]EventHead, len(heads))
	for _, h := range heads {
		at[h.Tenant] = h
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for me := range w.waiting {
		if h := at[me.tenant]; h.Pending || h.Number > me.after {
			delete(w.waiting, me)
			close(me.found)
		}
	}
}
