package auth

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

// TokenPath is where the token endpoint is, behind the public URL.
const TokenPath = "/oauth2/token"

const (
	grantClient     = "client_credentials"
	grantJWT        = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	assertionJWT    = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	maxTokenBody    = 64 << 10
	codeUnavailable = "temporarily_unavailable"
	formTimeout     = 5 * time.Second
)

// TokenEndpointConfig are the settings of the token endpoint.
type TokenEndpointConfig struct {
	// PublicURL is the scheme and authority under which clients reach the server.
	PublicURL string
	Limits    *Limits
	// FormTimeout is how long a form may take to arrive; 0: five seconds.
	FormTimeout time.Duration
	Logger      *zap.Logger
}

type tokenEndpoint struct {
	issuer      issuer
	formTimeout time.Duration
	edge        Edge
}

// NewTokenEndpoint returns the handler of the token endpoint (RFC 6749 section
// 3.2): the client credentials grant with client_secret_basic,
// client_secret_post and private_key_jwt (RFC 7523 section 2.2), and the JWT
// bearer grant (section 2.1). It expects Addressed around it.
func NewTokenEndpoint(store ClientStore, keys *KeySets, clock membership.Clock, c TokenEndpointConfig) http.Handler {
	public := strings.TrimRight(c.PublicURL, "/")
	return &tokenEndpoint{
		edge: Edge{
			Log: c.Logger, FailureOf: func(err error) Failure { return oauthErrorOf(err) },
			Reason:   func(err error) string { return oauthErrorOf(err).Error() },
			Internal: errOAuthInternal, Unavailable: errOAuthUnavailable,
		},
		formTimeout: cmp.Or(c.FormTimeout, formTimeout),
		issuer: issuer{
			store: store, keys: keys, clock: clock, limits: c.Limits,
			audiences: []string{public + TokenPath, public, public + "/"},
		},
	}
}

// ServeHTTP implements http.Handler.
func (e *tokenEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	e.edge.Serve(NewAnswer(w), r, func(a *Answer) error { //nolint:contextcheck // the request has the context
		note := NoteOf(r.Context())
		note.Answer.Outcome = membership.RequestFailed // as long as it does not end otherwise: it may panic
		t, text, err := e.issue(a, r)
		if err != nil {
			shown := oauthErrorOf(err)
			note.Failed(membership.OutcomeOf(err, shown.Status()), shown.code, shown.description, shown.Error())
			return err
		}
		note.Did()
		note.Effect.Tell(&note.Answer)
		answerToken(a, http.StatusOK, struct {
			AccessToken string `json:"access_token"`
			TokenType   string `json:"token_type"`
			ExpiresIn   int64  `json:"expires_in"`
			Scope       string `json:"scope"`
		}{text, "Bearer", int64(t.ExpiresAt.Sub(t.CreatedAt) / time.Second), strings.Join(t.Scopes, " ")})
		return nil
	})
}

func (e *tokenEndpoint) issue(a *Answer, r *http.Request) (Token, string, error) {
	req, err := e.readTokenRequest(a, r)
	if err != nil {
		return Token{}, "", err
	}
	return e.issuer.issue(r.Context(), req)
}

// TokenNotAllowed answers requests to the token endpoint that are no POST. The router
// sets Allow.
func TokenNotAllowed(w http.ResponseWriter, r *http.Request) {
	NoteOf(r.Context()).Refuse(errTokenMethod.Error())
	errTokenMethod.Write(w)
}

// TokenUnavailable answers as the token endpoint does while the store cannot.
func TokenUnavailable(w http.ResponseWriter, _ *http.Request) { errOAuthUnavailable.Write(w) }

func answerToken(w http.ResponseWriter, status int, body any) {
	b, _ := json.Marshal(body) // strings and numbers always can be
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// readTokenRequest decodes a request. Errors are *oauthError, or of
// membership.KindRateLimited.
func (e *tokenEndpoint) readTokenRequest(w http.ResponseWriter, r *http.Request) (tokenRequest, error) {
	form, err := e.readForm(w, r)
	if err != nil {
		return tokenRequest{}, err
	}
	req := tokenRequest{grant: form.Get("grant_type"), clientID: form.Get("client_id"),
		scopes: strings.Fields(form.Get("scope"))}
	switch req.grant {
	case grantClient:
		err = req.readClient(r.Header.Values("Authorization"), form)
	case grantJWT:
		err = req.readGrant(r.Header.Values("Authorization"), form)
	case "":
		err = invalidRequest("grant_type is required")
	default:
		err = &oauthError{code: "unsupported_grant_type", description: "grant_type must be " + grantClient + " or " +
			grantJWT}
	}
	return req, err
}

// readClient reads how the client says who it is: in exactly one way (RFC 6749
// section 2.3).
func (t *tokenRequest) readClient(authorization []string, form url.Values) error {
	t.secret, t.assertion = form.Get("client_secret"), form.Get("client_assertion")
	kind, ways := form.Get("client_assertion_type"), 0
	for _, given := range []bool{len(authorization) > 0, t.secret != "", t.assertion != "" || kind != ""} {
		if given {
			ways++
		}
	}
	switch {
	case ways > 1 || len(authorization) > 1:
		return invalidRequest("the client must say who it is in one way, not in several")
	case len(authorization) == 1:
		return t.readBasic(authorization[0])
	case t.assertion == "" && kind == "":
		if t.clientID == "" || t.secret == "" {
			return &oauthError{status: http.StatusUnauthorized, code: codeInvalidClient,
				description: "the client has to say who it is"}
		}
	case kind != assertionJWT || t.assertion == "":
		return invalidRequest("client_assertion needs the client_assertion_type " + assertionJWT)
	}
	return nil
}

// readBasic reads the header, whose parts are encoded like a form's (RFC 6749
// section 2.3.1).
func (t *tokenRequest) readBasic(authorization string) error {
	r := http.Request{Header: http.Header{"Authorization": {authorization}}}
	user, password, ok := r.BasicAuth()
	id, err := url.QueryUnescape(user)
	secret, serr := url.QueryUnescape(password)
	if !ok || err != nil || serr != nil {
		return &oauthError{
			status: http.StatusUnauthorized, code: codeInvalidClient,
			description: "the header Authorization is not in the form of Basic",
		}
	}
	if t.clientID != "" && t.clientID != id {
		return invalidRequest("client_id is not the client of the header Authorization")
	}
	t.clientID, t.secret = id, secret
	return nil
}

// readGrant reads an assertion that is the grant, and proves the client as well.
func (t *tokenRequest) readGrant(authorization []string, form url.Values) error {
	t.assertion = form.Get("assertion")
	switch {
	case t.assertion == "":
		return invalidRequest("assertion is required")
	case len(authorization) > 0 || form.Get("client_secret") != "" || form.Get("client_assertion") != "":
		return invalidRequest("the assertion says who the client is, and nothing else may")
	}
	return nil
}

// readForm reads a body whose parameters are there once each, and a request
// that has no others.
func (e *tokenEndpoint) readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, invalidRequest("the body must be a form (Content-Type: application/x-www-form-urlencoded)")
	}
	if r.URL.RawQuery != "" {
		return nil, invalidRequest("parameters belong in the body: URLs end up in logs")
	}
	// Without a connection, as in a test, there is no deadline.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(e.formTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxTokenBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &oauthError{status: http.StatusRequestEntityTooLarge, code: codeInvalidRequest,
			description: "the body is too large"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, e.issuer.limits.count(r.Context(), &oauthError{
			status: http.StatusRequestTimeout, code: codeInvalidRequest, description: "the body came in too slowly",
		})
	case err != nil:
		return nil, e.issuer.limits.count(r.Context(), invalidRequest("the body could not be read to its end"))
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, invalidRequest("the body is no form")
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, invalidRequest("a parameter is given more than once")
		}
		if !membership.ValidText(values[0]) {
			return nil, invalidRequest("a parameter has a NUL byte or is not UTF-8")
		}
	}
	return form, nil
}
