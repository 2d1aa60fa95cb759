//go:build !race

package server

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/auth"
)

// The race detector makes sync.Pool drop a part of what it is given, so it is not
// there to count memory.

// A line costs no memory: what its ids are written with is used again.
func TestRequestNoteAllocatesNothing(t *testing.T) {
	s := newTestServer(t)
	b := s.bootstrap(t)
	log, end := NewBufferedLogger(s.config, new(sink))
	defer end()
	s.log = log
	h := s.observed("scim", "", s.metrics, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := auth.NoteOf(r.Context())
		n.Tenant, n.Connection = b.TenantID, b.ConnectionID
		n.Credential.ID, n.Credential.Owner = b.TenantID, b.ConnectionID
	}))
	var with float64
	auth.Addressed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		with = testing.AllocsPerRun(1000, func() { h.ServeHTTP(w, r) })
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/scim/v2/Users", nil))
	assert.LessOrEqual(t, with, 1.0, "the status of the metric")
}
