package scim

import (
	"context"
	"time"
)

const (
	// largeAtOnce is how many bodies of the largest size are read at once: what is
	// kept of a list of members takes several times the memory of its text. Small
	// bodies do not count.
	largeAtOnce = 4
	// largePatience is for how long a request waits for others to end.
	largePatience = 10 * time.Second
)

// admitLarge waits until a large body may be read. The request lets the next
// one in when it ends.
func (x *exchange) admitLarge(size int64) error {
	if x.large == nil {
		return nil
	}
	size = min(size, x.largest)
	ctx, cancel := context.WithTimeout(x.ctx(), largePatience)
	defer cancel()
	if x.large.Acquire(ctx, size) != nil {
		return errUnavailable
	}
	x.admitted += size
	return nil
}

// done is called at the end of an exchange.
func (x *exchange) done() {
	if x.admitted > 0 {
		x.large.Release(x.admitted)
	}
}
