package replay

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// plain is the client of a provider that does nothing on its own: it follows
// no redirect, asks for no compression and knows no proxy.
var plain = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 32, IdleConnTimeout: 10 * time.Second},
}

// wire sends requests to one server byte for byte as they were recorded.
type wire struct {
	client *http.Client
	scheme string
	host   string
	prefix string // the base URL's path, no slash at the end
}

type request struct {
	method, path string
	header       http.Header
	body         *string
}

// response is an answer; status 0 says that there was none, and text why.
type response struct {
	status int
	header map[string]any // names in lower case
	text   string
	json   any // nothing{} where the body is no JSON
}

func newWire(base string, client *http.Client) (*wire, error) {
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the base URL must be http(s)://host/…, not " + base)
	}
	if client == nil {
		client = plain
	}
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &wire{client: &direct, scheme: u.Scheme, host: u.Host, prefix: strings.TrimRight(u.EscapedPath(), "/")}, nil
}

func (w *wire) send(ctx context.Context, r request) response {
	res, err := w.exchange(ctx, r)
	if err != nil {
		return response{text: err.Error(), header: map[string]any{}, json: nothing{}}
	}
	return res
}

func (w *wire) exchange(ctx context.Context, r request) (response, error) {
	target, err := requestTarget(w.prefix + r.path)
	if err != nil {
		return response{}, err
	}
	var body io.Reader
	if r.body != nil {
		body = strings.NewReader(*r.body)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, w.scheme+"://"+w.host, body)
	if err != nil {
		return response{}, err
	}
	// Opaque is written out as it is; a parsed path and query would be
	// re-encoded.
	req.URL.Opaque = target
	req.Header = r.header
	if req.Header.Get("User-Agent") == "" {
		req.Header["User-Agent"] = []string{""} // keeps net/http from naming itself
	}
	res, err := w.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		return response{}, err
	}
	out := response{status: res.StatusCode, header: headers(res.Header), text: string(data), json: nothing{}}
	var doc any
	if json.Unmarshal(data, &doc) == nil {
		out.json = doc
	}
	return out, nil
}

// requestTarget is a path as it goes on the wire: one byte for each character,
// and none that ends the request line early.
func requestTarget(path string) (string, error) {
	out := make([]byte, 0, len(path))
	for _, r := range path {
		if r < 0x21 || r > 0xff {
			return "", errors.New("request path contains unescaped characters")
		}
		out = append(out, byte(r))
	}
	return string(out), nil
}

// headers gives one string for each name: the first of those that may stand
// only once, else all, joined.
func headers(h http.Header) map[string]any {
	out := make(map[string]any, len(h))
	for name, values := range h {
		switch name {
		case "Content-Type", "Content-Length", "Location", "Etag", "Last-Modified", "Retry-After":
			out[strings.ToLower(name)] = values[0]
		default:
			out[strings.ToLower(name)] = strings.Join(values, ", ")
		}
	}
	return out
}
