package main

import (
	"slices"
	"strconv"
)

// goal is one of the project's goals of speed, with what was measured of it. Two
// of them are ratios to a server that does only the work of the store; they are
// there if one was driven beside ours.
type goal struct {
	Number   int     `json:"number"`
	Engine   string  `json:"engine"`
	What     string  `json:"what"`
	Measured float64 `json:"measured"`
	Limit    float64 `json:"limit"`
	AtLeast  bool    `json:"at_least"` // else at most
	Unit     string  `json:"unit,omitempty"`
}

var goalColumns = []string{"goal", "engine", "what", "measured", "goal is", "met"}

func (g goal) met() bool {
	if g.AtLeast {
		return g.Measured >= g.Limit
	}
	return g.Measured <= g.Limit
}

func (g goal) cells() []string {
	sign, met := "≤ ", "no"
	if g.AtLeast {
		sign = "≥ "
	}
	if g.met() {
		met = "yes"
	}
	return []string{strconv.Itoa(g.Number), g.Engine, g.What, figure(g.Measured) + g.Unit,
		sign + figure(g.Limit) + g.Unit, met}
}

// goalsOf collects the goals of one engine.
type goalsOf struct {
	engine string
	rows   []row // of ours
	found  []goal
}

// goals are those that the run tells something of, by engine.
func (r *results) goals() (all []goal) {
	var engines []string
	for _, one := range r.Rows {
		if !slices.Contains(engines, one.Engine) {
			engines = append(engines, one.Engine)
		}
	}
	for _, e := range engines {
		g := goalsOf{engine: e}
		for _, one := range r.Rows {
			if one.Engine == e && one.Server == ours {
				g.rows = append(g.rows, one)
			}
		}
		g.oneMember()
		g.flat()
		g.largeGet()
		g.manyMembers()
		g.initialCycle()
		g.idle()
		all = append(all, g.found...)
	}
	slices.SortStableFunc(all, func(a, b goal) int { return a.Number - b.Number })
	return all
}

func (g *goalsOf) add(number int, what string, measured float64, atLeast bool, limit float64, unit string) {
	if measured != 0 {
		g.found = append(g.found, goal{
			Number: number, Engine: g.engine, What: what, Measured: measured, Limit: limit, AtLeast: atLeast,
			Unit: unit,
		})
	}
}

// each calls f with the rows of an operation and a number of clients.
func (g *goalsOf) each(operation string, clients int, f func(r row)) {
	for _, r := range g.rows {
		if r.Operation == operation && (clients == 0 || r.Clients == clients) {
			f(r)
		}
	}
}

// sizes are those of the groups of an operation, ascending.
func (g *goalsOf) sizes(operation string) (sizes []int) {
	g.each(operation, 0, func(r row) { sizes = append(sizes, r.Members) })
	slices.Sort(sizes)
	return slices.Compact(sizes)
}
