package server

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"

	"go.uber.org/zap"
)

// listenDebug takes the address of the profiler; nil when there is none.
func listenDebug(ctx context.Context, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	return listen(ctx, address)
}

// serveDebug serves Go's profiler apart from the doors: a caller who reaches it sees
// the inside of the process. It returns what ends it.
func (s *Server) serveDebug() (end func()) {
	s.log.Warn("the profiler is on: only administrators may reach it", zap.String("address", s.debug.Addr().String()))
	m := http.NewServeMux()
	m.HandleFunc("/debug/pprof/", pprof.Index)
	m.HandleFunc("/debug/pprof/profile", pprof.Profile)
	m.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("/debug/pprof/trace", pprof.Trace)
	h := &http.Server{Handler: m, ReadHeaderTimeout: usualPhases.header, IdleTimeout: usualPhases.idle}
	go func() { _ = h.Serve(s.debug) }() // ends with Close
	return func() { _ = h.Close() }
}
