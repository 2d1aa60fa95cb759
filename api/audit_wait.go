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
// or when the time is over.
func (d *door) eventsWithin(r request, f membership.EventFilter, wait time.Duration) (membership.EventPage, error) {
	var p membership.EventPage
	err := d.within(r, wait, func(r request) (found bool, follow membership.EventCursor, err error) {
		p, err = d.Directory.NumberedEvents(r.Context(), r.call, f)
		f.Cursor = p.Follow
		return len(p.Events) > 0 || p.Next != nil, p.Follow, err
	})
	return p, err
}

// within looks again and again whether a log has something to tell, until it has or the
// time is over. While it waits it holds nothing of the store, and no place among the
// requests that run; for each look after that it shows its credential again, which may
// have ended.
func (d *door) within(
	r request, wait time.Duration, look func(request) (found bool, follow membership.EventCursor, err error),
) error {
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	for looks := 0; ; looks++ {
		found, follow, err := look(r)
		if err != nil || wait == 0 || found {
			return err
		}
		if err := auth.Wait(r.Context()); err != nil {
			return err
		}
		goOn := looks == 0 || d.Directory.PauseEvents(ctx, betweenLooks)
		if !goOn || !d.Directory.AwaitEvents(ctx, r.call, follow) {
			return r.Context().Err() // the time is over, or the client is gone
		}
		if r.call, err = d.again(r); err != nil {
			return err
		}
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
