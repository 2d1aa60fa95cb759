// Package outbound makes every connection by HTTP that the program opens to others: to an
// address which a tenant names, such as a jwks_uri, to anchors, to the OpenID Provider of
// the console. Nobody must reach into the network of the server through it (server-side
// request forgery): it connects to the public internet, and to what the operator allows.
package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// ErrRefused is what every refusal of a Guard is: of a URL, of a redirect, and
// of the address that a name leads to.
var ErrRefused = errors.New("not a public address")

// maxURL is in bytes.
const maxURL = 2048

// Guard decides where the program may connect to: to public addresses by https,
// and to the allowed networks by http too. It may be used by many at once.
type Guard struct {
	allowed []netip.Prefix
	clients transports
}

// New returns a Guard that also allows the networks.
func New(allowed []netip.Prefix) *Guard { return newGuard(allowed, nil) }

// newGuard looks names up with a resolver; nil is the system's.
func newGuard(allowed []netip.Prefix, resolver *net.Resolver) *Guard {
	g := &Guard{allowed: allowed}
	g.clients = transports{guard: g, http: g.transport(false, resolver), https: g.transport(true, resolver)}
	return g
}

// CheckURL says whether a URL can be connected to, as far as that is known
// without looking up its name. The error is a sentence without its subject, such
// as "must begin with https://".
func (g *Guard) CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxURL {
		return errURL
	}
	return g.check(u)
}

var errURL = fmt.Errorf("must be a URL such as https://example.com/path, of at most %d bytes, without a user and a "+
	"fragment", maxURL)

func (g *Guard) check(u *url.URL) error {
	secure := u.Scheme == "https"
	switch {
	case !secure && u.Scheme != "http", u.Opaque != "", u.User != nil, u.Fragment != "", !validHost(u):
		return errURL
	case !secure && len(g.allowed) == 0:
		return errors.New("must begin with https://")
	}
	a, ok := literal(u.Hostname())
	if ok && g.checkAddress(a, secure) != nil {
		return fmt.Errorf("must not lead to %s, which is %w", a, ErrRefused)
	}
	return nil
}

// validHost refuses what programs read in different ways: names that are not
// ASCII (write xn--), and numbers that some take for an IPv4 address, such as
// 2130706433, 0x7f.1 and 127.0.0.1. with a dot behind it.
func validHost(u *url.URL) bool {
	host := u.Hostname()
	for i := range len(host) {
		if host[i] <= ' ' || host[i] >= 0x7f {
			return false
		}
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	last := strings.TrimSuffix(host, ".")
	last = strings.ToLower(last[strings.LastIndexByte(last, '.')+1:])
	return last != "" && strings.Trim(last, "0123456789") != "" && !strings.HasPrefix(last,
		"0x") && !strings.Contains(host, ":")
}

// literal returns the address that a host stands for without being looked up.
func literal(host string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a, true
	}
	name := "." + strings.ToLower(strings.TrimSuffix(host, "."))
	return netip.AddrFrom4([4]byte{127, 0, 0, 1}), strings.HasSuffix(name, ".localhost") // RFC 6761 section 6.3
}

// checkAddress judges an address that is about to be connected to.
func (g *Guard) checkAddress(a netip.Addr, secure bool) error {
	a = plain(a)
	switch {
	case inAny(g.allowed, a):
		return nil
	case !public(a):
		return fmt.Errorf("%s: %w", a, ErrRefused)
	case !secure:
		return fmt.Errorf("%s is in no allowed network, so it must be https: %w", a, ErrRefused)
	}
	return nil
}

// control is a net.Dialer's ControlContext: it is asked with every address that
// is really connected to, after the name was looked up. What was looked up
// earlier would not count: what a name means can change at any time.
func (g *Guard) control(secure bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(_ context.Context, _, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%s: %w", address, ErrRefused)
		}
		return g.checkAddress(ap.Addr(), secure)
	}
}
