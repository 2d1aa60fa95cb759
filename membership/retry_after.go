package membership

import "time"

// usualRetry is after how long a caller may try again what may succeed later.
// A provider is not to come back at once to a connection that is paused.
var usualRetry = map[Kind]time.Duration{
	KindUnavailable: 5 * time.Second,
	KindPaused:      30 * time.Second,
	KindInProgress:  time.Second,
}

// RetrySeconds is the value of the Retry-After header (RFC 9110 section 10.2.3)
// that every door answers an error with: whole seconds, rounded up; 0: none.
func (e *Error) RetrySeconds() int {
	after := e.RetryAfter
	if after <= 0 {
		after = usualRetry[e.Kind]
	}
	return int((after + time.Second - 1) / time.Second)
}
