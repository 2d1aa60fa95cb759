package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Every path is found, as it was sent, with what stands for its variables.
func TestPaths(t *testing.T) {
	tree := newPaths()
	known := map[string]bool{}
	for _, rt := range (&door{}).routes() {
		known[rt.path] = true
	}
	for pattern := range known {
		tree.add(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			values := []string{r.Pattern}
			for segment := range strings.SplitSeq(pattern, "/") {
				if name, isVariable := strings.CutPrefix(segment, "{"); isVariable {
					values = append(values, r.PathValue(strings.TrimSuffix(name, "}")))
				}
			}
			_, _ = w.Write([]byte(strings.Join(values, " ")))
		}))
	}
	ask := func(path string) string {
		w := httptest.NewRecorder()
		if !tree.serve(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)) {
			return "none"
		}
		return w.Body.String()
	}
	for pattern := range known {
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
		for _, other := range []string{path + "//", "/" + path, path + "/x/y/z/a/b/c/d/e/f/g/h", path + "x/x", strings.Replace(path, "/", "//", 2)} {
			assert.Equal(t, "none", ask(other), other)
		}
	}
	for _, path := range []string{"/", "/v1", "/v1/", "/v1/%75sers", "/v1/groups//members", "/v1/groups/x/nothing", "/v1/../v1/users"} {
		assert.Equal(t, "none", ask(path), path)
	}
}
