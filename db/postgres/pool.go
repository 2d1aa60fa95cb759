package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db/engine"
)

// pool is a pool of connections with a bound on the wait for one, whose
// database is watched.
type pool struct {
	main    *pgxpool.Pool
	spare   *pgxpool.Pool // of one connection, for readiness
	slots   chan struct{} // holds a value for each connection in use, or refused lately
	conns   *openConns
	monitor *monitor
	citus   atomic.Bool // the database is one of the Citus extension
	log     *zap.Logger
	refused atomic.Int64 // when a refused connection was logged last, in seconds
}

// refusedPause is how long a connection that was refused is not asked for again.
const refusedPause = 10 * time.Second

func openPool(ctx context.Context, c *pgxpool.Config, log *zap.Logger) (*pool, error) {
	log = log.Named("database")
	p := &pool{conns: &openConns{}, slots: make(chan struct{}, c.MaxConns), log: log}
	c.ConnConfig.DialFunc = p.conns.dial(c.ConnConfig.DialFunc)
	p.monitor = newMonitor(c, p.conns, log)
	c.BeforeConnect = p.monitor.first
	c.AfterConnect = p.begin
	if c.ConnConfig.ValidateConnect == nil {
		c.ConnConfig.ValidateConnect = p.monitor.usable
	}
	var err error
	if p.main, err = pgxpool.NewWithConfig(ctx, c); err != nil {
		return nil, err
	}
	spare := c.Copy()
	spare.MaxConns, spare.MinConns, spare.MinIdleConns = 1, 0, 0
	if p.spare, err = pgxpool.NewWithConfig(ctx, spare); err != nil {
		p.main.Close()
		return nil, err
	}
	p.monitor.start(ctx, func() {
		p.main.Reset()
		p.spare.Reset()
	})
	return p, nil
}

func (p *pool) close() {
	p.monitor.close()
	p.spare.Close()
	p.main.Close()
}

// pooledConn is a connection in use. Release it.
type pooledConn struct {
	*pgxpool.Conn
	pool *pool
}

// acquire returns a connection, or an error when the database is away or none
// was free in time.
func (p *pool) acquire(ctx context.Context) (pooledConn, error) {
	if err := p.monitor.err(); err != nil {
		return pooledConn{}, err
	}
	var until time.Time
	for {
		select {
		case p.slots <- struct{}{}:
		default:
			if until.IsZero() {
				until = time.Now().Add(engine.WaitTimeout)
			}
			if err := p.wait(ctx, until); err != nil {
				return pooledConn{}, err
			}
		}
		c, err := p.main.Acquire(ctx)
		if err == nil {
			return pooledConn{c, p}, nil
		}
		if !p.givesNoMore(err) {
			<-p.slots
			return pooledConn{}, p.failed(ctx, err)
		}
		// Those that there are have to do: this place is tried again after a pause.
		time.AfterFunc(refusedPause, func() { <-p.slots })
	}
}

// givesNoMore reports whether the database refused a connection because the role, or the
// server, has as many as it may, and there are some that one can wait for.
func (p *pool) givesNoMore(err error) bool {
	if !tooMany(err) {
		return false
	}
	stat := p.main.Stat()
	have := stat.AcquiredConns() + stat.IdleConns()
	if last := p.refused.Load(); time.Now().Unix()-last >= 60 && p.refused.CompareAndSwap(last, time.Now().Unix()) {
		p.log.Warn("the database gives fewer connections than the pool may have: requests wait for those",
			zap.Int32("connections", have), zap.Int("pool_max_conns", cap(p.slots)), zap.Error(err))
	}
	return have > 0
}

func (p *pool) wait(ctx context.Context, until time.Time) error {
	late := time.NewTimer(time.Until(until))
	defer late.Stop()
	select {
	case p.slots <- struct{}{}:
		return p.monitor.err() // it may have gone away meanwhile
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return fmt.Errorf("%w: all connections to the database are in use", engine.ErrBusy)
	}
}

// release gives the connection back; one that is broken is closed.
func (c pooledConn) release() {
	c.Release()
	<-c.pool.slots
}

// checked returns err, marked if the connection is gone with it or may not be
// used again: then the database is looked at now.
func (c pooledConn) checked(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var pe *pgconn.PgError
	if errors.As(err, &pe) && pe.Code == readOnlyTransaction {
		closeConn(ctx, c.Conn.Conn())
		c.pool.monitor.check()
		return &lostError{err}
	}
	if c.Conn.Conn().IsClosed() {
		return c.pool.failed(ctx, err)
	}
	return err
}

func (p *pool) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil { // the caller went away, and took the connection along
		return err
	}
	p.monitor.check()
	return &lostError{err}
}

// with runs fn on a connection.
func (p *pool) with(ctx context.Context, fn func(*pgx.Conn) error) error {
	c, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.release()
	return c.checked(ctx, fn(c.Conn.Conn()))
}

// withSpare runs fn on a connection that is kept for readiness, however busy the others
// are. It is not there before it is asked for, and goes when it is not asked for.
func (p *pool) withSpare(ctx context.Context, fn func(*pgx.Conn) error) error {
	if err := p.monitor.err(); err != nil {
		return err
	}
	c, err := p.spare.Acquire(ctx)
	switch {
	case err != nil && p.givesNoMore(err):
		return p.with(ctx, fn)
	case err != nil:
		return p.failed(ctx, err)
	}
	defer c.Release()
	return fn(c.Conn())
}
