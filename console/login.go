package console

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) loginRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/login", handle: d.loginForm, open: true},
		{method: http.MethodPost, path: "/login", handle: d.logIn, open: true},
		d.post("/logout", d.logOut),
	}
}

// purposeLogin is what the token of the login form is derived for.
const purposeLogin = "scimbridge console login"

type loginView struct {
	Form     *form
	To       destination
	Usable   bool
	Provider string // where to log in at the OpenID Provider; empty: there is none
}

func (d *door) loginForm(w http.ResponseWriter, r *request) (err error) {
	if r.query, err = parseQuery(r.URL.RawQuery, []string{"next", "tenant"}); err != nil {
		return err
	}
	to := destination{localPath(r.query["next"]), r.query["tenant"]}
	return d.showLogin(w, r, http.StatusOK, newForm(nil), to)
}

// showLogin shows the form with a token that is bound to a cookie of this browser: no
// other site can send it in a reader's name.
func (d *door) showLogin(w http.ResponseWriter, r *request, status int, f *form, to destination) error {
	secret := d.cookies.get(r.Request, cookieLogin)
	if len(secret) != loginSecretSize {
		secret = newLoginSecret()
	}
	if d.cookies.usable {
		d.cookies.set(w, cookieLogin, secret, loginLife)
	}
	v := loginView{Form: f, To: to, Usable: d.cookies.usable}
	if d.provider != nil {
		q := url.Values{"next": {to.Next}}
		if to.Tenant != "" {
			q.Set("tenant", to.Tenant)
		}
		v.Provider = Prefix + "/login/oidc?" + q.Encode()
	}
	return d.render(w, view{template: "login", status: status}, frame{
		Title: "Log in", FormToken: auth.Derived(secret, purposeLogin), Data: v,
	})
}

// loginSecretSize is the length of the text that the cookie of a login holds.
const loginSecretSize = 43

func newLoginSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails (it ends the program instead)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// logIn begins a session with an API token. It is always a new one: what a browser had
// before, or was made to have, opens nothing afterwards.
func (d *door) logIn(w http.ResponseWriter, r *request) (err error) {
	if _, err = parseQuery(r.URL.RawQuery, nil); err != nil {
		return err
	}
	if !d.cookies.usable {
		return errInsecure
	}
	if r.form, err = readForm(w, r.Request, []string{"token", "next", "tenant"}); err != nil {
		return err
	}
	to := destination{localPath(r.form.Value("next")), r.form.Value("tenant")}
	secret := d.cookies.get(r.Request, cookieLogin)
	if !d.origins.Own(r.Request) || secret == "" ||
		!auth.IsDerived(r.form.values[fieldFormToken], secret, purposeLogin) {
		r.form.fail("", "This form is too old, or was not sent from this page: try again.")
		return d.showLogin(w, r, http.StatusForbidden, r.form, to)
	}
	token := strings.TrimPrefix(r.form.Value("token"), "Bearer ")
	if token == "" {
		r.form.fail("token", "Paste an API token.")
		return d.showLogin(w, r, http.StatusBadRequest, r.form, to)
	}
	text, _, err := d.Sessions.LogIn(r.Context(), requestID(r.Request), token)
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		w.Header().Set("WWW-Authenticate", `Bearer realm="scimbridge"`)
		r.form.fail("token", loginProblem(err))
		return d.showLogin(w, r, http.StatusUnauthorized, r.form, to)
	case membership.KindOf(err) == membership.KindForbidden:
		r.form.fail("token", err.Error())
		return d.showLogin(w, r, http.StatusForbidden, r.form, to)
	case err != nil:
		return err
	}
	return d.begin(w, r, text, to.Next)
}

// begin gives a browser its new session, and ends the one that it had.
func (d *door) begin(w http.ResponseWriter, r *request, text, next string) error {
	if old := d.cookies.get(r.Request, cookieSession); old != "" {
		if err := d.Sessions.LogOut(r.Context(), requestID(r.Request), old); err != nil {
			return err
		}
	}
	d.cookies.set(w, cookieSession, text, auth.SessionLife)
	d.cookies.drop(w, cookieLogin)
	return redirect(w, r, localPath(next))
}

// loginProblem says what is wrong with a token in words for people.
func loginProblem(err error) string {
	if rest, ok := strings.CutPrefix(err.Error(), "the bearer token"); ok {
		return "the token" + rest
	}
	return err.Error()
}

var errInsecure = &failure{
	status: http.StatusForbidden, title: "The console wants https",
	message: "Over http everybody on the way could take your session. Set SCIMBRIDGE_PUBLIC_URL to the " +
		"https address of the server, or use the console on the machine itself.",
}

func (d *door) logOut(w http.ResponseWriter, r *request) error {
	if err := d.Sessions.LogOut(r.Context(), requestID(r.Request), r.sessionText); err != nil {
		return err
	}
	d.cookies.drop(w, cookieSession)
	return redirect(w, r, Prefix+"/login")
}
