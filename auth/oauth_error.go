package auth

import "net/http"

// oauthError is an error of the token endpoint (RFC 6749 section 5.2).
type oauthError struct {
	status      int // 0: 400
	code        string
	description string // safe to show
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
