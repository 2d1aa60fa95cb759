package db

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
)

// acquireTimeout is how long a request waits for a connection or for its turn to
// write before it is answered 503.
const acquireTimeout = 8 * time.Second

// What ends a statement that would else hold a connection and its locks for ever:
// a parameter of the same name in the URL wins. Behind a pooler these may do
// nothing, or hold for other connections of the same role as well.
var postgresLimits = []struct{ name, value string }{
	{"plan_cache_mode", "force_generic_plan"}, // see planOnce
	{"statement_timeout", "5min"},
	{"lock_timeout", "8s"},
	{"idle_in_transaction_session_timeout", "1min"},
}

// postgresPool is a pool of connections with a bound on the wait for one, whose
// database is watched.
type postgresPool struct {
	pool    *pgxpool.Pool
	spare   *pgxpool.Pool // of one connection, for readiness
	slots   chan struct{} // holds a value for each connection in use
	conns   *openConns
	monitor *monitor
}

func openPostgresPool(ctx context.Context, c *pgxpool.Config, log *zap.Logger) (*postgresPool, error) {
	p := &postgresPool{conns: &openConns{}, slots: make(chan struct{}, c.MaxConns)}
	c.ConnConfig.DialFunc = p.conns.dial(c.ConnConfig.DialFunc)
	p.monitor = newMonitor(c, p.conns, log.Named("database"))
	c.BeforeConnect = p.monitor.first
	if c.ConnConfig.ValidateConnect == nil {
		c.ConnConfig.ValidateConnect = p.monitor.usable
	}
	var err error
	if p.pool, err = pgxpool.NewWithConfig(ctx, c); err != nil {
		return nil, err
	}
	spare := c.Copy()
	spare.MaxConns, spare.MinConns, spare.MinIdleConns = 1, 0, 0
	if p.spare, err = pgxpool.NewWithConfig(ctx, spare); err != nil {
		p.pool.Close()
		return nil, err
	}
	p.monitor.start(ctx, func() {
		p.pool.Reset()
		p.spare.Reset()
	})
	return p, nil
}

func (p *postgresPool) close() {
	p.monitor.close()
	p.spare.Close()
	p.pool.Close()
}

// pooledConn is a connection in use. Release it.
type pooledConn struct {
	*pgxpool.Conn
	pool *postgresPool
}

// acquire returns a connection, or an error when the database is away or none
// was free in time.
func (p *postgresPool) acquire(ctx context.Context) (pooledConn, error) {
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
	c, err := p.pool.Acquire(ctx)
	if err != nil {
		<-p.slots
		return pooledConn{}, p.failed(ctx, err)
	}
	return pooledConn{c, p}, nil
}

func (p *postgresPool) wait(ctx context.Context) error {
	late := time.NewTimer(acquireTimeout)
	defer late.Stop()
	select {
	case p.slots <- struct{}{}:
		return p.monitor.err() // it may have gone away meanwhile
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return fmt.Errorf("%w: all connections to the database are in use", errBusy)
	}
}

// release gives the connection back; one that is broken is closed.
func (c pooledConn) release() {
	c.Release()
	<-c.pool.slots
}

// errBusy is the answer to a request that waited too long.
var errBusy = errors.New("too many requests wait for the store")

// lostError is an error after which the connection is gone. Whether a commit that
// was under way happened is not known.
type lostError struct{ err error }

func (e *lostError) Error() string {
	return "the connection to the database was lost: " + e.err.Error()
}
func (e *lostError) Unwrap() error { return e.err }

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

// readOnlyTransaction: a standby, or a server that is being handed over.
const readOnlyTransaction = "25006"

func (p *postgresPool) failed(ctx context.Context, err error) error {
	if ctx.Err() != nil { // the caller went away, and took the connection along
		return err
	}
	p.monitor.check()
	return &lostError{err}
}

// with runs fn on a connection.
func (p *postgresPool) with(ctx context.Context, fn func(*pgx.Conn) error) error {
	c, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer c.release()
	return c.checked(ctx, fn(c.Conn.Conn()))
}

// aside runs fn on a connection that is kept for readiness, however busy the others
// are. It is not there before it is asked for, and goes when nobody asks.
func (p *postgresPool) aside(ctx context.Context, fn func(*pgx.Conn) error) error {
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

// unreachable reports whether an error says that the database cannot be reached
// or is gone, whatever request met it.
func unreachable(err error) bool {
	var away *outageError
	var lost *lostError
	var connect *pgconn.ConnectError
	if errors.As(err, &away) || errors.As(err, &lost) || errors.As(err, &connect) {
		return true
	}
	if errors.Is(err, errBusy) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	var ne net.Error
	return errors.As(err, &ne) && !errors.Is(err, context.Canceled)
}

// IsUnavailable reports whether an error of Open or Migrate may go away by itself: a
// database that cannot be reached, is starting, or has no connection to give.
func IsUnavailable(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch pe.Code[:2] {
		case "08", "53", "57":
			return true
		}
		return pe.Code == readOnlyTransaction
	}
	return unreachable(err)
}
