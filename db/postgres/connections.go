package postgres

import (
	"context"
	"crypto/tls"
	"net"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// openConns knows the network connections to the database, so that all of them
// can be given up at once when it hangs: a statement that waits for an answer
// then fails like one whose connection broke. It costs nothing while all is well.
type openConns struct {
	mu   sync.Mutex
	open map[*trackedConn]struct{}
}

// trackedConn leaves the set when it is closed.
type trackedConn struct {
	net.Conn
	set *openConns
}

// Close implements net.Conn.
func (c *trackedConn) Close() error {
	c.set.mu.Lock()
	delete(c.set.open, c)
	c.set.mu.Unlock()
	return c.Conn.Close()
}

// dial wraps a dialer so that its connections are in the set.
func (s *openConns) dial(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		c := &trackedConn{Conn: conn, set: s}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.open == nil {
			s.open = make(map[*trackedConn]struct{})
		}
		s.open[c] = struct{}{}
		return c, nil
	}
}

// giveUp closes all connections but one, below TLS and below the protocol:
// neither may wait for a server that does not answer. It returns how many.
func (s *openConns) giveUp(but *pgx.Conn) int {
	s.mu.Lock()
	var conns []*trackedConn
	for c := range s.open {
		if but == nil || !c.carries(but) {
			conns = append(conns, c)
			delete(s.open, c)
		}
	}
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Conn.Close() // nothing that it held is needed
	}
	return len(conns)
}

// carries reports whether a connection of pgx goes over this one, with or without
// TLS between them.
func (c *trackedConn) carries(p *pgx.Conn) bool {
	switch conn := p.PgConn().Conn().(type) {
	case *trackedConn:
		return conn == c
	case *tls.Conn:
		return conn.NetConn() == net.Conn(c)
	}
	return false
}
