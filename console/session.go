package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// request is a request with who sent it and what is asked.
type request struct {
	*http.Request
	call        membership.Call
	principal   auth.Principal
	session     auth.Session
	sessionText string // of the cookie; empty: there is no session
	query       query
	form        *form
}

// purposeForm is what form tokens are derived for, see auth.Derived.
const purposeForm = "scimbridge console form"

// known makes the handler of a page for people who are logged in. Who is not gets to
// the login, and from there back.
func (d *door) known(h handler) handler {
	return func(w http.ResponseWriter, r *request) error {
		text := d.cookies.get(r.Request, cookieSession)
		if text == "" {
			return d.toLogin(w, r)
		}
		p, session, err := d.Sessions.Verify(r.Context(), text)
		if errors.Is(err, auth.ErrUnauthenticated) {
			d.cookies.drop(w, cookieSession)
			return d.toLogin(w, r)
		}
		if err != nil {
			return err
		}
		r.principal, r.session, r.sessionText = p, session, text
		r.call = p.Call(requestID(r.Request), "")
		if !d.origins.Own(r.Request) {
			return d.forged(r)
		}
		if a, ok := w.(*auth.Answer); ok {
			a.Count(d.Directory, r.Request, r.call.Tenant)
		}
		return h(w, r)
	}
}

// forged refuses a form that no page of this console made for this session: an event.
func (d *door) forged(r *request) error {
	if err := d.Directory.RecordRefusal(r.Context(), r.call, "cross_origin"); err != nil {
		return err
	}
	return errForged
}

var errForged = &failure{
	status: http.StatusForbidden, title: "Nothing was changed",
	message: "What was sent did not come from a page of this console in this session. " +
		"Open the page again and repeat what you did.",
}

// toLogin sends a reader to the login, and back from there. What a form would have
// changed is not kept.
func (d *door) toLogin(w http.ResponseWriter, r *request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &failure{
			status: http.StatusUnauthorized, title: "You are not logged in any more",
			message: "Nothing was changed. Log in, and repeat what you did.", login: true,
		}
	}
	to := Prefix + "/login"
	if next := localPath(r.URL.RequestURI()); next != Prefix {
		to += "?next=" + url.QueryEscape(next)
	}
	return redirect(w, r, to)
}

// localPath returns a page of the console that an address names, or its first page:
// nothing leads to another site.
func localPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || len(s) > maxNext {
		return Prefix
	}
	path := u.EscapedPath()
	if !belowPath(path, Prefix) || strings.Contains(u.Path, "/..") ||
		belowPath(path, Prefix+"/login") || belowPath(path, Prefix+"/logout") {
		return Prefix
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

// maxNext bounds the address of a page that is kept over a login.
const maxNext = 2000

func belowPath(path, prefix string) bool {
	return path == prefix || len(path) > len(prefix) && path[:len(prefix)] == prefix && path[len(prefix)] == '/'
}

// redirect answers 303: what comes next is read with GET (RFC 9110 section 15.4.4).
func redirect(w http.ResponseWriter, _ *request, to string) error {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

func requestID(r *http.Request) string { return r.Header.Get("X-Request-Id") }

// pathID reads an id of the path. What cannot be the id of anything is answered
// like what does not exist.
func (r *request) pathID(name, what string) (membership.ID, error) {
	id, err := membership.ParseID(r.PathValue(name))
	if err != nil {
		return membership.ID{}, membership.NotFound(what)
	}
	return id, nil
}
