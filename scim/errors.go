package scim

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/scimbridge/scimbridge/membership"
)

// errorSchema is the message of RFC 7644 section 3.12.
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

// The scimTypes of RFC 7644 table 9 that the door gives.
const (
	typeInvalidFilter = "invalidFilter" // a filter that cannot be read or evaluated
	typeUniqueness    = "uniqueness"    // a name is taken
	typeMutability    = "mutability"    // an attempt to change what is read-only
	typeInvalidSyntax = "invalidSyntax" // the body is no message of the expected shape
	typeInvalidPath   = "invalidPath"   // the path of an operation cannot be read
	typeTooMany       = "tooMany"       // a filter that needs more than the server can hold
	typeNoTarget      = "noTarget"      // a path that selects nothing, where something was needed
	typeInvalidValue  = "invalidValue"  // a value that is missing or of the wrong kind

	// RFC 9865 section 2.3.
	typeInvalidCursor = "invalidCursor" // not a cursor that this list has given
	typeExpiredCursor = "expiredCursor" // one that was given too long ago
	typeInvalidCount  = "invalidCount"  // a page larger than the largest
)

// scimError is an error as the caller gets to see it.
type scimError struct {
	status   int
	scimType string
	detail   string
	format   string // what detail was made of, without its values; empty: there are none
	// retryAfter is in whole seconds; 0: no header.
	retryAfter int
}

// Error implements error.
func (e *scimError) Error() string { return e.detail }

var (
	errInternal    = &scimError{status: http.StatusInternalServerError, detail: "internal error"}
	errUnavailable = errorOf(&membership.Error{
		Kind: membership.KindUnavailable, Message: "the service cannot answer now; try again",
	})
)

func badRequest(scimType, format string, args ...any) error {
	return &scimError{status: http.StatusBadRequest, scimType: scimType, detail: fmt.Sprintf(format, args...),
		format: format}
}

func unauthenticated(detail string) error {
	return &scimError{status: http.StatusUnauthorized, detail: detail}
}

// statuses turns kinds of the domain into statuses and scimTypes.
var statuses = map[membership.Kind]scimError{
	membership.KindInvalid:         {status: http.StatusBadRequest, scimType: typeInvalidValue},
	membership.KindUnknownMembers:  {status: http.StatusBadRequest, scimType: typeInvalidValue},
	membership.KindTooMany:         {status: http.StatusBadRequest, scimType: typeTooMany},
	membership.KindNotFound:        {status: http.StatusNotFound},
	membership.KindUniqueness:      {status: http.StatusConflict, scimType: typeUniqueness},
	membership.KindAlreadyMember:   {status: http.StatusConflict},
	membership.KindForbidden:       {status: http.StatusForbidden},
	membership.KindManagedByIdP:    {status: http.StatusForbidden},
	membership.KindGroupManaged:    {status: http.StatusForbidden},
	membership.KindHeld:            {status: http.StatusConflict},
	membership.KindVersionMismatch: {status: http.StatusPreconditionFailed},
	membership.KindPaused:          {status: http.StatusServiceUnavailable},
	membership.KindTooLarge:        {status: http.StatusRequestEntityTooLarge},
	membership.KindUnavailable:     {status: http.StatusServiceUnavailable},
	membership.KindRateLimited:     {status: http.StatusTooManyRequests},
	membership.KindBusy:            {status: http.StatusServiceUnavailable},
}

// errorOf returns what the caller gets to see of err.
func errorOf(err error) *scimError {
	var own *scimError
	if errors.As(err, &own) {
		return own
	}
	var domain *membership.Error
	if errors.As(err, &domain) {
		if e, ok := statuses[domain.Kind]; ok {
			e.detail, e.retryAfter = domain.Message, domain.RetrySeconds()
			return &e
		}
	}
	return errInternal
}

// reason is why a request is refused, for the log: no value of it is in it.
func reason(err error) string {
	var own *scimError
	var domain *membership.Error
	switch {
	case errors.As(err, &own):
		return cmp.Or(own.scimType, strconv.Itoa(own.status)) + ": " + cmp.Or(own.format, own.detail)
	case errors.As(err, &domain):
		return domain.Reason()
	}
	return "internal"
}

// plainDetail is the detail without the values in it.
func plainDetail(err error) string {
	var own *scimError
	var domain *membership.Error
	switch {
	case errors.As(err, &own):
		return membership.Plain(cmp.Or(own.format, own.detail))
	case errors.As(err, &domain) && domain.Kind != membership.KindHeld: // which names ids and numbers only
		return membership.Plain(cmp.Or(domain.Format, domain.Message))
	}
	return errorOf(err).detail
}

// Unavailable answers as the door does while the store cannot.
func Unavailable(w http.ResponseWriter, _ *http.Request) { errUnavailable.Write(w) }

// Status implements auth.Failure.
func (e *scimError) Status() int { return e.status }

// Write implements auth.Failure.
func (e *scimError) Write(w http.ResponseWriter) {
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="scimbridge"`)
	}
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	body, err := encode(struct {
		Schemas  []string `json:"schemas"`
		Status   string   `json:"status"`
		ScimType string   `json:"scimType,omitempty"`
		Detail   string   `json:"detail"`
	}{[]string{errorSchema}, strconv.Itoa(e.status), e.scimType, e.detail})
	if err != nil { // it holds strings only
		body = nil
	}
	header(w)
	w.WriteHeader(e.status)
	_, _ = w.Write(body)
}

// The values are shared by all answers: none changes them.
var (
	scimJSON = []string{"application/scim+json"}
	noStore  = []string{"no-store"}
)

// header is of every answer. Answers are about people: no cache may keep them.
func header(w http.ResponseWriter) {
	h := w.Header()
	h["Content-Type"] = scimJSON
	h["Cache-Control"] = noStore
}
