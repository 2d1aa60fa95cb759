package postgres

import (
	"context"
	"errors"
	"fmt"
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
	slots   chan struct{} // holds a value for each connection in use
	conns   *openConns
	monitor *monitor
}

func openPool(ctx context.Context, c *pgxpool.Config, log *zap.Logger) (*pool, error) {
	p := &pool{conns: &openConns{}, slots: make(chan struct{}, c.MaxConns)}
	c.ConnConfig.DialFunc = p.conns.dial(c.ConnConfig.DialFunc)
	p.monitor = newMonitor(c, p.conns, log.Named("database"))
	c.BeforeConnect = p.monitor.first
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
	select {
	case p.slots <- struct{}{}:
	default:
		if err := p.wait(ctx); err != nil {
			return pooledConn{}, err
		}
	}
	c, err := p.main.Acquire(ctx)
	if err != nil {
		<-p.slots
		return pooledConn{}, p.failed(ctx, err)
	}
	return pooledConn{c, p}, nil
}

func (p *pool) wait(ctx context.Context) error {
	late := time.NewTimer(engine.WaitTimeout)
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
	if err != nil {
		return p.failed(ctx, err)
	}
	defer c.Release()
	return fn(c.Conn())
}
