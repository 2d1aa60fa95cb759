package sqlite

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
)

// pool holds open connections, each with its prepared statements. The
// one that was used last is used first: few callers keep few page caches warm.
type pool struct {
	begin  string
	slots  chan struct{}
	tracer engine.Tracer // of commits; nil: none

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func newPool(f file, size int, begin string, pragmas ...string) (*pool, error) {
	p := &pool{begin: begin, slots: make(chan struct{}, size)}
	for range size {
		c, err := openConn(f, pragmas...)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open %s: %w", f.path, err), p.close())
		}
		p.idle = append(p.idle, c)
	}
	return p, nil
}

// close ends the connections, those in use when they come back.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var err error
	for _, c := range p.idle {
		err = errors.Join(err, c.Close())
	}
	p.idle = nil
	return err
}

func (p *pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	default:
		if err := p.wait(ctx); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		<-p.slots
		return nil, errors.New("the store is closed")
	}
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c, nil
}

func (p *pool) wait(ctx context.Context) error {
	late := time.NewTimer(engine.WaitTimeout)
	defer late.Stop()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return engine.ErrBusy
	}
}

func (p *pool) put(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = c.Close()
	} else {
		p.idle = append(p.idle, c)
	}
	<-p.slots
}

// readAtOnce runs queries that take so little time that the end of ctx interrupts
// none of them. One alone is a snapshot by itself.
func (p *pool) readAtOnce(ctx context.Context, qs []engine.Query) error {
	c, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer p.put(c)
	if len(qs) == 1 {
		return engine.QueryInOrder(ctx, c, qs)
	}
	defer c.rollback()
	if err := c.run(p.begin); err != nil {
		return err
	}
	if err := engine.QueryInOrder(ctx, c, qs); err != nil {
		return err
	}
	return c.run("commit")
}

func (p *pool) transact(ctx context.Context, fn func(*conn) error) error {
	c, err := p.take(ctx)
	if err != nil {
		return err
	}
	defer p.put(c)
	c.watch(ctx)
	done := false
	// Also when fn panics, or when the context ended: the connection goes back
	// without a transaction.
	defer func() {
		if !done {
			c.unwatch()
			c.rollback()
		}
	}()
	if err := c.run(p.begin); err != nil {
		return err
	}
	if err := fn(c); err != nil {
		return err
	}
	// From here on the answer is the commit's, even if the caller gives up.
	c.unwatch()
	end := engine.Span(ctx, p.tracer, "commit")
	err = c.run("commit")
	end(err)
	done = err == nil
	return err
}
