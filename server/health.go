package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db"
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
		// The error is for the log: it may name hosts. The reason is one of a few words.
		s.log.Warn("the store is not ready", zap.Error(err))
		reason := "failed"
		if n := new(db.NotReadyError); errors.As(err, &n) {
			reason = n.Reason
		}
		writeJSON(w, http.StatusServiceUnavailable, `{"status":"store_unavailable","reason":"`+reason+`"}`)
		return
	}
	writeJSON(w, http.StatusOK, `{"status":"ready"}`)
}
