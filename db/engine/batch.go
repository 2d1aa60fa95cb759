package engine

import (
	"context"
	"time"
)

// Batch is what one transaction takes from a queue.
type Batch[T any] struct {
	Taken []*Request[T] // those to be answered, in their order

	queue *Queue[T]
	first *Request[T] // of the caller that runs the batch; nil once it was taken
}

// Next takes the first that waits, if it fits; else it returns nil. A request
// whose caller gave up meanwhile is answered and passed over.
func (b *Batch[T]) Next(fits func(T) bool) *Request[T] {
	for {
		r := b.take(fits)
		if r == nil {
			return nil
		}
		b.Taken = append(b.Taken, r)
		if r.Err = r.Ctx.Err(); r.Err == nil {
			return r
		}
	}
}

func (b *Batch[T]) take(fits func(T) bool) *Request[T] {
	if r := b.first; r != nil {
		fits(r.Work) // it may count
		b.first = nil
		return r
	}
	q := b.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 || !fits(q.waiting[0].Work) {
		return nil
	}
	r := q.waiting[0]
	q.waiting = q.waiting[1:]
	return r
}

// batchTimeout is for a database that stopped answering: the context of one
// caller does not end what is shared.
const batchTimeout = 30 * time.Second

// Execute takes the requests that fit and carries them out in one transaction, each
// with an error of its own; or one by one, if it is only one, or if the transaction
// failed. The error of one is its own then.
func (b *Batch[T]) Execute(
	fits func(T) bool, all func(context.Context, []T) ([]error, error), one func(context.Context, T) error,
) {
	var rs []*Request[T]
	var works []T
	for r := b.Next(fits); r != nil; r = b.Next(fits) {
		rs, works = append(rs, r), append(works, r.Work)
	}
	if len(rs) > 1 {
		// What others wait for is not given up when one of them does.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(rs[0].Ctx), batchTimeout)
		defer cancel()
		if errs, err := all(ctx, works); err == nil {
			for i, r := range rs {
				r.Err = errs[i]
			}
			return
		}
	}
	for _, r := range rs {
		r.Err = one(r.Ctx, r.Work)
	}
}
