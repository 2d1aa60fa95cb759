package router_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/router"
)

// A path that has other methods is 405 and names them, whatever route of its
// subrouter comes later; any other is 404.
func TestOtherwise(t *testing.T) {
	r := router.New()
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	things := r.MatcherFunc(router.Below("/v1/things")).Subrouter()
	things.Path(router.WithSlash("/v1/things")).Methods(router.Methods(http.MethodGet)...).Handler(status(200))
	things.Path(router.WithSlash("/v1/things")).Methods(http.MethodPost).Handler(status(201))
	things.Path(router.WithSlash("/v1/things/{id}")).Methods(http.MethodDelete).Handler(status(204))
	router.Otherwise(r, status(404), status(405))
	wrapped := 0
	router.Wrap(r, func(_ string, h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { wrapped++; h.ServeHTTP(w, r) })
	})
	asked := 0
	for request, want := range map[[2]string][2]any{
		{"HEAD", "/v1/things"}:         {200, ""},
		{"POST", "/v1/things/"}:        {201, ""},
		{"PUT", "/v1/things"}:          {405, "GET, HEAD, POST"},
		{"GET", "/v1/things/a%2Fb"}:    {405, "DELETE"},
		{"DELETE", "/v1/things/a%2Fb"}: {204, ""},
		{"GET", "/v1/things//"}:        {404, ""},
		{"GET", "/v1//things"}:         {404, ""},
		{"GET", "/v1/thingsx"}:         {404, ""},
	} {
		w := httptest.NewRecorder()
		router.Handler(r).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), request[0], request[1], nil))
		assert.Equal(t, want, [2]any{w.Code, w.Header().Get("Allow")}, request)
		asked++
	}
	assert.Equal(t, asked, wrapped, "every answer is wrapped once")
	assert.Equal(t, []string{"DELETE /v1/things/{id}", "GET /v1/things", "POST /v1/things"}, router.Routes(r))
}
