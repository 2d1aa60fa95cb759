package auth

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	keysTimeout   = 5 * time.Second // of a whole fetch
	keysRedirects = 3
	maxURI        = 2048
)

// fetcher gets key sets over the network.
type fetcher struct {
	policy KeyPolicy
	client *http.Client
}

func newFetcher(p KeyPolicy) fetcher {
	dialer := &net.Dialer{Timeout: keysTimeout, ControlContext: p.checkAddress}
	return fetcher{policy: p, client: &http.Client{
		Timeout: keysTimeout,
		// No proxy of the environment: what it connects to, nobody could check.
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: keysTimeout,
			ForceAttemptHTTP2:   true,
			DisableKeepAlives:   true, // a fetch every ten minutes
			// A header may be large, but not endless.
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case len(via) > keysRedirects:
				return errors.New("too many redirects")
			case r.URL.Scheme != via[0].URL.Scheme:
				return errors.New("a redirect to another scheme")
			}
			return p.checkURI(r.URL.String())
		},
	}}
}

func (f fetcher) fetch(ctx context.Context, uri string) (keySet, error) {
	if err := f.policy.checkURI(uri); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %d", res.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, MaxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxKeySet {
		return nil, fmt.Errorf("the set is longer than %d bytes", MaxKeySet)
	}
	set := parseKeySet(b)
	if len(set) == 0 {
		return nil, errors.New("the answer has no key that can be used")
	}
	return set, nil
}

// checkURI is what can be known without asking anybody.
func (p KeyPolicy) checkURI(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil, len(s) > maxURI, u.Hostname() == "", u.User != nil, u.Fragment != "", u.Scheme != "https" && u.Scheme != "http":
		return membership.Invalidf("jwks_uri must be a URL such as https://issuer.example.com/keys, of at most %d bytes", maxURI)
	case p.AllowPrivate:
		return nil
	case u.Scheme != "https":
		return membership.Invalidf("jwks_uri must begin with https://")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !public(a) {
		return membership.Invalidf("jwks_uri must not be an address of a private network")
	}
	return nil
}

// checkAddress is asked with the address that is really connected to, after
// every name was looked up: what a name means can change at any time.
func (p KeyPolicy) checkAddress(_ context.Context, _, address string, _ syscall.RawConn) error {
	if p.AllowPrivate {
		return nil
	}
	ap, err := netip.ParseAddrPort(address)
	if err != nil || !public(ap.Addr()) {
		return errors.New("the name leads to an address of a private network")
	}
	return nil
}

// notPublic are the networks of RFC 6890 and its successors that the methods of
// netip.Addr do not know, and those in which an IPv4 address can hide.
var notPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/96"), netip.MustParsePrefix("64:ff9b::/96"), netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("fec0::/10"),
}

func public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return a.IsGlobalUnicast() && !a.IsPrivate() &&
		!slices.ContainsFunc(notPublic, func(n netip.Prefix) bool { return n.Contains(a) })
}
