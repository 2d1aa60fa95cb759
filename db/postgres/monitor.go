package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/zap"
)

// How long the monitor waits, so that a request beside a database that hangs is
// answered within ten seconds: at most one interval, one ping and one connect
// until the hang is known.
const (
	pingInterval    = time.Second
	pingTimeout     = 3 * time.Second
	connectTimeout  = 3 * time.Second // of the monitor, to all hosts at once
	reconnectPause  = 500 * time.Millisecond
	closeConnection = time.Second
)

// monitor asks the database every second, on a connection of its own, whether it
// answers and takes writes. A slow statement is no reason to give up a
// connection; a database that does not answer `show` for seconds is. Then every
// connection is given up, so that those who wait get an error at once, requests
// are refused until some host of the URL answers again, and new connections go to
// that host first.
type monitor struct {
	hosts   []*pgx.ConnConfig // each with one host
	several bool              // of different addresses
	conns   *openConns
	log     *zap.Logger
	reset   func()        // the pool forgets its connections
	asked   chan struct{} // a check is wanted now
	ended   chan struct{}
	stop    context.CancelFunc
	down    atomic.Pointer[outage] // nil: it answers
	host    atomic.Pointer[pgx.ConnConfig]
	conn    *pgx.Conn
	refused bool // that it gets no connection was logged
	running atomic.Bool
}

// outage is why the database cannot be used, and since when.
type outage struct {
	err   error
	since time.Time
}

// newMonitor watches the database of a pool's configuration. Call start when the
// pool is open.
func newMonitor(c *pgxpool.Config, conns *openConns, log *zap.Logger) *monitor {
	m := &monitor{conns: conns, log: log, asked: make(chan struct{}, 1), ended: make(chan struct{})}
	cc := c.ConnConfig
	hosts := append([]*pgconn.FallbackConfig{{Host: cc.Host, Port: cc.Port, TLSConfig: cc.TLSConfig}}, cc.Fallbacks...)
	for _, h := range hosts {
		one := cc.Copy()
		one.Host, one.Port, one.TLSConfig, one.Fallbacks = h.Host, h.Port, h.TLSConfig, nil
		m.hosts = append(m.hosts, one)
		m.several = m.several || h.Host != cc.Host || h.Port != cc.Port
	}
	return m
}

// start outlives ctx, whose values it keeps: it ends with close.
func (m *monitor) start(ctx context.Context, reset func()) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.reset, m.stop = reset, stop
	m.running.Store(true)
	go m.run(ctx)
}

func (m *monitor) close() {
	if !m.running.Load() {
		return
	}
	m.stop()
	<-m.ended
}

// check asks for a look now, after an error that an outage would explain.
func (m *monitor) check() {
	select {
	case m.asked <- struct{}{}:
	default: // one is asked for already
	}
}

// err is why requests are refused now, or nil.
func (m *monitor) err() error {
	if o := m.down.Load(); o != nil {
		return &outageError{o.err}
	}
	return nil
}

// first puts the host that answered last before the others of the URL.
func (m *monitor) first(_ context.Context, c *pgx.ConnConfig) error {
	known := m.host.Load()
	if known == nil || known.Host == c.Host && known.Port == c.Port {
		return nil
	}
	hosts := []*pgconn.FallbackConfig{{Host: known.Host, Port: known.Port, TLSConfig: known.TLSConfig}}
	hosts = append(hosts, &pgconn.FallbackConfig{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig})
	hosts = append(hosts, c.Fallbacks...)
	c.Host, c.Port, c.TLSConfig, c.Fallbacks = hosts[0].Host, hosts[0].Port, hosts[0].TLSConfig, hosts[1:]
	return nil
}

func (m *monitor) run(ctx context.Context) {
	defer close(m.ended)
	defer m.drop(ctx)
	pause := time.NewTimer(pingInterval)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		case <-m.asked:
		}
		m.look(ctx)
		if ctx.Err() != nil {
			return
		}
		if m.down.Load() != nil {
			pause.Reset(reconnectPause)
		} else {
			pause.Reset(pingInterval)
		}
	}
}

// look finds out whether the database answers, and acts on a change.
func (m *monitor) look(ctx context.Context) {
	lost := m.ping(ctx)
	if lost == nil {
		m.answers()
		return
	}
	m.drop(ctx)
	// A timed-out connection says that others hang as well. Where the server
	// closed it, the pool notices that by itself at each connection's next use.
	hangs := errors.Is(lost, context.DeadlineExceeded) || pgconn.Timeout(lost)
	conn, host, err := m.connect(ctx)
	if ctx.Err() != nil {
		return
	}
	// What is known comes before the connections are given up: those who lose theirs
	// try again at once, and must not wait for the host that hangs.
	switch {
	case err == nil:
		m.conn, m.refused = conn, false
		m.host.Store(host)
	case refusesOnly(err):
		if !m.refused { // once, not every second
			m.log.Warn("the database answers, but takes no connection of the monitor", zap.Error(err))
		}
		m.refused = true
	case m.down.Load() == nil:
		m.down.Store(&outage{err: err, since: time.Now()})
		m.log.Error("the database does not answer: requests get 503 until it does", zap.Error(err))
	default:
		m.down.Store(&outage{err: err, since: m.down.Load().since})
	}
	if hangs || err != nil && !refusesOnly(err) {
		if n := m.conns.giveUp(conn); n > 0 {
			m.log.Warn("connections to the database were given up", zap.Int("connections", n),
				zap.NamedError("error", lost))
		}
	}
	if !errors.Is(lost, errNoConnection) {
		m.reset()
	}
	if err == nil {
		m.answers()
	}
}

// answers ends an outage.
func (m *monitor) answers() {
	if o := m.down.Swap(nil); o != nil {
		m.log.Info("the database answers again", zap.Duration("after", time.Since(o.since)))
	}
}

// ping asks on the monitor's connection. With none it makes one.
func (m *monitor) ping(ctx context.Context) error {
	if m.conn == nil {
		return errNoConnection
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	return m.usable(ctx, m.conn.PgConn())
}

// usable is nil if the server answers and, where the URL has others to go to, takes
// writes. A store of one host that is read-only can still be read.
func (m *monitor) usable(ctx context.Context, c *pgconn.PgConn) error {
	err := writable(ctx, c)
	if errors.Is(err, errReadOnly) && !m.several {
		return nil
	}
	return err
}

// connect tries all hosts at once and takes the first that answers and takes
// writes, so that a host that hangs does not hold up the search.
func (m *monitor) connect(ctx context.Context) (*pgx.Conn, *pgx.ConnConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	type attempt struct {
		conn *pgx.Conn
		host *pgx.ConnConfig
		err  error
	}
	attempts := make(chan attempt, len(m.hosts))
	for _, host := range m.hosts {
		go func() {
			conn, err := pgx.ConnectConfig(ctx, host.Copy())
			if err == nil {
				if err = m.usable(ctx, conn.PgConn()); err != nil {
					closeConn(ctx, conn)
				}
			}
			attempts <- attempt{conn, host, err}
		}()
	}
	var failed error
	for left := len(m.hosts); left > 0; left-- {
		a := <-attempts
		if a.err == nil {
			go func() { // the others end by the context
				for range left - 1 {
					if other := <-attempts; other.err == nil {
						closeConn(ctx, other.conn)
					}
				}
			}()
			return a.conn, a.host, nil
		}
		failed = errors.Join(failed,
			fmt.Errorf("%s: %w", net.JoinHostPort(a.host.Host, fmt.Sprint(a.host.Port)), a.err))
	}
	return nil, nil, failed
}

func (m *monitor) drop(ctx context.Context) {
	if m.conn != nil {
		go closeConn(ctx, m.conn)
		m.conn = nil
	}
}

// closeConn says good-bye also when ctx has ended.
func closeConn(ctx context.Context, c *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeConnection)
	defer cancel()
	_ = c.Close(ctx) // the server notices in any case
}

// writable reports whether the server takes writes. A standby, or a server that
// was made read-only, is not one that the store can live on.
func writable(ctx context.Context, c *pgconn.PgConn) error {
	results, err := c.Exec(ctx, "show transaction_read_only").ReadAll()
	if err != nil {
		return err
	}
	if len(results) == 1 && len(results[0].Rows) == 1 && string(results[0].Rows[0][0]) == "on" {
		return errReadOnly
	}
	return nil
}

var (
	errNoConnection = errors.New("no connection yet")
	errReadOnly     = errors.New("the server is read-only")
)

// refusesOnly reports whether a server answered that it takes no further
// connection, or not this password: those that are open go on.
func refusesOnly(err error) bool {
	var pe *pgconn.PgError
	return tooMany(err) || errors.As(err, &pe) && pe.Code[:2] == "28"
}

// tooMany reports whether a server has as many connections as it may, of this role, to
// this database, or at all.
func tooMany(err error) bool {
	var pe *pgconn.PgError
	return errors.As(err, &pe) && pe.Code == "53300"
}

// outageError is the answer to everything while the database is away.
type outageError struct{ err error }

func (e *outageError) Error() string { return "the database does not answer: " + e.err.Error() }
func (e *outageError) Unwrap() error { return e.err }
