// Package server is the running bridge: the listener, what every request goes
// through before and after its door, the doors over one store, and health and
// metrics. Commands open one and run it.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// phases end every part of a request: a client that stalls keeps nothing.
type phases struct {
	header time.Duration // of a request, TLS handshakes too
	stall  time.Duration // of a body or an answer
	form   time.Duration // of /oauth2/token, from its beginning to its end
	stream time.Duration // of HTTP/2, while the server is at work
	idle   time.Duration // between two requests
}

var usualPhases = phases{
	header: 10 * time.Second,
	stall:  10 * time.Second,
	form:   5 * time.Second,
	stream: 5 * time.Minute,
	idle:   2 * time.Minute,
}

const maxHeaderBytes = 64 << 10

// waitingPlaces are the requests that may wait for events at once. One costs a
// connection and some tens of kilobytes, and nothing else.
var waitingPlaces = auth.Places{All: 2000, Tenant: 100, Caller: 20}

// Server is one store and one listener.
type Server struct {
	config   config.Config
	log      *zap.Logger
	store    *db.Store
	metrics  *metrics
	tracing  *tracing // nil: off
	usage    *auth.Usage
	refusals *membership.Refusals
	keys     *auth.KeySets
	sealer   *Sealer
	watch    *membership.EventWatch
	requests *RequestKeeper // nil: requests are not kept
	guard    *outbound.Guard
	webhooks *Webhooks
	tokens   api.EventTokens // nil: there are no streams
	logins   *auth.LoginLinks
	listener net.Listener
	debug    net.Listener // nil: none
	cert     *certificate // nil: no TLS
	phases   phases
	front    *front

	concurrency *auth.Concurrency
	connections *connections

	address   string // to listen on, with the port that was really taken
	publicURL string
	draining  atomic.Bool // stopping: not ready any more
}

// Open takes the address, and opens and migrates the store: it waits for a database
// that does not answer yet. Meanwhile requests are answered that the server is starting;
// those that come between Open and Run wait. What follows is Run, which closes both.
// version is what metrics say of the program.
func Open(ctx context.Context, c config.Config, version string, log *zap.Logger) (*Server, error) {
	return open(ctx, c, version, usualPhases, log)
}

func open(ctx context.Context, c config.Config, version string, p phases, log *zap.Logger) (*Server, error) {
	if err := c.Validate(); err != nil { // it may come from elsewhere than config.Load
		return nil, err
	}
	cert, err := openCertificate(c, log.Named("tls"))
	if err != nil {
		return nil, err
	}
	keys, err := openEventKeys(c)
	if err != nil {
		return nil, err
	}
	guard := outbound.New(c.AllowedNetworks)
	if err := checkProvider(c, guard); err != nil {
		return nil, err
	}
	listener, err := listen(ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	debug, err := listenDebug(ctx, c.DebugListen)
	if err != nil {
		_ = listener.Close() // the reason is the other address
		return nil, err
	}
	traces, err := openTracing(ctx, c, version, log.Named("traces"))
	if err != nil {
		closeListeners(listener, debug)
		return nil, err
	}
	address := bound(c.Listen, listener)
	m := newMetrics(c.DatabaseURL.Engine(), version)
	s := &Server{
		config: c, log: log, metrics: m, tracing: traces, listener: listener, debug: debug, cert: cert, phases: p,
		guard: guard, logins: auth.NewLoginLinks(time.Now),
		address: address, publicURL: PublicURL(c, address),
		concurrency: auth.NewConcurrency(auth.ConcurrencyLimits{
			Requests: c.MaxRequests, Tenant: c.MaxTenantRequests, Caller: c.MaxCallerRequests,
			Anonymous: c.MaxAnonymousRequests, Waiting: waitingPlaces,
		}, m.requestRefused),
		connections: newConnections(c.MaxAnonymousConnections, c.TrustedProxies),
	}
	if keys != nil {
		keys.issuer, s.tokens = s.publicURL, keys
	}
	s.front = s.newFront(s.starting()) //nolint:contextcheck // each request has its own
	if err := s.openParts(ctx); err != nil {
		_ = s.front.Close()
		closeListeners(listener, debug)
		traces.close(ctx)
		return nil, err
	}
	s.front.wait()
	return s, nil
}

// openParts opens the store, and what needs it.
func (s *Server) openParts(ctx context.Context) error {
	c, log, m := s.config, s.log, s.metrics
	store, err := awaitStore(ctx, c, s.tracing.statements(), log)
	if err != nil {
		return err
	}
	if s.sealer, err = openSealer(c, store, s.publicURL, s.guard, m, log.Named("seal")); err != nil {
		_ = store.Close() // the reason is the sealer
		return err
	}
	s.store = store
	s.usage = auth.NewUsage(store, time.Now, m, log.Named("usage"))
	s.refusals = membership.NewRefusals(measured(store, m, s.tracing), time.Now)
	s.keys = auth.NewKeySets(s.guard, time.Now, log.Named("keys"))
	s.watch = membership.NewEventWatch(store)
	s.requests = openRequests(ctx, c, store, m.requestLog, log.Named("requests"))
	s.webhooks = newWebhooks(store, s.guard, s.tokens, m.webhooks, log.Named("webhooks"))
	return nil
}

// checkProvider says whether the server may connect to the OpenID Provider, as far as that
// is known without looking up its name.
func checkProvider(c config.Config, guard *outbound.Guard) error {
	if c.OIDC.Issuer == "" || !c.Console {
		return nil
	}
	if err := guard.CheckURL(c.OIDC.Issuer); err != nil {
		return fmt.Errorf("oidc_issuer: %w, unless its network is one of allowed_networks", err)
	}
	return nil
}

// closeListeners is for a server that does not come up: the reason is elsewhere. debug
// may be nil.
func closeListeners(listener, debug net.Listener) {
	_ = listener.Close()
	if debug != nil {
		_ = debug.Close()
	}
}

// Store is the one that the server answers from.
func (s *Server) Store() *db.Store { return s.store }

// Address is the one that is listened on, with the port that was really taken.
func (s *Server) Address() string { return s.address }

// PublicURL is the one under which callers reach the server.
func (s *Server) PublicURL() string { return s.publicURL }

// BaseURL is where this machine reaches the server, whatever its public URL.
func (s *Server) BaseURL() string { return LocalURL(s.config, s.address) }

// LoginURL is a link to the console of this server that begins one session, as the API
// token would whose text is given.
func (s *Server) LoginURL(token string) (string, error) { return s.logins.LoginURL(s.publicURL, token) }

// Run serves until ctx ends. Then it takes no new connection, finishes the
// requests that it began, writes what they leave to be written, and closes the
// store.
func (s *Server) Run(ctx context.Context) error {
	parts := s.wire() //nolint:contextcheck // each request has its own
	ballast := newBallast()
	defer runtime.KeepAlive(ballast)
	recording, served := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { s.usage.Run(recording) })
	background.Go(func() {
		s.refusals.Run(recording, func(err error) {
			s.log.Warn("repeated refusals could not be written", zap.Error(err))
		})
	})
	background.Go(func() { s.checkStore(recording) })
	background.Go(func() { parts.access.Run(recording) })
	background.Go(func() { s.sealer.Run(recording) })
	background.Go(func() { s.requests.Run(recording) })
	if s.requests == nil {
		background.Go(func() { removeWhereOff(recording, s.config, s.store, s.log) })
	}
	background.Go(func() { s.webhooks.Run(recording) })
	background.Go(func() { parts.ends.Run(recording) })
	background.Go(func() { s.dropExpired(recording) })
	if s.debug != nil {
		defer s.serveDebug()()
	}
	s.front.answer(s.handler(parts))

	var err error
	select {
	case err = <-s.front.ended: // the listener broke
	case <-ctx.Done():
		err = s.drain(ctx)
	}
	served()
	s.watch.Stop()
	background.Wait()
	s.tracing.close(ctx)
	return errors.Join(err, s.store.Close())
}

func (s *Server) drain(ctx context.Context) error {
	s.draining.Store(true)
	s.log.Info("stopping", zap.Duration("timeout", s.config.ShutdownTimeout))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownTimeout)
	defer cancel()
	s.watch.Stop() // requests that wait answer with what there is
	if err := s.front.Shutdown(ctx); err != nil {
		_ = s.front.Close() // cuts off whatever is left
		return fmt.Errorf("requests still ran after %s and were cut off", s.config.ShutdownTimeout)
	}
	s.log.Info("stopped")
	return nil
}
