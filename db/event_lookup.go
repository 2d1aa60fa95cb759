package db

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// What a body begins with (appendEventBody) is read without parsing it.
const (
	qEventTime = `select substr(e.body, 52, 27) from events e {index events_by_number}
		where e.tenant_id = $1 and e.number = $2`
	qEventIDs = `select e.number, substr(e.body, 8, 36) from events e {index events_by_number}
		where e.tenant_id = $1 and e.number >= $2 and e.number < $3 order by e.number limit $4`
)

// The bounds of the events that are looked at for some.
const (
	maxEventsLooked   = 40_000 // in all
	minEventsOfPeriod = 400
	maxEventsOfPeriod = 5_000
)

// eventPeriod is a time in which events are looked for, and the numbers of its events.
type eventPeriod struct {
	from, to    time.Time
	first, last eventSearch
}

// eventSearch finds the first number whose event is not before a time: it is low when
// both are the same.
type eventSearch struct {
	low, high int64
	time      string
}

func (s *eventSearch) middle() int64 { return s.low + (s.high-s.low)/2 }

// EventNumbers implements membership.Reader: it finds periods by their spans, and in
// these the numbers by halves, of all periods together.
func (s *session) EventNumbers(ctx context.Context, places []membership.EventPlace) (map[membership.ID]int64, error) {
	numbers := map[membership.ID]int64{}
	wanted := map[membership.ID]bool{}
	for _, p := range places {
		wanted[p.ID] = true
	}
	periods, err := s.periodsOf(ctx, places)
	if err != nil || len(periods) == 0 {
		return numbers, err
	}
	if err := s.halve(ctx, periods); err != nil {
		return nil, err
	}
	limit := min(max(maxEventsLooked/len(periods), minEventsOfPeriod), maxEventsOfPeriod)
	type row struct {
		number int64
		id     string
	}
	qs := make([]engine.Query, len(periods))
	for i, p := range periods {
		qs[i] = engine.Query{
			Text: qEventIDs, Args: []any{s.tenant, p.first.low, p.last.low, limit}, Read: func(rs engine.Rows) error {
				rows, err := engine.ReadAll(rs, func(r *row) []any { return []any{&r.number, &r.id} })
				for _, r := range rows {
					if id, err := membership.ParseID(r.id); err == nil && wanted[id] {
						numbers[id] = r.number
					}
				}
				return err
			},
		}
	}
	return numbers, s.pipeline(ctx, qs...)
}

// periodsOf joins the periods of places that overlap, and finds between which numbers
// their events are; those that have none are left out.
func (s *session) periodsOf(ctx context.Context, places []membership.EventPlace) (periods []*eventPeriod, err error) {
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b membership.EventPlace) int { return a.From.Compare(b.From) })
	for _, p := range places {
		if n := len(periods); n > 0 && !p.From.After(periods[n-1].to) {
			periods[n-1].to = latest(periods[n-1].to, p.To)
			continue
		}
		periods = append(periods, &eventPeriod{from: p.From, to: p.To})
	}
	if len(periods) == 0 {
		return nil, nil
	}
	head, err := s.EventHead(ctx)
	if err != nil {
		return nil, err
	}
	qs := make([]engine.Query, len(periods))
	spans := make([]struct{ first, last int64 }, len(periods))
	for i, p := range periods {
		var found bool
		qs[i] = maybe(&found, qEventSpans, []any{s.tenant, stamp(p.from), stamp(p.to)}, &spans[i].first, &spans[i].last)
	}
	if err := s.pipeline(ctx, qs...); err != nil {
		return nil, err
	}
	var with []*eventPeriod
	for i, p := range periods {
		if spans[i].last < 0 {
			continue
		}
		low, high := max(spans[i].first*timeSpan, 1), min((spans[i].last+1)*timeSpan, head+1)
		p.first = eventSearch{low, high, p.from.UTC().Format(eventTime)}
		p.last = eventSearch{low, high, p.to.UTC().Format(eventTime)}
		with = append(with, p)
	}
	return with, nil
}

// halve makes the searches of all periods end, each round of them together.
func (s *session) halve(ctx context.Context, periods []*eventPeriod) error {
	for {
		var qs []engine.Query
		for _, p := range periods {
			for _, search := range []*eventSearch{&p.first, &p.last} {
				if search.low >= search.high {
					continue
				}
				qs = append(qs, engine.Query{
					Text: qEventTime, Args: []any{s.tenant, search.middle()}, Read: func(rs engine.Rows) error {
						var at string
						if _, err := engine.ReadOne(rs, []any{&at}); err != nil {
							return err
						}
						if middle := search.middle(); at < search.time {
							search.low = middle + 1
						} else {
							search.high = middle
						}
						return nil
					},
				})
			}
		}
		if len(qs) == 0 {
			return nil
		}
		if err := s.pipeline(ctx, qs...); err != nil {
			return err
		}
	}
}
