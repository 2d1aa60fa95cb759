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

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// OIDC is the OpenID Provider that people log in with; an empty Issuer: none.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret string // empty: a public client
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
)

const callbackPath = "/login/callback"

// provider is the OpenID Provider. What it says of itself is read with the first login,
// and again until that succeeds.
type provider struct {
	settings OIDC
	redirect string
	client   *http.Client

	mu   sync.Mutex
	read *oidc.Provider
}

func newProvider(o OIDC, publicURL string) *provider {
	if o.Issuer == "" {
		return nil
	}
	return &provider{settings: o, redirect: publicURL + Prefix + callbackPath, client: &http.Client{
		Timeout: providerTimeout, Transport: boundedTransport{http.DefaultTransport},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
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
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.read == nil {
		// Its keys are read later, when the request is over.
		read, err := oidc.NewProvider(p.context(context.WithoutCancel(ctx)), p.settings.Issuer)
		if err != nil {
			return nil, nil, &membership.Error{Kind: membership.KindUnavailable, Err: err,
				Message: "the identity provider for logins cannot be reached: try again, or log in with an API token"}
		}
		p.read = read
	}
	return p.read, &oauth2.Config{
		ClientID: p.settings.ClientID, ClientSecret: p.settings.ClientSecret, Endpoint: p.read.Endpoint(),
		RedirectURL: p.redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}, nil
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
