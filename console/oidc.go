package console

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"go.uber.org/zap"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// OIDC is the OpenID Provider that people log in with; an empty Issuer: none.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret string // empty: a public client
	// Outbound opens the connections to it, and to the addresses that it names.
	Outbound auth.Outbound
}

// What a login at the provider is derived for, from the secret of the login's cookie:
// there is no other state, so the answer may come to another server.
const (
	purposeState    = "scimbridge console oidc state "
	purposeNonce    = "scimbridge console oidc nonce"
	purposeVerifier = "scimbridge console oidc verifier"
)

// The bounds of what the provider is asked.
const (
	providerTimeout = 10 * time.Second
	providerAnswer  = 1 << 20 // bytes
	// providerWait is how long a login waits for what the provider says of itself, and
	// providerRetry how long it is not asked again after a failure.
	providerWait  = 3 * time.Second
	providerRetry = 5 * time.Second
)

const callbackPath = "/login/callback"

// provider is the OpenID Provider. What it says of itself is read with the first login,
// and again until that succeeds.
type provider struct {
	settings OIDC
	redirect string
	client   *http.Client
	reading  singleflight.Group

	mu     sync.Mutex // not held while the provider is asked
	read   *oidc.Provider
	failed error // while it is not asked again
	again  time.Time
}

func newProvider(o OIDC, publicURL string) *provider {
	if o.Issuer == "" {
		return nil
	}
	client := o.Outbound.Client(providerTimeout, 0)
	client.Transport = boundedTransport{client.Transport}
	return &provider{settings: o, redirect: publicURL + Prefix + callbackPath, client: client}
}

// boundedTransport cuts answers that are too long.
type boundedTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t boundedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.next.RoundTrip(r)
	if err == nil {
		res.Body = http.MaxBytesReader(nil, res.Body, providerAnswer)
	}
	return res, err
}

// context is for the requests of this server to the provider.
func (p *provider) context(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

// config reads what the provider says of itself (OpenID Connect Discovery 1.0).
func (p *provider) config(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	read, err := p.discovered(ctx)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		return nil, nil, &membership.Error{Kind: membership.KindUnavailable, Err: err,
			Message: "the identity provider for logins cannot be reached: try again, or log in with an API token"}
	}
	return read, &oauth2.Config{
		ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, Endpoint: read.Endpoint(),
		RedirectURL: p.redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}, nil
}

var errSlowProvider = errors.New("the identity provider has not answered yet")

// discovered asks the provider once for all that wait, and none of them waits for long:
// one that hangs would take the places of all other logins.
func (p *provider) discovered(ctx context.Context) (*oidc.Provider, error) {
	if read, err := p.known(); read != nil || err != nil {
		return read, err
	}
	answer := p.reading.DoChan("", func() (any, error) { return p.discover(context.WithoutCancel(ctx)) })
	wait := time.NewTimer(providerWait)
	defer wait.Stop()
	select {
	case a := <-answer:
		read, _ := a.Val.(*oidc.Provider)
		return read, a.Err
	case <-wait.C:
		return nil, errSlowProvider
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// known returns what the provider said, or why it is not asked now; neither: ask.
func (p *provider) known() (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read == nil && time.Now().Before(p.again) {
		return nil, p.failed
	}
	return p.read, nil
}

// discover asks the provider. Its keys are read later, when the request that began this
// is over.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	if read, err := p.known(); read != nil || err != nil { // another one has just asked
		return read, err
	}
	read, err := oidc.NewProvider(p.context(ctx), p.settings.Issuer)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.failed, p.again = err, time.Now().Add(providerRetry)
		return nil, err
	}
	p.read = read
	return read, nil
}

func (d *door) oidcRoutes() []route {
	if d.provider == nil {
		return nil
	}
	return []route{
		{method: http.MethodGet, path: "/login/oidc", handle: d.toProvider, open: true},
		{method: http.MethodGet, path: callbackPath, handle: d.fromProvider, open: true},
	}
}

// destination is what is kept over the login at the provider: the page to come back to,
// and the tenant, where the provider does not say it.
type destination struct{ Next, Tenant string }

// toProvider sends a browser to the provider: the authorization code flow of OpenID
// Connect Core 1.0 section 3.1, with PKCE (RFC 7636), state and nonce.
func (d *door) toProvider(w http.ResponseWriter, r *request) (err error) {
	if r.query, err = parseQuery(r.URL.RawQuery, []string{"next", "tenant"}); err != nil {
		return err
	}
	if !d.cookies.usable {
		return errInsecure
	}
	if _, err := r.query.id("tenant"); err != nil {
		return err
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "none" && site != "same-origin" {
		// Another site must not choose the tenant that a reader is logged in to.
		return d.loginForm(w, r)
	}
	if err := d.notLoggedIn(r); err != nil {
		return err
	}
	_, config, err := d.provider.config(r.Context())
	if err != nil {
		return err
	}
	to, err := json.Marshal(destination{localPath(r.query["next"]), r.query["tenant"]})
	if err != nil {
		return err
	}
	payload := base64.RawURLEncoding.EncodeToString(to)
	secret := newLoginSecret()
	d.cookies.set(w, cookieLogin, secret, loginLife)
	return redirect(w, r, config.AuthCodeURL(
		auth.Derived(secret, purposeState+payload)+"."+payload,
		oidc.Nonce(auth.Derived(secret, purposeNonce)),
		oauth2.S256ChallengeOption(auth.Derived(secret, purposeVerifier)),
	))
}

// fromProvider is where the provider sends the browser back to. Who has logged in is what
// an issuer of the tenant makes of the ID token, as of any JWT.
func (d *door) fromProvider(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	mac, payload, _ := strings.Cut(q.Get("state"), ".")
	secret := d.cookies.get(r.Request, cookieLogin)
	if secret == "" || !auth.IsDerived(mac, secret, purposeState+payload) {
		return errOldLogin
	}
	d.cookies.drop(w, cookieLogin)
	if err := d.notLoggedIn(r); err != nil { // it has logged in since
		return err
	}
	var to destination
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(b, &to) != nil {
		return errOldLogin
	}
	var idToken, text string
	err = d.Sessions.Attempt(r.Context(), func() (err error) {
		idToken, err = d.idToken(r.Context(), q, secret)
		return err
	})
	if err == nil {
		tenant, _ := membership.ParseID(to.Tenant) // it was one, or there is none
		text, err = d.Sessions.LogInJWT(r.Context(), requestID(r.Request), idToken, tenant)
	}
	if errors.Is(err, auth.ErrUnauthenticated) {
		f := newForm(nil)
		f.fail("", providerProblem(err, to.Tenant))
		return d.showLogin(w, r, http.StatusUnauthorized, f, destination{localPath(to.Next), to.Tenant})
	}
	if err != nil {
		return err
	}
	return d.begin(w, r, text, to.Next)
}

// notLoggedIn refuses a login at the provider in a browser with a session that works: it
// would end that one, and show the pages of another tenant instead.
func (d *door) notLoggedIn(r *request) error {
	text := d.cookies.get(r.Request, cookieSession)
	if text == "" {
		return nil
	}
	_, _, err := d.Sessions.Verify(r.Context(), text)
	switch {
	case err == nil:
		return errLoggedIn
	case errors.Is(err, auth.ErrUnauthenticated), membership.KindOf(err) == membership.KindForbidden:
		return nil
	}
	return err
}

var errLoggedIn = &failure{
	status: http.StatusConflict, title: "You are logged in already",
	message: "Nothing was changed. To log in as somebody else, or to another tenant, log out first.",
}

var errOldLogin = &failure{
	status: http.StatusForbidden, title: "This login is too old", login: true,
	message: "It was begun long ago, in another browser, or not here. Log in again.",
}

// idToken exchanges the code for the ID token, and checks it (OpenID Connect Core 1.0
// sections 3.1.3.3 and 3.1.3.7).
func (d *door) idToken(ctx context.Context, q url.Values, secret string) (string, error) {
	if word := q.Get("error"); word != "" { // RFC 6749 section 4.1.2.1
		d.log.Info("the identity provider refused a login", zap.String("error", short(word)))
		return "", auth.Unauthenticated("the identity provider did not log you in")
	}
	read, config, err := d.provider.config(ctx)
	if err != nil {
		return "", err
	}
	ctx = d.provider.context(ctx)
	t, err := config.Exchange(ctx, q.Get("code"), oauth2.VerifierOption(auth.Derived(secret, purposeVerifier)))
	if err != nil {
		d.log.Info("the identity provider did not take the code of a login", zap.Error(withoutBody(err)))
		return "", auth.Unauthenticated("the identity provider did not confirm the login")
	}
	raw, ok := t.Extra("id_token").(string)
	if !ok {
		return "", auth.Unauthenticated("the identity provider did not say who you are")
	}
	verified, err := read.Verifier(&oidc.Config{ClientID: d.provider.settings.ClientID}).Verify(ctx, raw)
	if err != nil {
		d.log.Info("the identity provider gave an ID token that is not valid", zap.Error(err))
		return "", auth.Unauthenticated("what the identity provider said of you is not valid")
	}
	if !auth.IsDerived(verified.Nonce, secret, purposeNonce) {
		return "", auth.Unauthenticated("what the identity provider said is of another login")
	}
	return raw, nil
}

// withoutBody leaves the answer of the provider out of an error: it may hold anything.
func withoutBody(err error) error {
	var e *oauth2.RetrieveError
	if errors.As(err, &e) && e.Response != nil {
		return errors.New("status " + e.Response.Status + ", " + short(e.ErrorCode))
	}
	return err
}

// providerProblem says what to do about a login that the provider confirmed and no
// tenant takes.
func providerProblem(err error, tenant string) string {
	message := strings.TrimPrefix(err.Error(), "the bearer token is not valid: ")
	if message == err.Error() {
		return message
	}
	if tenant == "" {
		return "the provider knows you, but its answer names no tenant here that trusts it. " +
			"Open the address of the login that you were given, which ends in ?tenant=…"
	}
	return "the provider knows you, but the tenant does not take its word: " + message
}
