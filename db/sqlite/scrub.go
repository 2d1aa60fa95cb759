package sqlite

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
)

// A checkpoint that empties the log waits for those who read an older state of the
// file, and others cannot write meanwhile: it is tried for a moment at a time.
const (
	scrubTimeout = 5 * time.Second
	scrubWait    = 100 * time.Millisecond
	scrubPause   = 50 * time.Millisecond
)

// Scrub implements engine.Engine. What was deleted is overwritten in the file as soon
// as the log is written back to it, and in the log as soon as that is empty.
func (e *Engine) Scrub(ctx context.Context) error {
	for end := time.Now().Add(scrubTimeout); ; {
		emptied, err := e.emptyLog(ctx)
		switch {
		case err != nil, emptied:
			return err
		case time.Now().After(end):
			return engine.ErrBusy
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(scrubPause):
		}
	}
}

func (e *Engine) emptyLog(ctx context.Context) (emptied bool, err error) {
	c, err := e.write.take(ctx)
	if err != nil {
		return false, err
	}
	defer e.write.put(c)
	c.SetBusyTimeout(scrubWait)
	defer c.SetBusyTimeout(busyTimeout)
	rs, err := c.query("pragma wal_checkpoint(truncate)", nil)
	if err != nil {
		return false, err
	}
	defer rs.Close()
	busy := int64(1)
	_, err = engine.ReadOne(rs, []any{&busy, new(int64), new(int64)})
	return busy == 0, err
}
