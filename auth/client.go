package auth

import (
	"context"
	"net/http"
	"net/netip"
)

// client is where a request comes from, for tokens with allowed networks.
type client struct {
	address   netip.Addr // the zero address belongs to no network
	requestID string
}

type clientKey struct{}

// Addressed notes the address that each request comes from, for the Verifier.
// It is the address of the connection; headers such as X-Forwarded-For are not
// read, because whoever sends a request can write them. It takes the request's
// id from X-Request-Id, which whoever mounts it must have set.
func Addressed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := client{address: addressOf(r.RemoteAddr), requestID: r.Header.Get("X-Request-Id")}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), clientKey{}, c)))
	})
}

func addressOf(remote string) netip.Addr {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	// ::ffff:192.0.2.1 is 192.0.2.1, and no network has a zone.
	return ap.Addr().Unmap().WithZone("")
}

// clientOf returns the zero client for a request that nobody noted: it is then
// in no network.
func clientOf(ctx context.Context) client {
	c, _ := ctx.Value(clientKey{}).(client)
	return c
}
