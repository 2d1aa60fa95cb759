package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// maxWaiting bounds how many requests wait in one queue.
const maxWaiting = 1024

// Queue is a group-commit queue. The first caller runs at once, so that one alone
// does not wait; those who arrive meanwhile form the next batch, in the order in
// which they came, and the first of them runs it. A queue has no goroutine of its
// own, and costs nothing while it is empty.
type Queue[T any] struct {
	// Run carries out what it takes from the batch, and answers each request.
	Run func(*Batch[T])

	mu      sync.Mutex
	waiting []*Request[T]
	running bool
}

// Request is one caller's work in a queue.
type Request[T any] struct {
	Ctx   context.Context //nolint:containedctx // of the caller
	Work  T
	Err   error // the answer
	Panic any   // what the work panicked with: its caller panics, no other

	wake chan bool // true: run the next batch; false: the work is done
}

// Do returns when the work was carried out, or when ctx ended before that began.
// Work that was begun is never abandoned. ErrBusy: it waited too long, or too
// many wait already.
func (q *Queue[T]) Do(ctx context.Context, work T) error {
	r := &Request[T]{Ctx: ctx, Work: work, wake: make(chan bool, 1)}
	runs, err := q.enter(r)
	if err != nil {
		return err
	}
	if !runs {
		late := time.NewTimer(WaitTimeout)
		defer late.Stop()
		select {
		case runs = <-r.wake:
		case <-ctx.Done():
			if q.leave(r) {
				return ctx.Err()
			}
			runs = <-r.wake
		case <-late.C:
			if q.leave(r) {
				return ErrBusy
			}
			runs = <-r.wake
		}
	}
	if runs {
		q.runBatch(r)
	}
	if r.Panic != nil {
		panic(r.Panic)
	}
	return r.Err
}

// Waiting counts the requests of the next batch.
func (q *Queue[T]) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// enter reports whether the caller runs a batch now, or adds it to those who wait.
func (q *Queue[T]) enter(r *Request[T]) (runs bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.running {
		q.running = true
		return true, nil
	}
	if len(q.waiting) >= maxWaiting {
		return false, ErrBusy
	}
	q.waiting = append(q.waiting, r)
	return false, nil
}

// leave reports whether r still waited.
func (q *Queue[T]) leave(r *Request[T]) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w == r {
			q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// runBatch runs a batch that begins with r, in the goroutine of its caller.
func (q *Queue[T]) runBatch(r *Request[T]) {
	b := &Batch[T]{queue: q, first: r}
	defer func() {
		p := recover()
		for _, taken := range b.Taken {
			if p != nil && taken.Err == nil { // what was done of it is not known
				taken.Err = fmt.Errorf("the transaction panicked: %v", p)
			}
			if taken != r {
				taken.wake <- false
			}
		}
		// Last, and with a pause: the goroutine that is woken last runs next on this
		// processor, and nothing is written until the next batch runs. Answers go out
		// meanwhile.
		if q.wakeNext() {
			runtime.Gosched()
		}
		if p != nil {
			panic(p)
		}
	}()
	q.Run(b)
}

// wakeNext lets the first that waits run the next batch, if one waits.
func (q *Queue[T]) wakeNext() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.running, q.waiting = false, nil
		return false
	}
	next := q.waiting[0]
	q.waiting = q.waiting[1:]
	next.wake <- true
	return true
}

// Queues are queues by what may share a transaction. A queue exists while it is
// used.
type Queues[K comparable, T any] struct {
	// Run is that of each queue.
	Run func(K, *Batch[T])

	mu sync.Mutex
	of map[K]*sharedQueue[T]
}

type sharedQueue[T any] struct {
	Queue[T]
	callers int
}

// Do is Queue.Do in the queue of a key.
func (qs *Queues[K, T]) Do(ctx context.Context, key K, work T) error {
	q := qs.enter(key)
	defer qs.leave(key, q)
	return q.Do(ctx, work)
}

// Len is how many queues there are.
func (qs *Queues[K, T]) Len() int {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	return len(qs.of)
}

// Waiting is Queue.Waiting of the queue of a key.
func (qs *Queues[K, T]) Waiting(key K) int {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if q := qs.of[key]; q != nil {
		return q.Waiting()
	}
	return 0
}

func (qs *Queues[K, T]) enter(key K) *sharedQueue[T] {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	q := qs.of[key]
	if q == nil {
		if qs.of == nil {
			qs.of = make(map[K]*sharedQueue[T])
		}
		q = &sharedQueue[T]{Queue: Queue[T]{Run: func(b *Batch[T]) { qs.Run(key, b) }}}
		qs.of[key] = q
	}
	q.callers++
	return q
}

func (qs *Queues[K, T]) leave(key K, q *sharedQueue[T]) {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	if q.callers--; q.callers == 0 {
		delete(qs.of, key)
	}
}
