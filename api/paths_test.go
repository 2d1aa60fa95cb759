package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/router"
)

// Every path is found, as it was sent, with what stands for its variables.
func TestPaths(t *testing.T) {
	routes := (&door{}).routes()
	known := map[string]string{} // a method of each
	for _, rt := range routes {
		known[rt.path] = rt.method
	}
	tree := router.New()
	(&door{}).mount(tree, routes, func(rt route) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			values := []string{r.Pattern}
			for segment := range strings.SplitSeq(rt.path, "/") {
				if name, isVariable := strings.CutPrefix(segment, "{"); isVariable {
					values = append(values, r.PathValue(strings.TrimSuffix(name, "}")))
				}
			}
			_, _ = w.Write([]byte(strings.Join(values, " ")))
		})
	})
	served := router.Handler(tree)
	askAs := func(method, path string) string {
		w := httptest.NewRecorder()
		served.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		if w.Code != http.StatusOK {
			assert.Equal(t, http.StatusNotFound, w.Code, "%s %s", method, path)
			return "none"
		}
		return w.Body.String()
	}
	for pattern, method := range known {
		ask := func(path string) string { return askAs(method, path) }
		path, want := "", pattern
		for segment := range strings.SplitSeq(pattern[1:], "/") {
			if strings.HasPrefix(segment, "{") {
				segment = "a%2Fb" + segment[1:len(segment)-1]
				want += " " + segment
			}
			path += "/" + segment
		}
		assert.Equal(t, want, ask(path))
		assert.Equal(t, want, ask(path+"/"), "with a slash behind it")
		for _, other := range []string{path + "//", "/" + path, path + "/x/y/z/a/b/c/d/e/f/g/h", path + "x/x",
			strings.Replace(path, "/", "//", 2)} {
			assert.Equal(t, "none", ask(other), other)
		}
	}
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/%75sers", "/v1/groups//members", "/v1/groups/x/nothing",
		"/v1/../v1/users"} {
		assert.Equal(t, "none", askAs(http.MethodGet, path), path)
	}
}
