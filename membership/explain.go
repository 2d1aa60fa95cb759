package membership

import (
	"context"
	"slices"
	"time"
)

// Explanation is how a user or a group came to be what they are: requests and events
// in one line of time, the newest first, and what is so now.
type Explanation struct {
	User        *User // one of the two, unless they were deleted
	Group       *Group
	Memberships []Membership // of the user
	Moments     []Moment
	Names       Names // of what the events tell of
	// Complete is false where there is more than is looked at: the oldest are missing.
	Complete bool
}

// Moment is a request or an event.
type Moment struct {
	At      time.Time
	Request *Request
	Event   *Event
}

const (
	// MaxMoments is how many an explanation has at most.
	MaxMoments = 200
	// maxExplainEvents bounds the events that are looked at.
	maxExplainEvents = 5_000
)

// Explain tells of a user or a group: one of them is zero. It takes who may read both
// the requests and the audit log.
func (d *Directory) Explain(ctx context.Context, call Call, group, user ID, from, to time.Time) (x Explanation,
	err error) {
	for _, op := range []Operation{OpReadRequests, OpReadAudit} {
		if err := d.allow(ctx, call, op, group, user); err != nil {
			return x, err
		}
	}
	if d.requests == nil {
		return x, noRequestLog()
	}
	if _, err := d.numberEvents(ctx, call.Tenant); err != nil {
		return x, err
	}
	f := RequestFilter{User: user, Group: group, From: from, To: to, Limit: MaxMoments}
	page, err := d.requests.RequestLog().Requests(ctx, call.Tenant, f)
	if err != nil {
		return x, err
	}
	if err := d.numberRequests(ctx, call.Tenant, page.Requests); err != nil {
		return x, err
	}
	var events []Event
	var more bool
	if err := d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if x, err = present(ctx, r, group, user); err != nil {
			return err
		}
		events, more, err = lastEvents(ctx, r, EventFilter{Group: group, User: user, From: from, To: to})
		if err != nil {
			return err
		}
		x.Names, err = r.Names(ctx, namesFor(events, false))
		return err
	}); err != nil {
		return x, err
	}
	for i := range page.Requests {
		x.Moments = append(x.Moments, Moment{At: page.Requests[i].At, Request: &page.Requests[i]})
	}
	for i := range events {
		x.Moments = append(x.Moments, Moment{At: events[i].At, Event: &events[i]})
	}
	if x.User == nil && x.Group == nil && len(x.Moments) == 0 {
		if user.IsZero() {
			return x, NotFound("group")
		}
		return x, NotFound("user")
	}
	slices.SortStableFunc(x.Moments, func(a, b Moment) int { return b.At.Compare(a.At) })
	x.Complete = !page.More && !more && len(x.Moments) <= MaxMoments
	x.Moments = x.Moments[:min(len(x.Moments), MaxMoments)]
	return x, nil
}

// present is what is so now.
func present(ctx context.Context, r Reader, group, user ID) (x Explanation, err error) {
	if !group.IsZero() {
		g, err := r.Group(ctx, group)
		if err == nil {
			x.Group = &g
		}
		return x, unlessNotFound(err)
	}
	u, err := r.User(ctx, user)
	if err != nil {
		return x, unlessNotFound(err)
	}
	x.User = &u
	x.Memberships, err = r.Memberships(ctx, user, MembershipQuery{Limit: MaxMoments})
	return x, err
}

func unlessNotFound(err error) error {
	if KindOf(err) == KindNotFound {
		return nil
	}
	return err
}

// lastEvents are the newest that a filter selects. Events are read in the order of
// their numbers, so it goes through those before them.
func lastEvents(ctx context.Context, r EventReader, f EventFilter) (events []Event, more bool, err error) {
	const page = 500
	f.From, f.To = upToMicrosecond(f.From), upToMicrosecond(f.To)
	f.Limit = page
	for looked := 0; looked < maxExplainEvents; looked += page {
		part, err := r.NumberedEvents(ctx, f)
		if err != nil {
			return nil, false, err
		}
		if events = append(events, part...); len(events) > MaxMoments {
			events, more = slices.Clone(events[len(events)-MaxMoments:]), true
		}
		if len(part) < page {
			return events, more, nil
		}
		f.Cursor.Number = part[len(part)-1].Number
	}
	return events, true, nil
}
