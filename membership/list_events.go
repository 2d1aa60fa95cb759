package membership

import (
	"context"
	"slices"
	"time"
)

// EventFilter selects numbered events of a tenant; zero fields select all.
type EventFilter struct {
	// Cursor is where the page begins; the zero one is the beginning.
	Cursor     EventCursor
	From, To   time.Time // at or after From, before To
	Actor      Actor
	Action     Action
	Group      ID
	User       ID
	Connection ID
	Limit      int  // at least 1
	Stored     bool // events with their text as it is stored
	// MemberNames asks for the names of the members in events as well.
	MemberNames bool
}

// EventCursor is a place in the numbers of a tenant's events: what comes after
// Number and, where Through is not zero, not after that. All events of the
// period that was asked for are up to Through.
type EventCursor struct{ Number, Through int64 }

// EventPage is a page of events in the order of their numbers.
type EventPage struct {
	Events []Event
	Names  Names // of the users and groups in the events
	// Next is where the next page begins; nil: there was no more. A page can be
	// shorter than its limit although there is a next one.
	Next *EventCursor
	// Follow is where to go on, now or later: every event that is not in this
	// page or those before it, and matches, comes after it, once.
	Follow EventCursor
}

// One call numbers events in transactions of at most numberingBatch, and begins none
// after numberingTime: a log that has waited for years keeps no reader waiting.
const (
	numberingBatch = 10_000
	numberingTime  = 2 * time.Second
)

// NumberedEvents returns a page of events. What was committed and has no number
// gets one first: so a reader that goes on from a cursor
// misses nothing, also not what is committed late, and sees nothing twice.
func (d *Directory) NumberedEvents(ctx context.Context, call Call, f EventFilter) (p EventPage, err error) {
	if err := d.allow(ctx, call, OpReadAudit, f.Group, f.User); err != nil {
		return EventPage{}, err
	}
	if f.Action != "" && !slices.Contains(Actions, f.Action) {
		return EventPage{},
			Invalidf("action must be one that events have, such as %s: see the contract", ActionGrantOpened)
	}
	f.From, f.To = upToMicrosecond(f.From), upToMicrosecond(f.To)
	behind, err := d.numberEvents(ctx, call.Tenant)
	if err != nil {
		return EventPage{}, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if p, err = eventPage(ctx, r, f, behind); err == nil && len(p.Events) > 0 {
			p.Names, err = r.Names(ctx, namesFor(p.Events, f.MemberNames))
		}
		return err
	})
	return p, err
}

// numberEvents numbers what is pending; behind means that there is more of it.
func (d *Directory) numberEvents(ctx context.Context, tenant ID) (behind bool, err error) {
	err = d.store.Read(ctx, tenant, func(r Reader) error {
		behind, err = r.EventsPending(ctx)
		return err
	})
	for began := time.Now(); err == nil && behind && time.Since(began) < numberingTime; {
		err = d.store.Update(ctx, tenant, func(tx Tx) error {
			behind, err = tx.NumberEvents(ctx, numberingBatch)
			return err
		})
		if KindOf(err) == KindUnavailable {
			return true, &Error{
				Kind: KindUnavailable, Err: err,
				Message: "new events are numbered before they are read, and the store takes no writes now",
			}
		}
	}
	return behind, err
}

// memberText is how long a member of an event is in an answer, in bytes.
const memberText = 130

// disclosedSize is the bytes of an event's texts beside it.
func disclosedSize(e *Event) (n int) {
	for _, t := range e.Disclosed {
		n += len(t.Field) + len(t.Text) + 2*len(t.Salt)
	}
	return n
}

func eventPage(ctx context.Context, r EventReader, f EventFilter, behind bool) (p EventPage, err error) {
	head, err := r.EventHead(ctx)
	if err != nil {
		return p, err
	}
	if f.Cursor.Number > head || f.Cursor.Through > head {
		return p, Invalidf("cursor is ahead of the log: it is another tenant's, or the store was set back")
	}
	p.Follow.Number = head // up to here nothing is left, if this is the last page
	if f.Cursor.Through > 0 {
		p.Follow.Number = f.Cursor.Through
	}
	if f.begins() {
		first, last, err := r.EventsBetween(ctx, f.From, f.To)
		if err != nil {
			return p, err
		}
		if last == 0 {
			if behind {
				p.Next = &EventCursor{Number: head}
			}
			return p, nil
		}
		f.Cursor = EventCursor{Number: max(first-1, 0), Through: last}
	}
	if behind {
		p.Next = &EventCursor{Number: p.Follow.Number}
	}
	more := false
	p.Events, more, err = fillPage(f.Limit,
		func(e *Event) int {
			return len(e.Before) + len(e.After) + len(e.Reason) + disclosedSize(e) + memberText*len(e.Members)
		},
		func(last *Event, n int) ([]Event, error) {
			part := f
			if part.Limit = n; last != nil {
				part.Cursor.Number = last.Number
			}
			return r.NumberedEvents(ctx, part)
		})
	if err != nil || !more {
		return p, err
	}
	p.Follow.Number = p.Events[len(p.Events)-1].Number
	p.Next = &EventCursor{Number: p.Follow.Number, Through: f.Cursor.Through}
	return p, nil
}

// begins reports whether this is the first page of a period without a user or a
// group, which have indexes. The log is read by number: of a long one only the
// part is read in which the period lies.
func (f EventFilter) begins() bool {
	return f.Cursor == (EventCursor{}) && f.User.IsZero() && f.Group.IsZero() && (!f.From.IsZero() || !f.To.IsZero())
}

// upToMicrosecond keeps "at or after" and "before" exact: stores cut what is
// finer.
func upToMicrosecond(t time.Time) time.Time {
	if cut := t.Truncate(time.Microsecond); cut.Before(t) {
		return cut.Add(time.Microsecond)
	}
	return t
}

// MayReadAudit is nil for who may read the audit log.
func (d *Directory) MayReadAudit(ctx context.Context, call Call) error {
	return d.allow(ctx, call, OpReadAudit, ID{}, ID{})
}

// AwaitEvents waits for events after those that a page has told of. It returns false
// when ctx ends, or the server does. What is there then, NumberedEvents says.
func (d *Directory) AwaitEvents(ctx context.Context, call Call, follow EventCursor) bool {
	return d.watch != nil && d.watch.Wait(ctx, call.Tenant, follow.Number)
}

// PauseEvents waits between two looks at a log that grows by what is not asked for.
func (d *Directory) PauseEvents(ctx context.Context, between time.Duration) bool {
	return d.watch != nil && d.watch.Pause(ctx, between)
}
