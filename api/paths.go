package api

import (
	"net/http"
	"strings"
)

// paths is a tree of the API's paths, a segment at each step. A path is taken as
// it was sent: cleaning would redirect, and an escaped slash would cut an id in
// two.
type paths struct {
	segments map[string]*paths
	variable *paths // of any other segment that is not empty
	// Where a path ends:
	handler http.Handler // nil: none ends here
	pattern string       // as it was added
	names   []string     // of its variables
}

// add gives a path its handler. {name} in it stands for a segment.
func (p *paths) add(pattern string, h http.Handler) {
	var names []string
	for segment := range strings.SplitSeq(pattern[1:], "/") {
		name, isVariable := strings.CutPrefix(segment, "{")
		switch {
		case isVariable:
			names = append(names, strings.TrimSuffix(name, "}"))
			if p.variable == nil {
				p.variable = &paths{}
			}
			p = p.variable
		default:
			if p.segments == nil {
				p.segments = map[string]*paths{}
			}
			if p.segments[segment] == nil {
				p.segments[segment] = &paths{}
			}
			p = p.segments[segment]
		}
	}
	p.handler, p.pattern, p.names = h, pattern, names
}

// mostVariables is how many variables a path has at most.
const mostVariables = 8

// find returns where a path ends, with or without a slash behind it, and the
// segments that stand for its variables; nil if it is none.
func (p *paths) find(path string) (end *paths, values [mostVariables]string) {
	path, ok := strings.CutPrefix(strings.TrimSuffix(path, "/"), "/")
	for n := 0; ok && p != nil; {
		var segment string
		segment, path, ok = strings.Cut(path, "/")
		next := p.segments[segment]
		if next == nil && segment != "" && p.variable != nil && n < mostVariables {
			next = p.variable
			values[n] = segment
			n++
		}
		p = next
		if !ok && p != nil && p.handler != nil {
			return p, values
		}
	}
	return nil, values
}

// serve answers a request whose path is one of these, and tells its handler the
// path's pattern and variables; false if there is none.
func (p *paths) serve(w http.ResponseWriter, r *http.Request) bool {
	end, values := p.find(r.URL.EscapedPath())
	if end == nil {
		return false
	}
	r.Pattern = end.pattern
	for i, name := range end.names {
		r.SetPathValue(name, values[i])
	}
	end.handler.ServeHTTP(w, r)
	return true
}
