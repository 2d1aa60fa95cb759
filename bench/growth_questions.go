package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// question is one kind of request.
type question struct {
	name   string
	times  float64       // the goal: what it costs in the largest store is at most so many times the smallest
	within time.Duration // or it takes at most so long; 0: no such goal
	// percentile of its times that counts; 0: the median.
	percentile float64
	members    bool // it is about groups and what happened to them
	request    func(g *grown, turn int) []byte
	// before is done before the request, and its time does not count.
	before func(g *grown, c *connection, turn int) error
}

func (q question) goal() string {
	switch {
	case q.within > 0:
		return fmt.Sprintf("≤ %v", q.within)
	case q.times > 0:
		return fmt.Sprintf("≤ %g×", q.times)
	}
	return "–"
}

func (q question) met(small, large time.Duration) bool {
	if q.within > 0 {
		return large <= q.within
	}
	return q.times == 0 || times(large, small) <= q.times
}

// some is the number of a user, another one each time, in all parts of the store.
func (g *grown) some(turn int) int { return (turn*104_729 + 17) % (g.size.users / 2) }

// questions are those of the goals.
func questions() []question {
	get := func(name string, goal float64, path string) question {
		return question{name: name, times: goal, request: func(g *grown, _ int) []byte {
			return g.scim.request("GET", path, "")
		}}
	}
	native := func(name string, goal float64, path string) question {
		return question{name: name, times: goal, request: func(g *grown, _ int) []byte {
			return g.native.request("GET", path, "")
		}}
	}
	filter := func(name string, goal float64, text func(g *grown, turn int) string) question {
		return question{name: name, times: goal, request: func(g *grown, turn int) []byte {
			return g.scim.request("GET", "/Users?count=10&filter="+url.QueryEscape(text(g, turn)), "")
		}}
	}
	within := func(most time.Duration, q question) question {
		q.within = most
		return q
	}
	ofMembers := func(q question) question {
		q.members = true
		return q
	}
	const flat, list, found, rare = 1.5, 2, 3, 5
	exceptions := func(kind string) question {
		path := "/audit/exceptions?limit=100"
		if kind != "" {
			path += "&kind=" + kind
		}
		return ofMembers(within(100*time.Millisecond, native("exceptions "+kind, 0, path)))
	}
	// A page has 10 of what is more in the large store, so that both answers are as long.
	return []question{
		{name: "user by id", times: flat, request: func(g *grown, turn int) []byte {
			return g.scim.request("GET", "/Users/"+grownID(g.some(turn)), "")
		}},
		filter("userName eq", flat, func(g *grown, turn int) string {
			return fmt.Sprintf("userName eq %q", grownName(g.some(turn)))
		}),
		filter("externalId eq", flat, func(g *grown, turn int) string {
			return fmt.Sprintf("externalId eq %q", grownExternal(g.some(turn)))
		}),
		filter("emails.value eq", flat, func(g *grown, turn int) string {
			return fmt.Sprintf("emails.value eq %q", grownName(g.some(turn)))
		}),
		{name: "post user", times: flat, request: func(g *grown, turn int) []byte {
			g.posts++
			return g.scim.request("POST", "/Users", userBody(fmt.Sprintf("new%d@growth.example", g.posts), turn))
		}},
		{name: "patch add 1", times: flat, members: true, request: func(g *grown, turn int) []byte {
			return g.scim.request("PATCH", "/Groups/"+g.groups[g.size.large],
				patchMembers("Add", []string{grownID(g.size.large + turn)}))
		}},
		{name: "patch remove 1", times: flat, members: true, request: func(g *grown, turn int) []byte {
			return g.scim.request("PATCH", "/Groups/"+g.groups[g.size.large], removeMember(grownID(g.size.large+turn)))
		}},
		get("/Users, page 1", list, "/Users?count=100"),
		{
			name: "/Users, next by cursor", times: list,
			before: mark("/Users?count=100&cursor=", func(g *grown) endpoint { return g.scim }),
			request: func(g *grown, _ int) []byte {
				return g.scim.request("GET", "/Users?count=100&cursor="+g.marks["/Users?count=100&cursor="], "")
			},
		},
		within(50*time.Millisecond, question{name: "/Users, startIndex at 10 %", request: startAt(10)}),
		{name: "/Users, startIndex at 99 %", request: startAt(99)},
		get("/Users, sortBy userName", list, "/Users?count=100&sortBy=userName"),
		filter("userName sw, 100 users", found, func(*grown, int) string { return `userName sw "p00001"` }),
		filter("userName co, 1 user", 0, func(g *grown, turn int) string {
			return fmt.Sprintf("userName co %q", grownName(g.some(turn))[1:8])
		}),
		filter("displayName co, 1 user", 0, func(g *grown, turn int) string {
			return fmt.Sprintf("displayName co %q", grownName(g.some(turn))[1:8])
		}),
		filter("active eq false, 1 %", found, func(*grown, int) string { return `active eq false` }),
		filter("meta.lastModified gt, 50 users", found, func(g *grown, _ int) string {
			return fmt.Sprintf("meta.lastModified gt %q",
				grownModified(g.size.users, g.size.users-grownChanged-1).Format(time.RFC3339Nano))
		}),
		native("/v1/users, page 1", list, "/users?limit=100"),
		native("/v1/users, active=false", found, "/users?limit=10&active=false"),
		native("/v1/users, origin=local", found, "/users?limit=100&origin=local"),
		{name: "/v1/users, user_name", times: flat, request: func(g *grown, turn int) []byte {
			return g.native.request("GET", "/users?user_name="+url.QueryEscape(grownName(g.some(turn))), "")
		}},
		{name: "/v1 groups of a user", times: found, members: true, request: func(g *grown, turn int) []byte {
			return g.native.request("GET", "/users/"+grownID(g.some(turn))+"/groups", "")
		}},
		ofMembers(native("events, page 1", list, "/audit/events?limit=100")),
		{name: "events, from and to", times: rare, members: true, request: func(g *grown, _ int) []byte {
			from, to := g.began.Format(time.RFC3339), g.began.Add(time.Minute).Format(time.RFC3339)
			return g.native.request("GET", "/audit/events?limit=100&from="+from+"&to="+to, "")
		}},
		ofMembers(native("events, action", rare, "/audit/events?limit=100&action=group.created")),
		within(100*time.Millisecond, native("exceptions shared_user_name", 0,
			"/audit/exceptions?limit=100&kind=shared_user_name")),
		within(100*time.Millisecond, native("exceptions parted_user_name", 0,
			"/audit/exceptions?limit=100&kind=parted_user_name")),
		exceptions("doubly_granted"), exceptions("inactive_member"), exceptions("connection_gone"),
		exceptions("grant_after_deprovisioning"), exceptions(""),
	}
}

// startAt asks for the page at so many percent of the list.
func startAt(percent int) func(*grown, int) []byte {
	return func(g *grown, _ int) []byte {
		return g.scim.request("GET", fmt.Sprintf("/Users?count=100&startIndex=%d", 1+g.size.users*percent/100), "")
	}
}

// mark asks once for a first page, and keeps the cursor of the next.
func mark(path string, to func(*grown) endpoint) func(*grown, *connection, int) error {
	return func(g *grown, c *connection, _ int) error {
		if g.marks[path] != "" {
			return nil
		}
		var body bytes.Buffer
		if err := c.must(to(g).request("GET", path, ""), &body); err != nil {
			return err
		}
		var page struct{ NextCursor string }
		if err := json.Unmarshal(body.Bytes(), &page); err != nil {
			return err
		}
		g.marks[path] = url.QueryEscape(page.NextCursor)
		return nil
	}
}
