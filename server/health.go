package server

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"
)

// readyTimeout is how long the store may take to answer a probe.
const readyTimeout = 2 * time.Second

// healthz says that the process lives. It asks nothing: a store that is away is
// no reason to restart the program.
func healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, `{"status":"alive"}`)
}

// readyz says whether requests should come here: the store answers and is
// migrated, and the server is not about to stop.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	if s.draining.Load() {
		writeJSON(w, http.StatusServiceUnavailable, `{"status":"stopping"}`)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if err := s.store.Ready(ctx); err != nil {
		// Why is for the log: it may name hosts.
		s.log.Warn("the store is not ready", zap.Error(err))
		writeJSON(w, http.StatusServiceUnavailable, `{"status":"store_unavailable"}`)
		return
	}
	writeJSON(w, http.StatusOK, `{"status":"ready"}`)
}
