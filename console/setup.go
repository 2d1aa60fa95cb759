package console

import (
	"errors"
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// The pages of set-up links: of people who have nothing but a link, about one connection.
const (
	setupPath    = auth.SetupPath
	setupPage    = setupPath + "/connection"
	cookieSetup  = "scimbridge-setup"
	purposeSetup = "scimbridge set-up form"
	// setupLife is for how long the cookie is kept; the session may end earlier.
	setupLife = 12 * time.Hour
	// setupOverlap is for how long the token before a new one still works, so that a
	// form that is sent twice ends nothing that is in use.
	setupOverlap = 24 * time.Hour
)

func (d *door) setupRoutes() []route {
	return []route{
		{method: http.MethodGet, path: "/setup", handle: d.setupLanding, open: true},
		{method: http.MethodPost, path: "/setup", handle: d.openSetupLink, open: true},
		d.holderGet("/setup/connection", d.setupConnection),
		d.holderGet("/setup/connection/progress", d.setupConnection),
		d.holderPost("/setup/connection/token", d.setupToken, wizardParameters...),
		d.holderPost("/setup/connection/client", d.setupClient, wizardParameters...),
		d.holderPost("/setup/done", d.setupDone),
		d.holderPost("/setup/leave", d.setupLeave),
	}
}

type landingView struct {
	Form   *form
	Usable bool
}

// setupLanding is the page that every link opens. It uses nothing up and reads no link:
// programs that scan mail open it, too.
func (d *door) setupLanding(w http.ResponseWriter, r *request) error {
	if _, err := parseQuery(r.URL.RawQuery, nil); err != nil {
		return err
	}
	return d.showLanding(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showLanding(w http.ResponseWriter, r *request, status int, f *form) error {
	secret := d.cookies.get(r.Request, cookieLogin)
	if len(secret) != loginSecretSize {
		secret = newLoginSecret()
	}
	if d.cookies.usable {
		d.cookies.set(w, cookieLogin, secret, loginLife)
	}
	return d.render(w, view{template: "setup_landing", status: status}, frame{
		Title: "Connect your identity provider", FormToken: auth.Derived(secret, purposeSetup),
		Data: landingView{f, d.cookies.usable},
	})
}

// openSetupLink is what the button does: it exchanges the secret of the link for a
// session.
func (d *door) openSetupLink(w http.ResponseWriter, r *request) (err error) {
	if _, err = parseQuery(r.URL.RawQuery, nil); err != nil {
		return err
	}
	if !d.cookies.usable {
		return errInsecure
	}
	if r.form, err = readForm(w, r.Request, []string{"code"}); err != nil {
		return err
	}
	secret := d.cookies.get(r.Request, cookieLogin)
	if !d.origins.Own(r.Request) || secret == "" ||
		!auth.IsDerived(r.form.values[fieldFormToken], secret, purposeSetup) {
		r.form.fail("", "This page is too old: open the link once more.")
		return d.showLanding(w, r, http.StatusForbidden, newForm(nil))
	}
	_, text, err := d.SetupLinks.Open(r.Context(), auth.SetupCode(r.form.Value("code")), requestID(r.Request))
	if errors.Is(err, auth.ErrUnauthenticated) {
		f := newForm(nil)
		f.fail("code", err.Error()+". Ask who sent it to you for another one")
		return d.showLanding(w, r, http.StatusUnauthorized, f)
	}
	if err != nil {
		return err
	}
	d.cookies.set(w, cookieSetup, text, setupLife)
	d.cookies.drop(w, cookieLogin)
	return redirect(w, r, setupPage)
}

// holder is a request of somebody who has opened a link.
type holder struct {
	*request
	setup auth.SetupSession
	text  string // of the cookie
}

// holderGet is get for the holder of a link.
func (d *door) holderGet(path string, h func(http.ResponseWriter, *holder) error) route {
	handle := func(w http.ResponseWriter, r *holder) (err error) {
		if r.query, err = parseQuery(r.URL.RawQuery, wizardParameters); err != nil {
			return err
		}
		return h(w, r)
	}
	return route{method: http.MethodGet, path: path, handle: d.holding(handle)}
}

// holderPost is post for the holder of a link.
func (d *door) holderPost(path string, h func(http.ResponseWriter, *holder) error, fields ...string) route {
	handle := func(w http.ResponseWriter, r *holder) (err error) {
		if r.query, err = parseQuery(r.URL.RawQuery, nil); err != nil {
			return err
		}
		if r.form, err = readForm(w, r.Request, fields); err != nil {
			return err
		}
		if !d.origins.Own(r.Request) || !auth.IsDerived(r.form.values[fieldFormToken], r.text, purposeSetup) {
			return d.forged(r.request)
		}
		return h(w, r)
	}
	return route{method: http.MethodPost, path: path, handle: d.holding(handle)}
}

// holding makes the handler of a page for the holder of a link.
func (d *door) holding(h func(http.ResponseWriter, *holder) error) handler {
	return func(w http.ResponseWriter, r *request) error {
		text := d.cookies.get(r.Request, cookieSetup)
		if text == "" {
			return errNoSetup
		}
		s, err := d.SetupLinks.Verify(r.Context(), text)
		if errors.Is(err, auth.ErrUnauthenticated) {
			d.cookies.drop(w, cookieSetup)
			return errNoSetup
		}
		if err != nil {
			return err
		}
		r.call = s.SetupCall(requestID(r.Request))
		if a, ok := w.(*auth.Answer); ok {
			a.Count(d.Directory, r.Request, r.call.Tenant)
		}
		err = h(w, &holder{request: r, setup: s, text: text})
		if errors.Is(err, auth.ErrUnauthenticated) { // it has ended meanwhile
			return errNoSetup
		}
		return err
	}
}

var errNoSetup = &failure{
	status: http.StatusUnauthorized, title: "The link is not open here",
	message: "Open the link that you were sent once more. If it does not open, it has expired, was revoked or is " +
		"done: ask who sent it for another one.",
}

func (d *door) setupConnection(w http.ResponseWriter, r *holder) error {
	v, err := d.setupWizard(r, r.query["provider"], r.query["with"])
	if err != nil {
		return err
	}
	return d.showSetup(w, r, v)
}

// setupWizard makes the page of the holder's connection.
func (d *door) setupWizard(r *holder, provider, with string) (wizard, error) {
	v, err := d.newWizard(r.setup.Connection, setupPage, provider, with)
	if err != nil {
		return v, err
	}
	v.Link, v.Another = &r.setup.Link, !r.setup.Link.Token.IsZero()
	if !v.Link.May(auth.AbilityToken) {
		v.NoToken = "The link does not let you make a token. Ask who sent it for the token."
	}
	if !v.Link.May(auth.AbilityClient) {
		v.NoClient = "The link does not let you make an OAuth client. Ask who sent it for one."
	}
	return v, nil
}

func (d *door) showSetup(w http.ResponseWriter, r *holder, v wizard) error {
	read := func(f membership.RequestFilter) (membership.RequestPage, error) {
		return d.SetupLinks.Requests(r.Context(), r.setup, requestID(r.Request), f)
	}
	if !v.Link.May(auth.AbilityRequests) { // to show the page is no attempt
		v.Progress = progress{NotAll: "The link does not show requests."}
	} else if err := v.follow(read, func() (membership.HealthState, error) {
		h, err := d.SetupLinks.Health(r.Context(), r.setup, requestID(r.Request))
		return h.State, err
	}); err != nil {
		return err
	}
	return d.render(w, view{template: "wizard"}, frame{
		Title: "Connect " + v.Guide.Name, FormToken: auth.Derived(r.text, purposeSetup), Data: v,
	})
}

func (d *door) setupToken(w http.ResponseWriter, r *holder) error {
	v, err := d.setupWizard(r, r.form.Value("provider"), "")
	if err != nil {
		return err
	}
	_, text, err := d.SetupLinks.CreateToken(r.Context(), r.setup, requestID(r.Request), setupOverlap)
	if err != nil {
		return err
	}
	v.madeToken(text)
	return d.showSetup(w, r, v)
}

func (d *door) setupClient(w http.ResponseWriter, r *holder) error {
	v, err := d.setupWizard(r, r.form.Value("provider"), "client")
	if err != nil {
		return err
	}
	c, secret, err := d.SetupLinks.CreateSecret(r.Context(), r.setup, requestID(r.Request))
	if err != nil {
		return err
	}
	v.madeSecret(c, secret)
	return d.showSetup(w, r, v)
}

func (d *door) setupDone(w http.ResponseWriter, r *holder) error {
	if err := d.SetupLinks.Done(r.Context(), r.setup, requestID(r.Request)); err != nil {
		return err
	}
	d.cookies.drop(w, cookieSetup)
	return d.render(w, view{template: "setup_done"}, frame{Title: "Done", Data: r.setup.Connection})
}

func (d *door) setupLeave(w http.ResponseWriter, r *holder) error {
	if err := d.SetupLinks.SignOut(r.Context(), r.setup); err != nil {
		return err
	}
	d.cookies.drop(w, cookieSetup)
	return redirect(w, r.request, setupPath)
}
