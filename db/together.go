package db

import (
	"context"
	"time"
)

// togetherTimeout is for a database that stopped answering: nobody's own
// patience ends what is shared.
const togetherTimeout = 30 * time.Second

// together takes what fits and carries it out: all at once, each with an error of
// its own; or one by one, if it is only one or if nothing could be written of
// them together. Whatever was wrong is one's own then.
func (b *batch[T]) together(
	fits func(T) bool, all func(context.Context, []T) ([]error, error), one func(context.Context, T) error,
) {
	var ts []*ticket[T]
	var works []T
	for t := b.next(fits); t != nil; t = b.next(fits) {
		ts, works = append(ts, t), append(works, t.work)
	}
	if len(ts) > 1 {
		// What others wait for is not given up when one of them does.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ts[0].ctx), togetherTimeout)
		defer cancel()
		if errs, err := all(ctx, works); err == nil {
			for i, t := range ts {
				t.err = errs[i]
			}
			return
		}
	}
	for _, t := range ts {
		t.err = one(t.ctx, t.work)
	}
}
