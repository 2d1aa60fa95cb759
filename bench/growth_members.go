package main

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

const growthClients = 4 // that fill groups

// growMembers makes the groups: each user is in three of them, and out of one again,
// but in the largest.
func (g *grown) growMembers(ctx context.Context) error {
	s := g.size
	groups := make([]string, s.groups)
	g.users = make([]string, s.users)
	for i := range g.users {
		g.users[i] = grownID(i)
	}
	err := parallel(ctx, g.scim.address, growthClients, s.groups,
		func(c *connection, i int, body *bytes.Buffer) (err error) {
			if groups[i], err = g.createGroup(c, fmt.Sprintf("Group %06d", i)); err != nil {
				return err
			}
			members := make([]string, s.each)
			for j := range members {
				members[j] = g.users[(i*s.each+j)%s.users]
			}
			if err := c.must(g.scim.request("PATCH", "/Groups/"+groups[i], patchMembers("Add", members)),
				body); err != nil {
				return err
			}
			if i%3 > 0 { // a third is emptied
				return nil
			}
			return c.must(g.scim.request("PATCH", "/Groups/"+groups[i], patchMembers("Remove", members)), body)
		})
	if err != nil {
		return err
	}
	if err := g.seedGroup(s.large); err != nil {
		return err
	}
	c, err := dial(g.scim.address)
	if err != nil {
		return err
	}
	defer c.close()
	return g.growExceptions(c, groups[1])
}

// growExceptions makes some memberships that two sources grant, some local users, and
// numbers for all events.
func (g *grown) growExceptions(c *connection, group string) error {
	const few = 20
	var body bytes.Buffer
	for i := range few {
		grant := fmt.Sprintf(`{"user_id":%q,"also_local":true}`, g.users[(g.size.each+i)%g.size.users])
		if err := c.must(g.native.request("POST", "/groups/"+group+"/members", grant), &body); err != nil {
			return err
		}
		user := fmt.Sprintf(`{"user_name":"local%d@growth.example","email":"local%[1]d@growth.example","name":"Local"}`,
			i)
		if err := c.must(g.native.request("POST", "/users", user), &body); err != nil {
			return err
		}
	}
	return g.numberEvents(c)
}

// numberEvents reads until what was written is numbered: each reader numbers a part.
func (g *grown) numberEvents(c *connection) error {
	const quick = 50 * time.Millisecond
	for begin := time.Now(); time.Since(begin) < answerTime; {
		got, err := c.do(g.native.request("GET", "/audit/events?limit=1", ""), nil)
		if err != nil || got.total < quick && got.status < 300 {
			return err
		}
	}
	return nil
}
