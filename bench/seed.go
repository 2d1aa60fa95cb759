package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	seedingClients = 16
	seedingChunk   = 5000 // members of a PATCH
)

// seedUsers creates users until there are n.
func (t *target) seedUsers(ctx context.Context, n int) error {
	have := len(t.users)
	if have >= n {
		return nil
	}
	t.users = append(t.users, make([]string, n-have)...)
	return parallel(ctx, t.scim.address, seedingClients, n-have,
		func(c *connection, i int, body *bytes.Buffer) (err error) {
			i += have
			if err := c.must(t.scim.request("POST", "/Users", userBody(seeded(i), i)), body); err != nil {
				return err
			}
			t.users[i], err = idOf(body.Bytes())
			return err
		})
}

// seedGroup creates the group of the first n users.
func (t *target) seedGroup(n int) error {
	if t.groups[n] != "" {
		return nil
	}
	c, err := dial(t.scim.address)
	if err != nil {
		return err
	}
	defer c.close()
	if t.groups[n], err = t.groupOf(c, t.users[:n]); err != nil {
		return err
	}
	return t.verify(c, n)
}

// groupOf creates a group with members.
func (t *target) groupOf(c *connection, members []string) (id string, err error) {
	if id, err = t.createGroup(c, fmt.Sprintf("Group of %d (%x)", len(members), time.Now().UnixNano())); err != nil {
		return "", err
	}
	var body bytes.Buffer
	for chunk := range slices.Chunk(members, seedingChunk) {
		if err := c.must(t.scim.request("PATCH", "/Groups/"+id, patchMembers("Add", chunk)), &body); err != nil {
			return "", err
		}
	}
	return id, nil
}

func (t *target) createGroup(c *connection, name string) (id string, err error) {
	var body bytes.Buffer
	if err := c.must(t.scim.request("POST", "/Groups", groupBody(name)), &body); err != nil {
		return "", err
	}
	return idOf(body.Bytes())
}

// verify compares the members of a group with those that it should have: the
// first n users, no other, whatever was added and removed in between.
func (t *target) verify(c *connection, n int) error {
	return members(c, t.scim.request("GET", "/Groups/"+t.groups[n], ""), scimMembers, t.users[:n])
}

// verifyNative does so through /v1, where local members are seen too.
func (t *target) verifyNative(c *connection, n int) error {
	return members(c, t.native.request("GET", "/groups/"+t.groups[n]+"/members", ""), nativeMembers, t.users[:n])
}

// repair puts the members right, so that one wrong cell does not spoil the next.
func (t *target) repair(c *connection, n int) error {
	var body bytes.Buffer
	return c.must(t.scim.request("PATCH", "/Groups/"+t.groups[n], patchMembers("Replace", t.users[:n])), &body)
}
