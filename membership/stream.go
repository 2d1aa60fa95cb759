package membership

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A stream tells a receiver of what happened by security event tokens (RFC 8417), as the
// Shared Signals Framework 1.0 has it. It is a webhook whose receiver administers it: a
// place in the log, with the same rules of delivery. One without a URL is polled.

// The bounds of streams. They count among the webhooks of a tenant.
const (
	maxAuthorization = 4096 // bytes of the header that a receiver wants
	maxVerification  = 1024 // bytes of the state of a verification
	// VerificationInterval is how long a receiver waits between two verifications.
	VerificationInterval = time.Minute
)

// Stream reports whether a webhook is a stream.
func (w Webhook) Stream() bool { return w.Signing == SigningSET }

// Polled reports whether the receiver of a stream fetches its tokens (RFC 8936).
func (w Webhook) Polled() bool { return w.URL == "" }

// StreamSpec is what a stream is made from or changed to. A nil field is left as it is,
// or gets its default.
type StreamSpec struct {
	URL           *string       // empty: it is polled
	Authorization *string       // of pushed ones: the header Authorization
	Requested     *[]SignalType // left out of a new one: all that it supports
	Description   *string
	Connection    *ID // of a new one: whose view it is; nil or zero: the tenant's
}

func (s StreamSpec) apply(w Webhook) (Webhook, error) {
	if s.URL != nil && *s.URL != w.URL {
		w.Secret = nil // it is not for another address
	}
	set(&w.URL, s.URL)
	set(&w.Description, s.Description)
	if s.Authorization != nil {
		w.Secret = []byte(*s.Authorization)
	}
	if s.Requested != nil {
		w.Requested = w.known(*s.Requested)
	}
	switch {
	case w.Polled() && len(w.Secret) > 0:
		return w, Invalidf("authorization_header is for streams that are pushed")
	case len(w.Secret) > maxAuthorization || strings.ContainsFunc(string(w.Secret), notInHeader):
		return w, Invalidf("authorization_header must be at most %d characters of ASCII, without control characters",
			maxAuthorization)
	}
	return w, checkText("description", w.Description, false)
}

func notInHeader(r rune) bool { return r < ' ' || r > '~' }

// Supported are the signals that a stream can have. Resources come into a connection's
// view and leave it; those of a tenant are all in one.
func (w Webhook) Supported() []SignalType {
	if len(w.Connections) > 0 {
		return Signals
	}
	return slices.DeleteFunc(slices.Clone(Signals), func(s SignalType) bool {
		return s == SignalAdded || s == SignalRemoved
	})
}

// known are those of a list that a stream supports, each once. What a transmitter does
// not know it leaves out (SSF 1.0 section 8.1.1).
func (w Webhook) known(requested []SignalType) (known []SignalType) {
	for _, s := range w.Supported() {
		if slices.Contains(requested, s) {
			known = append(known, s)
		}
	}
	return known
}

// SignalID names a signal at a stream, and the token that tells of it: however often it is
// sent, it is the same.
type SignalID struct {
	Stream ID
	Number int64 // of the event
	Part   int
}

// String is the form of a jti.
func (id SignalID) String() string { return fmt.Sprintf("%s.%d.%d", id.Stream, id.Number, id.Part) }

// maxParts is how many signals an event has at most.
const maxParts = 32

// ParseSignalID reads what String has written. ok is false for anything else.
func ParseSignalID(text string) (id SignalID, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return id, false
	}
	stream, err := ParseID(parts[0])
	number, err2 := strconv.ParseInt(parts[1], 10, 64)
	part, err3 := strconv.Atoi(parts[2])
	id = SignalID{stream, number, part}
	return id, err == nil && err2 == nil && err3 == nil && number > 0 && part >= 0 && part < maxParts &&
		id.String() == text
}

// Left are the signals of its event that a delivery has not taken yet.
func (d Delivery) Left(all []Signal) (left []Signal) {
	for _, s := range all {
		if d.Taken&(1<<s.Part) == 0 {
			left = append(left, s)
		}
	}
	return left
}

// Take notes that a signal was taken.
func (d *Delivery) Take(s Signal) { d.Taken |= 1 << s.Part }
