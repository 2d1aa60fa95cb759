package console

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// milestone is what a provider does when it is set up, by the requests that show it.
type milestone struct {
	ID      string
	Title   string // once it has happened
	Waiting string // before
	by      []membership.RequestFilter
}

// milestones are all of them, in the order in which they usually come.
var milestones = []milestone{
	{ID: milestoneFirst, Title: "It sends requests", Waiting: "Waiting for the first request"},
	{
		ID: "search", Title: "It looks for people", Waiting: "No search for a person yet",
		by: []membership.RequestFilter{{Operation: "GET /Users", Status: http.StatusOK}},
	},
	{
		ID: "user", Title: "A person was created", Waiting: "No person was created yet",
		by: []membership.RequestFilter{{Operation: "POST /Users", Status: http.StatusCreated}},
	},
	{
		ID: "group", Title: "A group was created", Waiting: "No group was created yet",
		by: []membership.RequestFilter{{Operation: "POST /Groups", Status: http.StatusCreated}},
	},
	{
		ID: "member", Title: "Members of a group have changed", Waiting: "No members have changed yet",
		by: []membership.RequestFilter{
			{Operation: "PATCH /Groups/{id}", Outcome: membership.RequestChanged},
			{Operation: "PUT /Groups/{id}", Outcome: membership.RequestChanged},
		},
	},
}

// milestoneFirst is any request at all.
const milestoneFirst = "first"

// recentRequests is how many requests the page of a provider shows.
const recentRequests = 8

// progress is how far a provider is set up, by the request log.
type progress struct {
	URL    string // where it is read anew
	NotAll string // why it is not shown; empty: it is
	Marks  []mark
	Recent []membership.Request // the newest first
	Health membership.HealthState
}

// mark is a milestone that was reached, or not.
type mark struct {
	milestone
	At time.Time // of the last request that shows it; zero: it was not reached
}

// Done reports whether it was reached.
func (m mark) Done() bool { return !m.At.IsZero() }

// Done is how many were reached.
func (p progress) Done() (n int) {
	for _, m := range p.Marks {
		if m.Done() {
			n++
		}
	}
	return n
}

// Complete reports whether all were.
func (p progress) Complete() bool { return p.Done() == len(p.Marks) && len(p.Marks) > 0 }

// Said is what is read out when it changes: the last milestone that was reached.
func (p progress) Said() (said string) {
	for _, m := range p.Marks {
		if m.Done() {
			said = m.Title + "."
		}
	}
	return said
}

// Problem is the newest request where it was not answered well; nil: it was.
func (p progress) Problem() *membership.Request {
	if len(p.Recent) == 0 || p.Recent[0].Status < http.StatusBadRequest {
		return nil
	}
	return &p.Recent[0]
}

// Why is what the log says of the problem beside what the provider was told.
func (p progress) Why() string {
	problem := p.Problem()
	if problem == nil || strings.HasSuffix(problem.Why, problem.Detail) {
		return ""
	}
	return problem.Why
}

// progressOf reads it. Those of the milestones that the newest requests show cost no
// query.
func progressOf(
	g guide, read func(membership.RequestFilter) (membership.RequestPage, error),
) (p progress, err error) {
	newest, err := read(membership.RequestFilter{Limit: recentRequests})
	if err != nil {
		return p, err
	}
	p.Recent = newest.Requests
	for _, m := range milestones {
		if !slices.Contains(g.Expects, m.ID) {
			continue
		}
		at, err := m.last(newest, read)
		if err != nil {
			return p, err
		}
		p.Marks = append(p.Marks, mark{m, at})
	}
	return p, nil
}

// last is the time of the last request that shows the milestone; zero: there is none.
func (m milestone) last(
	newest membership.RequestPage, read func(membership.RequestFilter) (membership.RequestPage, error),
) (at time.Time, err error) {
	if m.ID == milestoneFirst && len(newest.Requests) > 0 {
		return newest.Requests[0].At, nil
	}
	for _, f := range m.by {
		for _, r := range newest.Requests {
			if shows(f, r) && r.At.After(at) {
				at = r.At
			}
		}
	}
	if !at.IsZero() || !newest.More { // there are no others
		return at, nil
	}
	for _, f := range m.by {
		f.Limit = 1
		page, err := read(f)
		if err != nil {
			return at, err
		}
		if len(page.Requests) > 0 && page.Requests[0].At.After(at) {
			at = page.Requests[0].At
		}
	}
	return at, nil
}

func shows(f membership.RequestFilter, r membership.Request) bool {
	return r.Operation == f.Operation && (f.Status == 0 || r.Status == f.Status) &&
		(f.Outcome == "" || r.Outcome == f.Outcome)
}
