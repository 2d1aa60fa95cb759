package db

import (
	"context"
	"errors"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// What one transaction takes at most: more would only let those wait who came
// first.
const (
	maxShared     = 256
	maxSharedTime = 10 * time.Millisecond
)

// sqliteWrite is what a request writes.
type sqliteWrite struct {
	fn func(querier) error
	// undoes: fn may fail after it has written, and what it wrote has to be
	// undone without the others' writes.
	undoes bool
}

// writeTogether is one transaction of everything that waits. Each write is
// answered for itself: one that fails leaves the others alone.
func (e *sqliteEngine) writeTogether(b *batch[sqliteWrite]) {
	begun := time.Now()
	n := 0
	next := func() *ticket[sqliteWrite] {
		return b.next(func(sqliteWrite) bool {
			n++
			return n <= maxShared && time.Since(begun) < maxSharedTime
		})
	}
	first := next()
	if first == nil { // it gave up
		return
	}
	// What others wait for is not given up when one of them does.
	ctx := context.WithoutCancel(first.ctx)
	var breaker *ticket[sqliteWrite] // who ended it for all
	err := e.write.transact(ctx, func(q querier) error {
		shared := standings{}
		for t := first; t != nil; t = next() {
			if err := writeOne(ctx, q, shared, t); err != nil {
				breaker = t
				return err
			}
		}
		return shared.write(ctx, q)
	})
	if err == nil {
		return
	}
	// Who was refused may have been so for what others wrote, which is lost: only
	// the one who broke it, and those who gave up, have an answer of their own.
	for _, t := range b.taken {
		if t.err == nil || t != breaker && t.ctx.Err() == nil {
			t.err = err
		}
	}
}

// writeMembers is a change of members as a transaction of its own, or as part of
// one.
func (e *sqliteEngine) writeMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	const small = 1000
	w := &memberWrite{change: c}
	err := e.writers.do(ctx, sqliteWrite{
		fn: func(q querier) error { return e.writeOneChange(ctx, q, w) },
		// It refuses before it writes. Only what takes long can be given up later.
		undoes: len(c.Open)+len(c.Close) > small,
	})
	return w.result, err
}

func (e *sqliteEngine) writeOneChange(ctx context.Context, q querier, w *memberWrite) (err error) {
	change := func(_ context.Context, s *session, _ []*memberWrite) ([]error, error) {
		w.result, err = e.changeMembers(ctx, s.querier, w.change)
		return []error{nil}, err
	}
	s := &session{querier: q, engine: e, tenant: w.change.Call.Tenant}
	if w.change.Judge == nil {
		_, err = change(ctx, s, nil)
		return err
	}
	errs, err := writeJudged(ctx, s, []*memberWrite{w}, change)
	if err != nil {
		return err
	}
	return errs[0]
}

// writeOne carries out one write and sets its answer. Its own error means that
// the whole transaction is lost.
func writeOne(ctx context.Context, q querier, shared standings, t *ticket[sqliteWrite]) error {
	if !t.work.undoes {
		carryOut(t, patient{querier: q, ctx: ctx, standings: shared})
		var refused *membership.Error
		if t.panic == nil && (t.err == nil || errors.As(t.err, &refused)) {
			return nil
		}
		return errNeighbour
	}
	if err := shared.write(ctx, q); err != nil {
		return err
	}
	if _, err := q.exec(ctx, "savepoint one"); err != nil {
		return err
	}
	carryOut(t, patient{querier: q, ctx: t.ctx})
	if t.err != nil || t.panic != nil {
		// This fails when the engine has rolled back everything by itself, as it
		// does for a full disk.
		if _, err := q.exec(ctx, "rollback to one"); err != nil {
			return errors.Join(errNeighbour, err)
		}
	}
	_, err := q.exec(ctx, "release one")
	return err
}

// carryOut runs the write in the leader's goroutine. A panic is the owner's.
func carryOut(t *ticket[sqliteWrite], q querier) {
	defer func() { t.panic = recover() }()
	t.err = t.work.fn(q)
}

// patient is the connection for one of those who share it: their contexts end
// what they do between two statements and never interrupt one, because SQLite
// would roll back the others' writes as well.
type patient struct {
	querier
	ctx       context.Context //nolint:containedctx // of the request that writes
	standings standings       // nil: versions are written where they are raised
}

func (p patient) query(ctx context.Context, q string, args ...any) (rows, error) {
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	return p.querier.query(context.WithoutCancel(ctx), q, args...)
}

func (p patient) exec(ctx context.Context, q string, args ...any) (int64, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.querier.exec(context.WithoutCancel(ctx), q, args...)
}
