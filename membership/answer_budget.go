package membership

import (
	"context"
	"math"
	"sync"
	"time"
)

// AnswerLimits bound the memory of answers that wait for their readers, in
// bytes.
type AnswerLimits struct {
	Tenant int64 // of one tenant; 64 MiB
	Total  int64 // of all; 256 MiB
}

const (
	// smallAnswer is what an answer may hold without being counted: the number
	// of requests at once bounds that.
	smallAnswer = 40 << 10
	// answerTimeout is how long a request waits for a part of the budget.
	answerTimeout = 2 * time.Second
	// maxAnswersWaiting bounds how many requests of one tenant wait for it.
	maxAnswersWaiting = 64
)

// answerBudget counts the bytes of answers that are held for their readers. A
// tenant gets a part as long as what it has then is no more than its limit, and no
// more than what then is left of the total: so the next one finds room,
// however many take what they can.
type answerBudget struct {
	limits AnswerLimits

	mu      sync.Mutex
	used    int64
	tenants map[ID]*tenantAnswers // those that hold or wait for something
}

type tenantAnswers struct {
	used    int64
	waiting int
	freed   chan struct{} // closed and made anew when something is given back; nil: none waits
}

func newAnswerBudget(l AnswerLimits) *answerBudget {
	if l.Tenant <= 0 {
		l.Tenant = 64 << 20
	}
	if l.Total <= 0 {
		l.Total = 256 << 20
	}
	return &answerBudget{limits: l, tenants: map[ID]*tenantAnswers{}}
}

func (b *answerBudget) of(tenant ID) *tenantAnswers {
	t := b.tenants[tenant]
	if t == nil {
		t = &tenantAnswers{}
		b.tenants[tenant] = t
	}
	return t
}

// forget drops a tenant that holds nothing and has no waiters.
func (b *answerBudget) forget(tenant ID, t *tenantAnswers) {
	if t.used == 0 && t.waiting == 0 {
		delete(b.tenants, tenant)
	}
}

// fits reports whether a tenant may have n more.
func (b *answerBudget) fits(t *tenantAnswers, n int64) bool {
	return t.used+n <= min(b.limits.Tenant, b.limits.Total-b.used-n)
}

func (b *answerBudget) grow(h *HeldAnswer, n int64, force bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.of(h.tenant)
	defer b.forget(h.tenant, t)
	if !force && !b.fits(t, n) {
		return false
	}
	h.size += n
	t.used += n
	b.used += n
	return true
}

func (b *answerBudget) shrink(h *HeldAnswer, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n = min(n, h.size); n <= 0 {
		return
	}
	h.size -= n
	b.of(h.tenant).used -= n
	b.used -= n
	// What one gives back can be what another waits for.
	for id, t := range b.tenants {
		if t.freed != nil {
			close(t.freed)
			t.freed = nil
		}
		b.forget(id, t)
	}
}

// wait returns when a tenant could have n, without taking it. Nothing may be held
// meanwhile but what is counted. Errors: KindUnavailable, or the context's.
func (b *answerBudget) wait(ctx context.Context, tenant ID, n int64, until time.Time) error {
	timeout := time.NewTimer(time.Until(until))
	defer timeout.Stop()
	for {
		freed, err := b.queue(tenant, n)
		if freed == nil {
			return err
		}
		select {
		case <-freed:
		case <-timeout.C:
			err = answersHeld()
		case <-ctx.Done():
			err = ctx.Err()
		}
		b.leave(tenant)
		if err != nil {
			return err
		}
	}
}

// queue joins those who wait; nil: it need not wait, or must not.
func (b *answerBudget) queue(tenant ID, n int64) (<-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.of(tenant)
	defer b.forget(tenant, t)
	switch {
	case b.fits(t, n):
		return nil, nil
	case n > min(b.limits.Tenant, b.limits.Total/2):
		return nil, errorf(KindTooMany, "the answer needs more memory than one tenant may hold: ask for less of it")
	case t.waiting >= maxAnswersWaiting:
		return nil, answersHeld()
	}
	t.waiting++
	if t.freed == nil {
		t.freed = make(chan struct{})
	}
	return t.freed, nil
}

func (b *answerBudget) leave(tenant ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.of(tenant)
	t.waiting--
	b.forget(tenant, t)
}

func answersHeld() error {
	e := errorf(KindUnavailable, "too many answers of this tenant wait for their readers: try again")
	e.RetryAfter = time.Second
	return e
}

// HeldAnswer is what one answer holds of the budget.
type HeldAnswer struct {
	budget *answerBudget
	tenant ID
	size   int64 // guarded by the budget's lock
	begun  bool  // something was counted: what is small takes no lock
}

// HoldAnswer begins to count an answer to a tenant. End gives back what it
// holds.
func (d *Directory) HoldAnswer(tenant ID) *HeldAnswer {
	return &HeldAnswer{budget: d.answers, tenant: tenant}
}

// Reserve counts size bytes more, or says that there is no room: KindUnavailable.
func (h *HeldAnswer) Reserve(size int64) error {
	if h.grow(size) {
		return nil
	}
	return answersHeld()
}

func (h *HeldAnswer) grow(size int64) bool {
	h.begun = true
	return h.budget.grow(h, size, false)
}

// Force is Reserve for what is there already and cannot be read again.
func (h *HeldAnswer) Force(size int64) {
	h.begun = true
	h.budget.grow(h, size, true)
}

// End gives back everything.
func (h *HeldAnswer) End() {
	if h.begun {
		h.shrink(math.MaxInt64)
	}
}

// halfUsed reports whether the tenant has more than half of what it may have: then
// no answer begins before it is certain that it can be finished.
func (h *HeldAnswer) halfUsed() bool {
	b := h.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	return 2*b.of(h.tenant).used > min(b.limits.Tenant, b.limits.Total-b.used)
}

// shrink gives back size bytes, or what there is.
func (h *HeldAnswer) shrink(size int64) { h.budget.shrink(h, size) }

// read runs fn, which reads on a snapshot and returns the bytes that it keeps of
// it, until they have their part of the budget. It waits for that between two
// snapshots, without any memory: drop frees what fn keeps. The error
// of an answer that got no room is KindUnavailable. What the answer held before is
// given back.
func (h *HeldAnswer) read(ctx context.Context, fn func() (size int64, err error), drop func()) error {
	until := time.Now().Add(answerTimeout)
	h.End()
	for {
		size, err := fn()
		if err != nil || size <= smallAnswer || h.grow(size) {
			return err
		}
		drop()
		if err := h.budget.wait(ctx, h.tenant, size, until); err != nil {
			return err
		}
	}
}
