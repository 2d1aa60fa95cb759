package server

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/console"
)

func isConsole(route string) bool {
	_, path, _ := strings.Cut(route, " ")
	return path == console.Prefix || strings.HasPrefix(path, console.Prefix+"/")
}

// visitor is a browser without JavaScript: it keeps cookies, says where its forms come
// from, and follows no redirect by itself.
type visitor struct {
	t      *testing.T
	base   string
	client *http.Client
	token  string // of the forms of the last page
}

// shownPage is an answer to a visitor.
type shownPage struct {
	status int
	header http.Header
	body   string
}

// to is where the page leads on.
func (p shownPage) to() string { return p.header.Get("Location") }

func newVisitor(t *testing.T, base string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	v := &visitor{t: t, base: base, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(v.client.CloseIdleConnections)
	return v
}

var formTokens = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

func (v *visitor) send(method, path string, form url.Values, header ...string) shownPage {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.base+path, strings.NewReader(form.Encode()))
	require.NoError(v.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.base)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := v.client.Do(r)
	require.NoError(v.t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(v.t, err)
	if found := formTokens.FindSubmatch(b); found != nil {
		v.token = string(found[1])
	}
	return shownPage{res.StatusCode, res.Header, string(b)}
}

func (v *visitor) get(path string) shownPage {
	v.t.Helper()
	return v.send(http.MethodGet, path, nil)
}

// post sends a form as the last page would; fields are names and values.
func (v *visitor) post(path string, fields ...string) shownPage {
	v.t.Helper()
	form := url.Values{"form_token": {v.token}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return v.send(http.MethodPost, path, form)
}

// logIn begins a session and looks at the first page.
func (v *visitor) logIn(token string) *visitor {
	v.t.Helper()
	v.get("/console/login")
	p := v.post("/console/login", "token", token)
	require.Equal(v.t, http.StatusSeeOther, p.status, p.body)
	require.Equal(v.t, http.StatusOK, v.get(p.to()).status)
	return v
}

// cookie is the value of one of its cookies; empty: there is none.
func (v *visitor) cookie(name string) string {
	u, err := url.Parse(v.base + "/console/x")
	require.NoError(v.t, err)
	for _, c := range v.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// setCookie is what another site, or a thief, may have done.
func (v *visitor) setCookie(name, value string) {
	u, err := url.Parse(v.base)
	require.NoError(v.t, err)
	v.client.Jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/console"}})
}
