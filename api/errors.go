package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/scimbridge/scimbridge/membership"
)

// The codes of errors, as in openapi.yaml.
const (
	codeInvalidInput     = "invalid_input"
	codeUnauthenticated  = "unauthenticated"
	codeForbidden        = "forbidden"
	codeTenantMismatch   = "tenant_mismatch"
	codeManagedByIdP     = "membership_managed_by_idp"
	codeGroupManaged     = "group_managed_by_idp"
	codeUserManaged      = "user_managed_by_idp"
	codeNotFound         = "not_found"
	codeMethodNotAllowed = "method_not_allowed"
	codeAlreadyMember    = "already_member"
	codeAlreadyExists    = "already_exists"
	codeKeyReused        = "idempotency_key_reused"
	codeInProgress       = "request_in_progress"
	codeAnswerLost       = "answer_lost"
	codeBodyRedacted     = "body_redacted"
	codeTooLarge         = "too_large"
	codeTooSlow          = "too_slow"
	codeRateLimited      = "rate_limited"
	codeInternal         = "internal"
	codeUnavailable      = "unavailable"
)

// answers says how each kind of error is answered. Kinds that no use case of
// this door returns are not in it: they would be a mistake in the program.
var answers = map[membership.Kind]struct {
	status int
	code   string
}{
	membership.KindInvalid:       {http.StatusBadRequest, codeInvalidInput},
	membership.KindNotFound:      {http.StatusNotFound, codeNotFound},
	membership.KindGone:          {http.StatusNotFound, codeNotFound},
	membership.KindAlreadyMember: {http.StatusConflict, codeAlreadyMember},
	membership.KindUniqueness:    {http.StatusConflict, codeAlreadyExists},
	membership.KindForbidden:     {http.StatusForbidden, codeForbidden},
	membership.KindManagedByIdP:  {http.StatusForbidden, codeManagedByIdP},
	membership.KindGroupManaged:  {http.StatusForbidden, codeGroupManaged},
	membership.KindLinked:        {http.StatusConflict, codeUserManaged},
	membership.KindKeyReused:     {http.StatusUnprocessableEntity, codeKeyReused},
	membership.KindInProgress:    {http.StatusConflict, codeInProgress},
	membership.KindAnswerLost:    {http.StatusConflict, codeAnswerLost},
	membership.KindBodyRedacted:  {http.StatusConflict, codeBodyRedacted},
	membership.KindTooMany:       {http.StatusBadRequest, codeInvalidInput},
	membership.KindTooLarge:      {http.StatusRequestEntityTooLarge, codeTooLarge},
	membership.KindUnavailable:   {http.StatusServiceUnavailable, codeUnavailable},
	membership.KindRateLimited:   {http.StatusTooManyRequests, codeRateLimited},
	membership.KindBusy:          {http.StatusServiceUnavailable, codeUnavailable},
}

// failure is an error as it is answered.
type failure struct {
	status  int
	code    string
	message string
	format  string // what message was made of, without its values; empty: there are none
	details map[string]any
	notices []string
	// challenge is the value of WWW-Authenticate, for 401.
	challenge string
	// retryAfter is in whole seconds; 0: no header.
	retryAfter int
}

var (
	internal = &failure{
		status: http.StatusInternalServerError, code: codeInternal,
		message: "something went wrong here; the server's log has it under the request's id",
	}
	unavailable = failureOf(&membership.Error{
		Kind: membership.KindUnavailable, Message: "the store cannot answer now: try again",
	})
)

// Error implements error.
func (f *failure) Error() string { return f.message }

// failureOf turns any error into its answer. Only errors that were made to be
// shown are.
func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var e *membership.Error
	if !errors.As(err, &e) {
		return internal
	}
	a, ok := answers[e.Kind]
	if !ok {
		return internal
	}
	return &failure{
		status: a.status, code: a.code, message: e.Message, format: e.Format, details: e.Details, notices: e.Notices,
		retryAfter: e.RetrySeconds(),
	}
}

// reason is why a request is refused, for the log: no value of it is in it.
func (f *failure) reason() string { return f.code + ": " + cmp.Or(f.format, f.message) }

// Unavailable answers as the door does while the store cannot.
func Unavailable(w http.ResponseWriter, _ *http.Request) { unavailable.Write(w) }

// Status implements auth.Failure.
func (f *failure) Status() int { return f.status }

// Write implements auth.Failure.
func (f *failure) Write(w http.ResponseWriter) {
	body, err := json.Marshal(struct {
		Code    string         `json:"code"`
		Message string         `json:"message"`
		Details map[string]any `json:"details,omitempty"`
		Notices []string       `json:"notices,omitempty"`
	}{f.code, f.message, f.details, f.notices})
	if err != nil { // details hold strings, ids and lists of them only
		body = []byte(`{"code":"internal","message":""}`)
	}
	if f.challenge != "" {
		w.Header().Set("WWW-Authenticate", f.challenge)
	}
	if f.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	_ = send(w, f.status, body) // it fails only when the caller has gone
}
