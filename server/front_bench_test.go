package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A GET of a group through everything that the server does.
func BenchmarkWholeGet(b *testing.B) {
	p := newPatching(b)
	b.ReportAllocs()
	r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/scim/v2/Groups/"+p.group, nil)
	r.Header.Set("Authorization", p.header)
	for b.Loop() {
		p.handle.ServeHTTP(httptest.NewRecorder(), r.Clone(b.Context()))
	}
}

// A PATCH that adds or removes one member, likewise.
func BenchmarkWholePatch(b *testing.B) {
	p := newPatching(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.patch(b, p.handle, 0, i)
	}
}
