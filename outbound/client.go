package outbound

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"time"
)

const (
	connectTimeout = 5 * time.Second
	// idleTimeout lets a burst of requests share a connection.
	idleTimeout = 30 * time.Second
	// maxIdle bounds the idle connections to all hosts, maxIdleOfHost those to one: as
	// many as requests that run there at once, which else connect anew each time.
	maxIdle, maxIdleOfHost = 256, 16
	// maxAnswerHeader is in bytes.
	maxAnswerHeader = 64 << 10
)

// Client returns a client whose requests, redirects included, end after the
// timeout. It follows so many redirects, within one scheme; with none, the
// redirect is the answer.
func (g *Guard) Client(timeout time.Duration, redirects int) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: g.clients,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			switch {
			case redirects == 0:
				return http.ErrUseLastResponse
			case len(via) > redirects:
				return errors.New("too many redirects")
			case r.URL.Scheme != via[0].URL.Scheme:
				return errors.New("a redirect to another scheme")
			}
			return nil
		},
	}
}

// transports is the http.RoundTripper of every client: each request is checked,
// that of a redirect too, and a connection made for http serves no https.
type transports struct {
	guard       *Guard
	http, https *http.Transport
}

func (t transports) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.guard.check(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // http.RoundTripper wants it
		}
		return nil, err
	}
	if r.URL.Scheme == "https" {
		return t.https.RoundTrip(r)
	}
	return t.http.RoundTrip(r)
}

// CloseIdleConnections is called by http.Client.CloseIdleConnections.
func (t transports) CloseIdleConnections() {
	t.http.CloseIdleConnections()
	t.https.CloseIdleConnections()
}

// transport has no proxy: what a proxy connects to cannot be checked here.
func (g *Guard) transport(secure bool, resolver *net.Resolver) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTimeout, ControlContext: g.control(secure), Resolver: resolver}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdleOfHost,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: maxAnswerHeader,
	}
}
