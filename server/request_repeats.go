package server

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of what is counted of repeated refusals.
const (
	repeatEvery      = time.Minute
	maxRepeats       = 10_000
	maxTenantRepeats = 200
	// maxUnprovenRepeats are of credentials that were not verified: their tenants may be
	// made up.
	maxUnprovenRepeats = maxRepeats / 2
)

// repeats make one row a minute of all requests that one credential is refused for
// one reason, with their count.
type repeats struct {
	windows  map[repeatKey]*repeated
	tenants  map[membership.ID]int
	unproven int // of windows
	now      func() time.Time
}

type repeatKey struct {
	tenant, credential membership.ID
	status             int
	reason             string
}

// repeated is the last of the requests of one minute; count 0: none after the first.
type repeated struct {
	last   requestEntry
	count  int
	ends   time.Time
	proven bool // the request that opened it
}

func newRepeats() repeats {
	return repeats{windows: map[repeatKey]*repeated{}, tenants: map[membership.ID]int{}, now: time.Now}
}

// repeatable: a caller who goes on without end writes no log without end.
func (e *requestEntry) repeatable() bool {
	return !e.proven || e.rejected || e.status == http.StatusUnauthorized || e.status == http.StatusTooManyRequests
}

// repeatOf says what becomes of a request that may be a repeat.
type repeatOf int

const (
	firstOfMinute repeatOf = iota // a row
	countedRepeat
	noRoom // neither
)

// counts counts a repeat.
func (r *repeats) counts(e *requestEntry) repeatOf {
	key := repeatKey{e.tenant, e.note.credential, e.status, e.note.refused}
	if !e.proven && e.note.connection.IsZero() {
		key.credential = membership.ID{} // there is no such token: anybody can make up any number of them
	}
	w := r.windows[key]
	if w == nil && r.tenants[e.tenant] >= maxTenantRepeats { // those of the tenant share one for each status
		key = repeatKey{tenant: e.tenant, status: e.status}
		w = r.windows[key]
	}
	switch {
	case w != nil:
	case len(r.windows) >= maxRepeats || !e.proven && r.unproven >= maxUnprovenRepeats:
		return noRoom
	default:
		r.open(key, e.proven)
		return firstOfMinute
	}
	w.last = *e
	w.last.body = nil
	w.count++
	return countedRepeat
}

func (r *repeats) open(key repeatKey, proven bool) {
	r.windows[key] = &repeated{ends: r.now().Add(repeatEvery), proven: proven}
	r.tenants[key.tenant]++
	if !proven {
		r.unproven++
	}
}

// due returns a row of each minute that is over and had repeats. One that had none is
// forgotten.
func (r *repeats) due(now time.Time) (rows []requestEntry) {
	for key, w := range r.windows {
		if now.Before(w.ends) {
			continue
		}
		if w.count == 0 {
			delete(r.windows, key)
			if !w.proven {
				r.unproven--
			}
			if r.tenants[key.tenant]--; r.tenants[key.tenant] == 0 {
				delete(r.tenants, key.tenant)
			}
			continue
		}
		w.last.count = w.count
		rows = append(rows, w.last)
		*w = repeated{ends: now.Add(repeatEvery), proven: w.proven}
	}
	return rows
}
