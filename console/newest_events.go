package console

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// eventsPage is a page of events, the newest first.
type eventsPage struct {
	events []eventRow
	more   int64 // older ones are below this number; 0: there are none
}

// eventLog is what newestEvents reads.
type eventLog interface {
	NumberedEvents(ctx context.Context, call membership.Call, f membership.EventFilter) (membership.EventPage, error)
}

// How far newestEvents looks back at once: from a page of events up to most of them.
const (
	fewestNumbers = pageSize
	mostNumbers   = 1 << 24
	moreNumbers   = 8  // so many times as far after a part with few events
	mostParts     = 24 // a page can be shorter than others
)

// newestEvents returns the newest events of a filter whose numbers are below the given
// one; 0: of all. The log is read forwards, by number, so it is looked at in parts from
// its end: each with eight times as many numbers while few of them match, and fewer
// numbers where more match than a page takes.
func newestEvents(
	ctx context.Context, log eventLog, call membership.Call, f membership.EventFilter, below int64,
) (p eventsPage, err error) {
	first, last, err := numbersOf(ctx, log, call, f)
	if err != nil || last == 0 {
		return p, err
	}
	if below > 0 {
		last = min(last, below-1)
	}
	size := int64(fewestNumbers)
	for part := 0; last >= first; part++ {
		if len(p.events) >= pageSize || part == mostParts {
			p.more = last + 1
			return p, nil
		}
		from := max(first-1, last-size)
		found, whole, err := eventsWithin(ctx, log, call, f, from, last)
		if err != nil {
			return p, err
		}
		if !whole {
			size = max(size/moreNumbers, fewestNumbers)
			continue
		}
		for i := len(found) - 1; i >= 0; i-- {
			if len(p.events) == pageSize {
				p.more = found[i].Number + 1
				return p, nil
			}
			p.events = append(p.events, found[i])
		}
		last = from
		if len(found) < pageSize/moreNumbers {
			size = min(size*moreNumbers, mostNumbers)
		}
	}
	return p, nil
}

// numbersOf returns the bounds of what a filter can match: the number of the first event
// that does, and that of the last that may; zero: none does.
func numbersOf(
	ctx context.Context, log eventLog, call membership.Call, f membership.EventFilter,
) (first, last int64, err error) {
	f.Cursor, f.Limit = membership.EventCursor{}, 1
	p, err := log.NumberedEvents(ctx, call, f)
	for err == nil && len(p.Events) == 0 && p.Next != nil { // what was not numbered is now
		f.Cursor = *p.Next
		p, err = log.NumberedEvents(ctx, call, f)
	}
	if err != nil || len(p.Events) == 0 {
		return 0, 0, err
	}
	first = p.Events[0].Number
	switch {
	case p.Next == nil:
		return first, first, nil
	case p.Next.Through > 0:
		return first, p.Next.Through, nil
	}
	// Nothing is so late: what is told then is how far the log goes.
	p, err = log.NumberedEvents(ctx, call, membership.EventFilter{From: endOfTime, Limit: 1})
	return first, p.Follow.Number, err
}

var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// eventsWithin returns the events of a filter with numbers after from, up to last, in
// their order; not whole: they are more than a page takes.
func eventsWithin(
	ctx context.Context, log eventLog, call membership.Call, f membership.EventFilter, from, last int64,
) (rows []eventRow, whole bool, err error) {
	f.Cursor, f.Limit = membership.EventCursor{Number: from, Through: last}, pageSize+1
	for {
		p, err := log.NumberedEvents(ctx, call, f)
		if err != nil {
			return nil, false, err
		}
		for _, e := range p.Events {
			rows = append(rows, eventRow{e, p.Names})
		}
		switch {
		case len(rows) > pageSize && last-from > fewestNumbers:
			return nil, false, nil
		case p.Next == nil || p.Next.Through != last: // what comes after has been numbered since
			return rows, true, nil
		}
		f.Cursor = *p.Next // pages can be shorter than asked for
	}
}
