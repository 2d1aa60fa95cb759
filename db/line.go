package db

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
)

// maxWaiting bounds how many requests stand in one line.
const maxWaiting = 1024

// line lets requests that arrive while a transaction is under way go into the
// next one together. Whoever finds nobody at work leads at once, so that a lone
// caller waits for nobody; the others are taken in the order in which they came.
// Whoever led hands over to the first that waits: no goroutine belongs to a
// line, and an idle one is nothing.
type line[T any] struct {
	// run carries out what it takes from the batch, and answers each.
	run func(*batch[T])

	mu      sync.Mutex
	waiting []*ticket[T]
	busy    bool
}

// ticket is one request in a line.
type ticket[T any] struct {
	ctx   context.Context //nolint:containedctx // of the one request that it stands for
	work  T
	err   error
	panic any
	wake  chan bool // true: lead; false: it is done
}

// do waits for its turn and returns when the work was carried out, or when ctx
// ended before anybody began with it. Work that was begun is never abandoned.
func (l *line[T]) do(ctx context.Context, work T) error {
	t := &ticket[T]{ctx: ctx, work: work, wake: make(chan bool, 1)}
	lead, err := l.join(t)
	if err != nil {
		return err
	}
	if !lead {
		late := time.NewTimer(acquireTimeout)
		defer late.Stop()
		select {
		case lead = <-t.wake:
		case <-ctx.Done():
			if l.leave(t) {
				return ctx.Err()
			}
			lead = <-t.wake
		case <-late.C:
			if l.leave(t) {
				return errBusy
			}
			lead = <-t.wake
		}
	}
	if lead {
		l.lead(t)
	}
	if t.panic != nil {
		panic(t.panic)
	}
	return t.err
}

func (l *line[T]) join(t *ticket[T]) (lead bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.busy {
		l.busy = true
		return true, nil
	}
	if len(l.waiting) >= maxWaiting {
		return false, errBusy
	}
	l.waiting = append(l.waiting, t)
	return false, nil
}

// leave reports whether t still waited.
func (l *line[T]) leave(t *ticket[T]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == t {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return true
		}
	}
	return false
}

func (l *line[T]) lead(t *ticket[T]) {
	b := &batch[T]{line: l, first: t}
	defer func() {
		p := recover()
		for _, other := range b.taken {
			if p != nil && other.err == nil { // what was done of it is not known
				other.err = fmt.Errorf("the transaction panicked: %v", p)
			}
			if other != t {
				other.wake <- false
			}
		}
		// Last, and with a pause: whoever was woken last runs next on this
		// processor, and nobody writes until the new leader runs. Answers go out
		// meanwhile.
		if l.handOver() {
			runtime.Gosched()
		}
		if p != nil {
			panic(p)
		}
	}()
	l.run(b)
}

// handOver makes the first that waits the leader, if anybody waits.
func (l *line[T]) handOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 {
		l.busy, l.waiting = false, nil
		return false
	}
	next := l.waiting[0]
	l.waiting = l.waiting[1:]
	next.wake <- true
	return true
}

// batch is what one transaction takes from a line.
type batch[T any] struct {
	line  *line[T]
	first *ticket[T] // the leader's own; nil once it was taken
	taken []*ticket[T]
}

// next takes the one that stands first, if it fits; else it returns nil. Whoever
// has given up meanwhile is answered and passed over.
func (b *batch[T]) next(fits func(T) bool) *ticket[T] {
	for {
		t := b.pop(fits)
		if t == nil {
			return nil
		}
		b.taken = append(b.taken, t)
		if t.err = t.ctx.Err(); t.err == nil {
			return t
		}
	}
}

func (b *batch[T]) pop(fits func(T) bool) *ticket[T] {
	if t := b.first; t != nil {
		fits(t.work) // it may count
		b.first = nil
		return t
	}
	l := b.line
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting) == 0 || !fits(l.waiting[0].work) {
		return nil
	}
	t := l.waiting[0]
	l.waiting = l.waiting[1:]
	return t
}

// errNeighbour is the answer to a request whose shared transaction ended because
// of another: nothing of it was written, and it can be carried out again.
var errNeighbour = errors.New("the shared transaction was rolled back because of another request in it")

// lines are lines by what may share a transaction. A line exists while somebody
// is in it.
type lines[K comparable, T any] struct {
	run func(K, *batch[T])

	mu sync.Mutex
	of map[K]*usedLine[T]
}

type usedLine[T any] struct {
	line[T]
	users int
}

func (ls *lines[K, T]) do(ctx context.Context, key K, work T) error {
	l := ls.enter(key)
	defer ls.exit(key, l)
	return l.do(ctx, work)
}

func (ls *lines[K, T]) enter(key K) *usedLine[T] {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	l := ls.of[key]
	if l == nil {
		if ls.of == nil {
			ls.of = make(map[K]*usedLine[T])
		}
		l = &usedLine[T]{line: line[T]{run: func(b *batch[T]) { ls.run(key, b) }}}
		ls.of[key] = l
	}
	l.users++
	return l
}

func (ls *lines[K, T]) exit(key K, l *usedLine[T]) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(ls.of, key)
	}
}
