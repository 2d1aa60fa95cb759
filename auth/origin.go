package auth

import (
	"net/http"
	"net/url"
)

// Origins tells requests that a page of this server has made from those that another
// site made a browser send: the CSRF check of everything whose credential is a cookie.
type Origins struct{ check *http.CrossOriginProtection }

// NewOrigins trusts the pages of the address that a request was sent to, and those of
// the server's own public address, which a proxy may hide from the header Host.
func NewOrigins(publicURL string) *Origins {
	p := http.NewCrossOriginProtection()
	if u, err := url.Parse(publicURL); err == nil && u.Host != "" {
		_ = p.AddTrustedOrigin(u.Scheme + "://" + u.Host) // it fails for what is no URL
	}
	return &Origins{p}
}

// Own reports whether a page of this server has made a request. It is stricter than
// net/http: a request without Sec-Fetch-Site and Origin is refused, and so is one that
// no page made. What only reads is always let through.
func (o *Origins) Own(r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	stated := site != "" && site != "none" || site == "" && origin != ""
	return stated && o.check.Check(r) == nil
}
