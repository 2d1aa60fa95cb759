package auth

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// client is where a request comes from, and what it counts as while it runs.
type client struct {
	address   netip.Addr // the zero address belongs to no network
	requestID string
	slot      slot
	note      Note
}

type clientKey struct{}

// Addressed notes the address that each request comes from, for the Verifier.
// It is the address of the connection, unless that is in one of the proxies'
// networks: see forwarded. It takes the request's id from X-Request-Id, which
// an outer middleware must have set.
func Addressed(next http.Handler, proxies ...netip.Prefix) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &client{address: AddressOf(r.RemoteAddr), requestID: r.Header.Get("X-Request-Id")}
		if contains(proxies, c.address) {
			c.address = forwarded(r.Header.Values("X-Forwarded-For"), proxies, c.address)
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, c)))
	})
}

// forwarded is the last address of X-Forwarded-For that is no proxy of ours:
// each proxy adds the address that it was called from at the end, and whatever
// stands before that, the caller has written. An entry that is no address
// gives the zero address.
func forwarded(values []string, proxies []netip.Prefix, peer netip.Addr) netip.Addr {
	for _, value := range slices.Backward(values) {
		for value != "" {
			i := strings.LastIndexByte(value, ',')
			entry := strings.Trim(value[i+1:], " \t")
			value = value[:max(i, 0)]
			address, err := netip.ParseAddr(entry)
			if err != nil {
				address = AddressOf(entry) // some write the port as well
			} else {
				address = plain(address)
			}
			if !contains(proxies, address) {
				return address
			}
			peer = address
		}
	}
	return peer
}

func contains(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// AddressOf returns the address of a network address with its port; the zero one
// if it is none.
func AddressOf(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return plain(ap.Addr())
}

// plain: ::ffff:192.0.2.1 is 192.0.2.1, and no network has a zone.
func plain(a netip.Addr) netip.Addr { return a.Unmap().WithZone("") }

// Network is what counts as one address: in IPv6 that is a /64, because
// whole /64s are given to single customers.
func Network(a netip.Addr) netip.Addr {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// clientOf returns a zero client for a request outside Addressed: it is in no
// network.
func clientOf(ctx context.Context) *client {
	if c, ok := ctx.Value(clientKey{}).(*client); ok {
		return c
	}
	return &client{}
}
