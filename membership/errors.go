package membership

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Kind says what went wrong in the domain's own words. Each door has one table
// that turns kinds into its status codes.
type Kind string

// The kinds of errors that use cases return.
const (
	KindInvalid         Kind = "invalid"          // a value that can never be right
	KindUnknownMembers  Kind = "unknown_members"  // ids that are no user in the caller's view (rule 6)
	KindNotFound        Kind = "not_found"        // no such thing, or not the caller's
	KindUniqueness      Kind = "uniqueness"       // the name is taken (rules 21, 22, 30)
	KindAlreadyMember   Kind = "already_member"   // rule 8
	KindForbidden       Kind = "forbidden"        // the policy says no
	KindManagedByIdP    Kind = "managed_by_idp"   // the membership is a provider's (rule 10)
	KindGroupManaged    Kind = "group_managed"    // the group is a provider's (rule 12)
	KindLinked          Kind = "linked"           // a provider still has the user
	KindVersionMismatch Kind = "version_mismatch" // a precondition on the version failed (RFC 7644 section 3.14)
	KindPaused          Kind = "paused"           // the connection is paused
	KindTooLarge        Kind = "too_large"        // more than one request may hold
	KindUnavailable     Kind = "unavailable"      // the store cannot answer now; the same request may succeed later
	// the removal guard holds the request until an administrator allows it
	KindHeld       Kind = "held"
	KindKeyReused  Kind = "key_reused"  // an idempotency key was used with another request
	KindInProgress Kind = "in_progress" // a request with the same idempotency key is under way
	KindAnswerLost Kind = "answer_lost" // a request was carried out, but its answer was not stored
	// the body of a kept request has values that are not kept
	KindBodyRedacted Kind = "body_redacted"
	KindGone         Kind = "gone"         // it was there, and has been deleted
	KindTooMany      Kind = "too_many"     // a question whose answer needs more than a server can hold
	KindRateLimited  Kind = "rate_limited" // too many requests of one caller; RetryAfter says for how long
	KindBusy         Kind = "busy"         // too many requests run at once; RetryAfter says for how long
)

// Error is every error of the domain that a caller may see. Message is safe to
// show; Err, when set, is for the log only.
type Error struct {
	Kind    Kind
	Message string
	// Format is what Message was made of, without the values in it, which may be
	// personal data; empty: there are none in Message.
	Format  string
	Details map[string]any
	Notices []string
	Err     error
	// RetryAfter is after how long the same request may succeed; zero: as usual
	// for the kind.
	RetryAfter time.Duration
}

// Reason is the kind and what is wrong, for the log: no value of a request is in it.
func (e *Error) Reason() string { return string(e.Kind) + ": " + cmp.Or(e.Format, e.Message) }

// Error implements error with the message that callers see.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause that belongs to the log.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of err, or "" when it is no error of the domain.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// Invalidf returns an error of KindInvalid.
func Invalidf(format string, args ...any) error {
	return errorf(KindInvalid, format, args...)
}

// NotFound returns the error for a thing that does not exist for the caller.
// It reads the same for a thing that exists elsewhere.
func NotFound(what string) error {
	return &Error{Kind: KindNotFound, Message: what + " not found"}
}

func errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...), Format: format}
}
