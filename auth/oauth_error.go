package auth

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/scimbridge/scimbridge/membership"
)

// oauthError is an error of the token endpoint (RFC 6749 section 5.2).
type oauthError struct {
	status      int // 0: 400
	code        string
	description string // safe to show
	retryAfter  int    // in whole seconds; 0: no header
}

// Error implements error.
func (e *oauthError) Error() string { return e.code + ": " + e.description }

// Is makes what says that a credential was not taken ErrUnauthenticated.
func (e *oauthError) Is(target error) bool {
	return target == ErrUnauthenticated && (e.code == codeInvalidClient || e.code == codeInvalidGrant)
}

// asGrant is the error for an assertion that was sent as a grant.
func (e *oauthError) asGrant() *oauthError {
	if e.code != codeInvalidClient {
		return e
	}
	return &oauthError{code: codeInvalidGrant, description: e.description}
}

const (
	codeInvalidClient  = "invalid_client"
	codeInvalidGrant   = "invalid_grant"
	codeInvalidRequest = "invalid_request"
)

// errClient is the one answer to everything that the store knows about a client:
// unknown, revoked, another's secret, expired.
var (
	errClient = &oauthError{
		status: http.StatusUnauthorized, code: codeInvalidClient,
		description: "there is no such client, or its credential is not valid",
	}
	errReplayed = badAssertion(badJWT("the assertion was used before (jti): make a new one for each request"))
)

func badAssertion(err error) *oauthError {
	return &oauthError{status: http.StatusUnauthorized, code: codeInvalidClient, description: err.Error()}
}

func invalidRequest(description string) *oauthError {
	return &oauthError{code: codeInvalidRequest, description: description}
}

var (
	errTokenMethod = &oauthError{
		status: http.StatusMethodNotAllowed, code: codeInvalidRequest,
		description: "the token endpoint takes POST only",
	}
	errOAuthInternal = &oauthError{
		status: http.StatusInternalServerError, code: "server_error", description: "internal error",
	}
	errOAuthUnavailable = oauthErrorOf(&membership.Error{Kind: membership.KindUnavailable})
)

// oauthErrorOf returns what the client gets to see of an error.
func oauthErrorOf(err error) *oauthError {
	var known *oauthError
	if errors.As(err, &known) {
		return known
	}
	var domain *membership.Error
	if !errors.As(err, &domain) {
		return errOAuthInternal
	}
	e := &oauthError{
		status: http.StatusServiceUnavailable, code: codeUnavailable, description: domain.Message,
		retryAfter: domain.RetrySeconds(),
	}
	switch domain.Kind {
	case membership.KindBusy:
	case membership.KindRateLimited:
		e.status = http.StatusTooManyRequests
	case membership.KindUnavailable:
		e.description = "this cannot be answered now: try again"
	default:
		return errOAuthInternal
	}
	return e
}

// Status implements Failure.
func (e *oauthError) Status() int {
	if e.status == 0 {
		return http.StatusBadRequest
	}
	return e.status
}

// Write implements Failure.
func (e *oauthError) Write(w http.ResponseWriter) {
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="scimbridge"`)
	}
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	answerToken(w, e.Status(), struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{e.code, e.description})
}
