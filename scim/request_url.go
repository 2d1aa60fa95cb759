package scim

import (
	"net/http"
	"net/url"
	"strings"
)

// provisioningFlags are what administrators append to the tenant URL on
// Microsoft's advice. Entra takes them off again; other clients glue the path
// behind them, so that it arrives in the query.
var provisioningFlags = []string{"aadoptscim062020", "azureadscimpatch2017"}

// normalised returns the request with the address that was meant: no
// trailing or doubled slashes, nothing of a flag glued to the base address. An
// escaped slash separates nothing: no id and no endpoint has one, so it stays
// escaped, and the address is not found.
func normalised(r *http.Request) *http.Request {
	path, query := r.URL.Path, r.URL.RawQuery
	if strings.Contains(strings.ToLower(r.URL.RawPath), "%2f") {
		path = r.URL.RawPath
	}
	path, query = unglueFlag(path, query)
	path = cleanPath(path)
	if path == r.URL.Path && query == r.URL.RawQuery {
		return r
	}
	clean := *r
	clean.URL = new(url.URL)
	*clean.URL = *r.URL
	clean.URL.Path, clean.URL.RawPath, clean.URL.RawQuery = path, "", query
	return &clean
}

func unglueFlag(path, query string) (string, string) {
	flag, rest, _ := strings.Cut(query, "/")
	for _, f := range provisioningFlags {
		if !strings.EqualFold(flag, f) {
			continue
		}
		tail, q, _ := strings.Cut(rest, "?")
		if p, err := url.PathUnescape(tail); err == nil {
			return path + "/" + p, q
		}
	}
	return path, query
}

func cleanPath(path string) string {
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	return path
}
