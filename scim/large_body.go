package scim

import (
	"context"
	"io"
	"time"

	"golang.org/x/sync/semaphore"
)

const (
	// largeAtOnce is how many bodies of the largest size are read at once: what is
	// stored of a list of members takes several times the memory of its text.
	largeAtOnce = 4
	// largeStep is how much of a body is counted at a time. What is shorter does
	// not count.
	largeStep = 1 << 20
	// largeWait is for how long a request waits for others to end.
	largeWait = 10 * time.Second
)

// largeBody counts a body while it comes in: who announces much and sends little
// holds no memory that another request needs.
type largeBody struct {
	io.Reader
	ctx   context.Context //nolint:containedctx // of the request
	room  *semaphore.Weighted
	taken int64 // of the room
	free  int64 // that may be read before more room is needed
	full  bool  // the request has waited once, and does not again
}

// Read implements io.Reader. It waits for room, and fails when there is none for
// long.
func (b *largeBody) Read(p []byte) (int, error) {
	if b.free <= 0 {
		ctx, cancel := context.WithTimeout(b.ctx, largeWait)
		defer cancel()
		if b.full = b.full || b.room.Acquire(ctx, largeStep) != nil; b.full {
			return 0, errUnavailable
		}
		b.taken += largeStep
		b.free += largeStep
	}
	n, err := b.Reader.Read(p)
	b.free -= int64(n)
	return n, err
}

// done is called when nothing of the body is held any more.
func (b *largeBody) done() { b.room.Release(b.taken) }
