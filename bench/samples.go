package main

import (
	"slices"
	"time"
)

// series is what the rounds said of one kind of request on one server, a value
// for each round.
type series struct {
	perSecond, p50, p99, firstByte []float64 // times in milliseconds
	cpu, databaseCPU               []float64 // microseconds a request
	memory, growth                 []float64 // megabytes
	requests, errors               int
	failure                        string
}

// samples are the series of a cell.
type samples map[sampleKey]*series

type sampleKey struct{ server, kind string }

// add takes one round of a cell. Processor time is shared by the kinds: what
// reads it cannot tell them apart. Errors are counted with the first kind.
func (s samples) add(server string, c cell, seen outcome, own, database time.Duration, m memory) {
	byKind := map[string][]answer{}
	for i, kind := range c.kinds {
		byKind[kind] = append(byKind[kind], seen.answers[i]...)
	}
	all := seen.requests()
	for i, kind := range slices.Compact(slices.Clone(c.kinds)) {
		key := sampleKey{server, kind}
		if s[key] == nil {
			s[key] = &series{}
		}
		into := s[key]
		if i == 0 {
			into.errors += seen.errors
			if into.failure == "" {
				into.failure = seen.failure
			}
		}
		as := byKind[kind]
		into.requests += len(as)
		var total, first []time.Duration
		var sum time.Duration
		for _, a := range as {
			total, first, sum = append(total, a.total), append(first, a.first), sum+a.total
		}
		slices.Sort(total)
		slices.Sort(first)
		rate := float64(len(as)) / seen.elapsed.Seconds()
		if len(byKind) > 1 && sum > 0 { // the clients had only a part of the time for this kind
			rate = float64(c.clients*len(as)) / sum.Seconds()
		}
		into.perSecond = append(into.perSecond, rate)
		into.p50 = append(into.p50, milliseconds(percentile(total, .5)))
		into.p99 = append(into.p99, milliseconds(percentile(total, .99)))
		into.firstByte = append(into.firstByte, milliseconds(percentile(first, .5)))
		into.cpu = append(into.cpu, perRequest(own, all))
		into.databaseCPU = append(into.databaseCPU, perRequest(database, all))
		into.memory = append(into.memory, megabytes(m.peak))
		into.growth = append(into.growth, megabytes(m.peak-m.before))
	}
}
