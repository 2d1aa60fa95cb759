package server

import (
	"container/list"
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/scimbridge/scimbridge/auth"
)

// connections bounds those that have shown no credential: of one address, and of
// all. A new one beyond that closes the oldest, so a client that opens many keeps
// no client out. Connections of trusted proxies are not counted: they are many
// callers'.
type connections struct {
	most    int // 0: any number
	proxies []netip.Prefix

	mu        sync.Mutex
	all       *list.List // of *connection, the oldest first
	addresses map[netip.Addr]*list.List
	open      map[net.Conn]*connection
}

// connection is one that is counted.
type connection struct {
	net.Conn
	address      netip.Addr
	shown        atomic.Bool // a credential
	inAll, inOwn *list.Element
}

type connectionKey struct{}

func newConnections(most int, proxies []netip.Prefix) *connections {
	return &connections{
		most: most, proxies: proxies,
		all: list.New(), addresses: make(map[netip.Addr]*list.List), open: make(map[net.Conn]*connection),
	}
}

// context is http.Server.ConnContext.
func (c *connections) context(ctx context.Context, conn net.Conn) context.Context {
	if of := c.add(conn); of != nil {
		return context.WithValue(ctx, connectionKey{}, of)
	}
	return ctx
}

// state is http.Server.ConnState.
func (c *connections) state(conn net.Conn, state http.ConnState) {
	if state != http.StateClosed && state != http.StateHijacked {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if of := c.open[conn]; of != nil {
		c.drop(of)
	}
}

// shown returns what takes the connection of a request out of the count.
func (c *connections) shown(ctx context.Context) func() {
	of, _ := ctx.Value(connectionKey{}).(*connection)
	if of == nil || of.shown.Load() {
		return nil
	}
	return func() {
		if of.shown.Swap(true) {
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.drop(of)
	}
}

func (c *connections) add(conn net.Conn) *connection {
	if c.most == 0 {
		return nil
	}
	address := auth.AddressOf(conn.RemoteAddr().String())
	if slices.ContainsFunc(c.proxies, func(n netip.Prefix) bool { return n.Contains(address) }) {
		return nil
	}
	address = auth.Network(address)
	c.mu.Lock()
	defer c.mu.Unlock()
	own := c.addresses[address]
	if own == nil {
		own = list.New()
		c.addresses[address] = own
	}
	of := &connection{Conn: conn, address: address}
	of.inAll, of.inOwn = c.all.PushBack(of), own.PushBack(of)
	c.open[conn] = of
	if own.Len() > max(c.most/4, 1) {
		c.cutOff(own.Front().Value.(*connection))
	} else if c.all.Len() > c.most {
		c.cutOff(c.all.Front().Value.(*connection))
	}
	return of
}

func (c *connections) cutOff(of *connection) {
	c.drop(of)
	conn := of.Conn
	if over, ok := conn.(*tls.Conn); ok {
		conn = over.NetConn() // closing TLS would wait for the peer
	}
	_ = conn.Close()
}

// drop stops counting a connection.
func (c *connections) drop(of *connection) {
	if of.inAll == nil {
		return
	}
	own := c.addresses[of.address]
	c.all.Remove(of.inAll)
	own.Remove(of.inOwn)
	of.inAll, of.inOwn = nil, nil
	if own.Len() == 0 {
		delete(c.addresses, of.address)
	}
	delete(c.open, of.Conn)
}
