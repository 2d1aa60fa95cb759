package console

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// failure is an error as a page shows it.
type failure struct {
	status     int
	title      string // what happened, in a few words
	message    string // what is wrong and what to do
	format     string // what message was made of, without its values; empty: there are none
	notices    []string
	retryAfter int  // whole seconds; 0: no header
	login      bool // logging in helps
}

// Error implements error.
func (f *failure) Error() string { return f.message }

// reason is why a request is refused, for the log: no value of it is in it.
func (f *failure) reason() string {
	return strconv.Itoa(f.status) + ": " + cmp.Or(f.format, f.message)
}

// answers says how each kind of error is shown.
var answers = map[membership.Kind]struct {
	status int
	title  string
}{
	membership.KindInvalid:       {http.StatusBadRequest, "That does not work so"},
	membership.KindTooMany:       {http.StatusBadRequest, "That is too much at once"},
	membership.KindNotFound:      {http.StatusNotFound, "There is nothing here"},
	membership.KindGone:          {http.StatusNotFound, "It was deleted"},
	membership.KindForbidden:     {http.StatusForbidden, "You may not do this"},
	membership.KindManagedByIdP:  {http.StatusForbidden, "The identity provider decides this"},
	membership.KindGroupManaged:  {http.StatusForbidden, "The identity provider decides this"},
	membership.KindAlreadyMember: {http.StatusConflict, "Already a member"},
	membership.KindUniqueness:    {http.StatusConflict, "The name is taken"},
	membership.KindLinked:        {http.StatusConflict, "The identity provider still has this person"},
	membership.KindInProgress:    {http.StatusConflict, "This is being done already"},
	membership.KindBodyRedacted:  {http.StatusConflict, "The request was not kept whole"},
	membership.KindTooLarge:      {http.StatusRequestEntityTooLarge, "That is too large"},
	membership.KindRateLimited:   {http.StatusTooManyRequests, "Too many requests"},
	membership.KindUnavailable:   {http.StatusServiceUnavailable, "Not possible right now"},
	membership.KindBusy:          {http.StatusServiceUnavailable, "Too much is going on right now"},
}

var (
	internal = &failure{
		status: http.StatusInternalServerError, title: "Something went wrong here",
		message: "It is not your doing. The server's log has it under the number of the request.",
	}
	unavailable = failureOf(&membership.Error{
		Kind: membership.KindUnavailable, Message: "the store cannot answer now: try again",
	})
	noSuchPage = &failure{
		status: http.StatusNotFound, title: "There is no such page",
		message: "The address was mistyped, or the page has moved.",
	}
)

// failureOf turns any error into what is shown of it. Only errors that were made to be
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
		status: a.status, title: a.title, message: sentence(e.Message), format: e.Format, notices: e.Notices,
		retryAfter: e.RetrySeconds(),
	}
}

// Unavailable answers as the door does while the store cannot.
func Unavailable() http.Handler {
	return newDoor(Services{}, Config{}).edge(func(http.ResponseWriter, *request) error { return unavailable })
}

// errorPage is a failure in the frame of the other pages. It implements auth.Failure.
type errorPage struct {
	d *door
	r *request
	*failure
}

var _ auth.Failure = errorPage{}

// Status implements auth.Failure.
func (e errorPage) Status() int { return e.status }

// Write implements auth.Failure.
func (e errorPage) Write(w http.ResponseWriter) {
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(e.retryAfter))
	}
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="scimbridge"`) // RFC 9110 section 11.6.1
	}
	err := e.d.show(w, e.r, view{template: "error", title: e.title, status: e.status, data: struct {
		Title, Message, RequestID string
		Notices                   []string
		Login                     bool
	}{e.title, e.message, requestID(e.r.Request), e.notices, e.login}})
	if err != nil {
		http.Error(w, e.title, e.status)
	}
}
