package db

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// What a body begins with (appendEventBody) is read without parsing it.
const (
	qEventID = `select substr(e.body, 8, 36) from events e {index events_by_number}
		where e.tenant_id = $1 and e.number = $2`
	qEventIDs = `select e.number, substr(e.body, 8, 36) from events e {index events_by_number}
		where e.tenant_id = $1 and e.number >= $2 and e.number < $3 order by e.number`
)

const (
	eventBlock = 16 // as many numbers are read at once
	// maxBlocksLooked bounds what is read of the log: 100,000 events.
	maxBlocksLooked = 6_250
	// searchedTogether is how far in time the ids of one search may be.
	searchedTogether = 50 // milliseconds
)

// eventPeriod is a time in which events are looked for, and the numbers among which its
// events are: from low, below high.
type eventPeriod struct {
	from, to  time.Time
	ids       []membership.ID
	low, high int64
}

// eventSearch finds events whose ids are of about one time. Numbers are almost in the
// order of ids, which are UUIDv7: it begins where the first of its ids would be, and
// goes outwards within its period.
type eventSearch struct {
	ids       []string
	in        *eventPeriod
	low, high int64 // of the place; it is low when both are the same
}

func (e *eventSearch) middle() int64 { return e.low + (e.high-e.low)/2 }

// EventNumbers implements membership.Reader.
func (s *session) EventNumbers(ctx context.Context, places []membership.EventPlace) (map[membership.ID]int64, error) {
	periods, err := s.periodsOf(ctx, places)
	if err != nil || len(periods) == 0 {
		return map[membership.ID]int64{}, err
	}
	var searches []*eventSearch
	for _, p := range periods {
		searches = append(searches, p.searches()...)
	}
	if err := s.halve(ctx, searches); err != nil {
		return nil, err
	}
	found, err := s.lookAround(ctx, searches)
	if err != nil {
		return nil, err
	}
	numbers := map[membership.ID]int64{}
	for _, p := range places {
		if n := found[p.ID.String()]; n > 0 {
			numbers[p.ID] = n
		}
	}
	return numbers, nil
}

// periodsOf joins the periods of places that overlap, and finds between which numbers
// their events are; those that have none are left out.
func (s *session) periodsOf(ctx context.Context, places []membership.EventPlace) (periods []*eventPeriod, err error) {
	places = slices.Clone(places)
	slices.SortFunc(places, func(a, b membership.EventPlace) int { return a.From.Compare(b.From) })
	for _, p := range places {
		if n := len(periods); n > 0 && !p.From.After(periods[n-1].to) {
			periods[n-1].to = latest(periods[n-1].to, p.To)
			periods[n-1].ids = append(periods[n-1].ids, p.ID)
			continue
		}
		periods = append(periods, &eventPeriod{from: p.From, to: p.To, ids: []membership.ID{p.ID}})
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
		p.low, p.high = max(spans[i].first*timeSpan, 1), min((spans[i].last+1)*timeSpan, head+1)
		with = append(with, p)
	}
	return with, nil
}

// searches are those for the events of a period.
func (p *eventPeriod) searches() (all []*eventSearch) {
	slices.SortFunc(p.ids, membership.ID.Compare)
	began := uint64(0)
	for _, id := range slices.Compact(p.ids) {
		at := binary.BigEndian.Uint64(id[:8]) >> 16 // milliseconds
		if len(all) == 0 || at-began > searchedTogether {
			began = at
			all = append(all, &eventSearch{in: p, low: p.low, high: p.high})
		}
		last := all[len(all)-1]
		last.ids = append(last.ids, id.String())
	}
	return all
}

// halve finds the places of all searches, each round of them together.
func (s *session) halve(ctx context.Context, searches []*eventSearch) error {
	for {
		var qs []engine.Query
		for _, e := range searches {
			if e.low >= e.high {
				continue
			}
			qs = append(qs, engine.Query{
				Text: qEventID, Args: []any{s.tenant, e.middle()}, Read: func(rs engine.Rows) error {
					var id string
					if _, err := engine.ReadOne(rs, []any{&id}); err != nil {
						return err
					}
					if middle := e.middle(); id < e.ids[0] {
						e.low = middle + 1
					} else {
						e.high = middle
					}
					return nil
				},
			})
		}
		if len(qs) == 0 {
			return nil
		}
		if err := s.pipeline(ctx, qs...); err != nil {
			return err
		}
	}
}

// lookAround reads the log around the places of searches, twice as far in each round,
// until all is found, all of the periods is read, or too much would be.
func (s *session) lookAround(ctx context.Context, searches []*eventSearch) (map[string]int64, error) {
	found := map[string]int64{} // 0: not yet
	for _, e := range searches {
		for _, id := range e.ids {
			found[id] = 0
		}
	}
	looked := map[int64]bool{} // blocks
	type row struct {
		number int64
		id     string
	}
	for distance := int64(eventBlock / 2); distance <= maxBlocksLooked*eventBlock; distance *= 2 {
		blocks := unread(searches, found, distance, looked)
		if len(looked)+len(blocks) > maxBlocksLooked {
			break
		}
		var qs []engine.Query
		for len(blocks) > 0 {
			n := 1
			for n < len(blocks) && blocks[n] == blocks[0]+int64(n) {
				n++
			}
			for _, b := range blocks[:n] {
				looked[b] = true
			}
			qs = append(qs, engine.Query{
				Text: qEventIDs, Args: []any{s.tenant, blocks[0] * eventBlock, (blocks[n-1] + 1) * eventBlock},
				Read: func(rs engine.Rows) error {
					rows, err := engine.ReadAll(rs, func(r *row) []any { return []any{&r.number, &r.id} })
					for _, r := range rows {
						if _, wanted := found[r.id]; wanted {
							found[r.id] = r.number
						}
					}
					return err
				},
			})
			blocks = blocks[n:]
		}
		if len(qs) == 0 {
			continue
		}
		if err := s.pipeline(ctx, qs...); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// unread are the blocks not farther than a distance from the places of searches that
// have not found all, without those that were read. It ends when they are too many.
func unread(searches []*eventSearch, found map[string]int64, distance int64, looked map[int64]bool) (blocks []int64) {
	type span struct{ first, last int64 }
	var spans []span
	for _, e := range searches {
		if !slices.ContainsFunc(e.ids, func(id string) bool { return found[id] == 0 }) {
			continue
		}
		first, last := max(e.low-distance, e.in.low), min(e.low+distance, e.in.high)-1
		if first <= last {
			spans = append(spans, span{first / eventBlock, last / eventBlock})
		}
	}
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.first, b.first) })
	next := int64(0)
	for _, sp := range spans {
		for next = max(next, sp.first); next <= sp.last; next++ {
			if looked[next] {
				continue
			}
			if blocks = append(blocks, next); len(looked)+len(blocks) > maxBlocksLooked {
				return blocks
			}
		}
	}
	return blocks
}
