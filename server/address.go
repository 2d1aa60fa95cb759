package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/scimbridge/scimbridge/config"
)

// listen opens the address of the server.
func listen(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	var e *net.OpError
	if errors.As(err, &e) {
		return nil, fmt.Errorf("cannot listen on %s: %w", address, e.Err)
	}
	return l, err
}

// Reachable turns an address to listen on into one that this machine can reach:
// "every interface" becomes the loopback.
func Reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address // the configuration was checked before
	}
	switch ip := net.ParseIP(host); {
	case host == "", ip.Equal(net.IPv4zero):
		host = "127.0.0.1"
	case ip.Equal(net.IPv6unspecified):
		host = "::1"
	}
	return net.JoinHostPort(host, port)
}

// bound is the configured address with the port that was really taken. The
// listener's own address will not do: for 0.0.0.0 it can say [::].
func bound(configured string, l net.Listener) string {
	host, _, err := net.SplitHostPort(configured)
	tcp, ok := l.Addr().(*net.TCPAddr)
	if err != nil || !ok {
		return l.Addr().String()
	}
	return net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// PublicURL is the configured one, or follows the address listened on.
func PublicURL(c config.Config, listening string) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return LocalURL(c, listening)
}

// LocalURL is where this machine reaches an address.
func LocalURL(c config.Config, listening string) string {
	if c.TLS() {
		return "https://" + Reachable(listening)
	}
	return "http://" + Reachable(listening)
}
