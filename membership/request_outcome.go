package membership

import (
	"net/http"
	"strings"
)

// OutcomeOf is the outcome of a request that ended with an error of a status.
func OutcomeOf(err error, status int) RequestOutcome {
	switch KindOf(err) {
	case KindHeld:
		return RequestHeld
	case KindRateLimited, KindBusy:
		return RequestLimited
	case KindPaused:
		return RequestRefused
	}
	switch {
	case status == http.StatusTooManyRequests:
		return RequestLimited
	case status == http.StatusNotImplemented:
		return RequestRefused
	case status >= http.StatusInternalServerError:
		return RequestFailed
	}
	return RequestRefused
}

// Plain is a text for people, of one with verbs of package fmt.
func Plain(format string) string {
	if !strings.Contains(format, "%") {
		return format
	}
	return verbs.Replace(format)
}

var verbs = strings.NewReplacer("%s", "…", "%q", "…", "%d", "…", "%v", "…", "%%", "%")
