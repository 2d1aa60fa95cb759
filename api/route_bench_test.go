package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/router"
)

// What it costs to find the handler of a request, without what the handler does.
func BenchmarkRoute(b *testing.B) {
	tree := router.New()
	(&door{}).mount(tree, (&door{}).routes(), func(route) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	})
	served := router.Handler(tree)
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost,
		"/v1/groups/"+membership.NewID().String()+"/members",
		nil)
	b.ReportAllocs()
	for b.Loop() {
		served.ServeHTTP(nil, r)
	}
}
