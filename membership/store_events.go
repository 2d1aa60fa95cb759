package membership

import (
	"context"
	"time"
)

// EventReader reads the audit log. Events are read by number; one that has none yet
// is not in any answer.
type EventReader interface {
	// RequestChanged reports whether there is an event of a request, other than
	// refusals, dated within these times.
	RequestChanged(ctx context.Context, requestID string, from, to time.Time) (bool, error)
	// EventsPending reports whether events have no number yet.
	EventsPending(ctx context.Context) (bool, error)
	// LastWritten is the latest time that an event of the tenant has, or that ends of its
	// grants have passed by; zero: there is none. Of what has no number yet it looks at
	// the last thousand.
	LastWritten(ctx context.Context) (time.Time, error)
	// EventHead is the last number that was given; 0: none.
	EventHead(ctx context.Context) (int64, error)
	// EventsBetween returns numbers between which all events of a period are that have
	// one, not far from them, and zeros when there are none.
	EventsBetween(ctx context.Context, from, to time.Time) (first, last int64, err error)
	// EventsWritten returns those of some events that have no number yet and are among
	// the newest of these, in the order in which they were written: what the transaction
	// itself has written is.
	EventsWritten(ctx context.Context, ids []ID) ([]Event, error)
	// EventNumbers returns the numbers of events that have one and are dated within their
	// period, or near it. It looks around the times of their ids, and reads a hundred
	// thousand events at most: where some are far from there, they may be missing.
	EventNumbers(ctx context.Context, places []EventPlace) (map[ID]int64, error)
	// NumberedEvents lists events in the order of their numbers.
	NumberedEvents(ctx context.Context, f EventFilter) ([]Event, error)
}

// EventPlace is an event, and a period in which it is looked for.
type EventPlace struct {
	ID       ID
	From, To time.Time
}

// NameReader reads what ids are called.
type NameReader interface {
	// Names returns the names that ids have, or had when they were deleted.
	Names(ctx context.Context, q NameQuery) (Names, error)
}

// EventWriter writes the audit log. An event is written in the transaction of the
// change that it records.
type EventWriter interface {
	AppendEvents(ctx context.Context, events ...Event) error
	// NumberEvents gives events that have none the next numbers, limit of them at
	// most and fewer where others cannot write meanwhile, and reports whether there may be more.
	// An event that depends on another has the greater number. Of one tenant one
	// transaction at a time does it.
	NumberEvents(ctx context.Context, limit int) (more bool, err error)
}

// EventHeads says how far the logs of several tenants are, for those who wait for what
// comes next.
type EventHeads interface {
	// EventHeads looks at all of the tenants in one statement.
	EventHeads(ctx context.Context, tenants []ID) ([]EventHead, error)
}

// EventHead is how far the log of a tenant is.
type EventHead struct {
	Tenant  ID
	Number  int64 // the last that was given
	Pending bool  // there are events without a number
}
