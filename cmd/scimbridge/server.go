package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
)

// Every phase of a request has its end: a client that stalls keeps nothing.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 2 * time.Minute // a body of the largest size over a slow line
	writeTimeout      = 5 * time.Minute // the longest streamed list
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10
)

// server is the running bridge: one store and one listener. serve and demo run
// the same one.
type server struct {
	config    config.Config
	log       *zap.Logger
	store     *db.Store
	metrics   *metrics
	usage     *auth.Usage
	listener  net.Listener
	debug     net.Listener // nil: none
	address   string       // to listen on, with the port that was really taken
	publicURL string
	draining  atomic.Bool // told to stop: not ready any more
}

// openServer opens and migrates the store and takes the address. What follows
// is run, which closes both.
func openServer(ctx context.Context, c config.Config, log *zap.Logger) (*server, error) {
	store, err := openStore(ctx, c, log)
	if err != nil {
		return nil, err
	}
	listener, err := listen(ctx, c.Listen)
	if err != nil {
		_ = store.Close() // the reason is the address
		return nil, err
	}
	debug, err := listenDebug(ctx, c.DebugListen)
	if err != nil {
		_ = listener.Close()
		_ = store.Close()
		return nil, err
	}
	address := bound(c.Listen, listener)
	m := newMetrics(store.Engine())
	return &server{
		config: c, log: log, store: store, listener: listener, debug: debug,
		metrics: m, usage: auth.NewUsage(store, time.Now, m, log.Named("usage")),
		address: address, publicURL: publicURL(c, address),
	}, nil
}

// baseURL is where this machine reaches the server, whatever its public URL.
func (s *server) baseURL() string { return "http://" + reachable(s.address) }

// run serves until ctx ends. Then it takes no new connection, finishes the
// requests that it began, writes what they leave to be written, and closes the
// store.
func (s *server) run(ctx context.Context) error {
	h := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          zap.NewStdLog(s.log.Named("http")),
	}
	recording, served := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	background.Go(func() { s.usage.Run(recording) })
	if s.debug != nil {
		defer s.serveDebug()()
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(s.listener) }()

	var err error
	select {
	case err = <-ended: // the listener broke
	case <-ctx.Done():
		err = s.drain(ctx, h)
	}
	served()
	background.Wait()
	return errors.Join(err, s.store.Close())
}

func (s *server) drain(ctx context.Context, h *http.Server) error {
	s.draining.Store(true)
	s.log.Info("stopping", zap.Duration("timeout", s.config.ShutdownTimeout))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.ShutdownTimeout)
	defer cancel()
	if err := h.Shutdown(ctx); err != nil {
		_ = h.Close() // cuts off whatever is left
		return fmt.Errorf("requests still ran after %s and were cut off", s.config.ShutdownTimeout)
	}
	s.log.Info("stopped")
	return nil
}
