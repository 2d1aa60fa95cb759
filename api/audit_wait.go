package api

import (
	"context"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	// longestWait is how long a list of events may wait for one.
	longestWait = 60 * time.Second
	// betweenLooks is how often at most a request that waits looks at a log that
	// grows by events it did not ask for.
	betweenLooks = time.Second
)

// wait is how long the answer may wait for something to tell.
func (q query) wait() (time.Duration, error) {
	s, given := q["wait"]
	if !given {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if most := int(longestWait / time.Second); err != nil || n < 0 || n > most {
		return 0, membership.Invalidf("wait must be a number of seconds from 0 to %d", most)
	}
	if _, given := q["to"]; given {
		return 0, membership.Invalidf("wait is for what comes: it cannot be given together with to")
	}
	return time.Duration(n) * time.Second, nil
}

// eventsWithin is a page of events: at once when there are some, else once there are,
// or when the time is over. While it waits it holds nothing of the store, and no place
// among the requests that run; for each look after that it shows its credential again,
// which may have ended.
func (d *door) eventsWithin(r request, f membership.EventFilter, wait time.Duration) (membership.EventPage, error) {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	for looks := 0; ; looks++ {
		p, err := d.Directory.NumberedEvents(r.Context(), r.call, f)
		if err != nil || wait == 0 || len(p.Events) > 0 || p.Next != nil {
			return p, err
		}
		if err := auth.Wait(r.Context()); err != nil {
			return p, err
		}
		goOn := looks == 0 || d.Directory.PauseEvents(ctx, betweenLooks)
		if !goOn || !d.Directory.AwaitEvents(ctx, r.call, p.Follow) {
			return p, r.Context().Err() // the time is over, or the client is gone
		}
		if r.call, err = d.again(r); err != nil {
			return p, err
		}
		f.Cursor = p.Follow
	}
}

// again verifies the credential of a request that has waited.
func (d *door) again(r request) (membership.Call, error) {
	c, err := headerCredential(r.Request)
	if err != nil {
		return membership.Call{}, err
	}
	call, err := d.authenticate(r.Request, c, r.call.Tenant)
	if err == nil && call.Tenant != r.call.Tenant {
		err = unauthenticated(c.authorization, "the credential is another one's now")
	}
	return call, err
}
