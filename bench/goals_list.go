package main

import (
	"fmt"
	"slices"
	"strings"
)

var single = []string{"patch add 1", "patch remove 1"}

// oneMember is goal 1: PATCH of one member, with everything on.
func (g *goalsOf) oneMember() {
	for _, op := range single {
		sizes := g.sizes(op)
		for _, clients := range []int{1, 16} {
			g.each(op, clients, func(r row) {
				if r.Members != sizes[len(sizes)/2] {
					return
				}
				for name, of := range r.Against {
					what := fmt.Sprintf("%s, group of %d, %d clients, ", op, r.Members, clients)
					if clients == 1 {
						g.add(1, what+"p50 by that of "+name, of.P50, false, 1.5, "")
					} else {
						g.add(1, what+"rate by that of "+name, of.PerSecond, true, .7, "")
					}
				}
			})
		}
	}
}

// flat is goal 2: nothing depends on how large a group or the store is.
func (g *goalsOf) flat() {
	for _, op := range append(slices.Clone(single), "get without members") {
		g.growth(op, 1.2, "members", func(r row) int { return r.Members })
	}
	g.growth("filter userName", 1.5, "users", func(r row) int { return r.Users })
}

func (g *goalsOf) growth(op string, limit float64, of string, size func(r row) int) {
	var small, large row
	g.each(op, 1, func(r row) {
		if small.P50 == 0 || size(r) < size(small) {
			small = r
		}
		if size(r) > size(large) {
			large = r
		}
	})
	if small.P50 > 0 && size(large) > size(small) {
		what := fmt.Sprintf("%s, p50 at %d %s by that at %d", op, size(large), of, size(small))
		g.add(2, what, large.P50/small.P50, false, limit, "")
	}
}

// largeGet is goal 3: a large group with its members.
func (g *goalsOf) largeGet() {
	const op = "get with members"
	sizes := g.sizes(op)
	g.each(op, 0, func(r row) {
		if r.Members != sizes[len(sizes)-1] {
			return
		}
		what := fmt.Sprintf("%s, group of %d, %d clients, ", op, r.Members, r.Clients)
		if r.Clients == 1 {
			g.add(3, what+"first byte", r.FirstByte, false, 2, " ms")
		} else if r.MemoryMB > 0 {
			g.add(3, what+"growth of memory", max(r.GrowthMB, .01), false, 100, " MB")
		}
		for name, of := range r.Against {
			g.add(3, what+"rate by that of "+name, of.PerSecond, true, .7, "")
		}
	})
}

// manyMembers is goal 4: requests of many members.
func (g *goalsOf) manyMembers() {
	for _, r := range g.rows {
		many := strings.HasPrefix(r.Operation, "patch ") && !slices.Contains(single, r.Operation) ||
			strings.HasPrefix(r.Operation, "replace")
		if !many {
			continue
		}
		for name, of := range r.Against {
			what := fmt.Sprintf("%s, group of %d, %d clients, rate by that of %s", r.Operation, r.Members,
				r.Clients, name)
			g.add(4, what, of.PerSecond, true, .6, "")
		}
	}
}

// initialCycle is goal 5: a cycle does not get slower on its way.
func (g *goalsOf) initialCycle() {
	for _, op := range []string{cycleUsers, cycleMembers} {
		g.each(op, 0, func(r row) {
			g.add(5, fmt.Sprintf("%s, %d users in %.0f s, last tenth by the first", op, r.Users, r.Seconds),
				r.EndToStart, true, .9, "")
		})
	}
}

// idle is goal 6: a server that does nothing.
func (g *goalsOf) idle() {
	g.each(idleName, 0, func(r row) { g.add(6, "memory of an idle server", r.MemoryMB, false, 40, " MB") })
}
