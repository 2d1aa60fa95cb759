package main

import (
	"bytes"
	"context"
	"errors"
	"slices"
)

// The cells of large changes. Each is one request, sent once; the quiet tenant is
// measured until it is answered. Before them it is measured while nothing is done,
// but the other tenant holds all those grants in three groups.
const (
	largeHeld   = "large: grants held"
	largeChange = "large: replace members"
	largeDelete = "large: delete a group"
	largeRemove = "large: remove a connection"
)

// wantsLarge says whether one of these cells was asked for.
func (b *bench) wantsLarge() bool {
	return slices.ContainsFunc([]string{largeHeld, largeChange, largeDelete, largeRemove}, b.run.MatchString)
}

// seedLarge makes two groups of so many members and one of twice as many, with no
// limit of requests, and then starts the server anew.
func (t *target) seedLarge(ctx context.Context, quiet *target, size int) (large []attack, err error) {
	quiet.limited = false
	if err = errors.Join(quiet.restart(ctx), t.serve(ctx)); err != nil {
		return nil, err
	}
	if err = t.seedUsers(ctx, 2*size); err != nil {
		return nil, err
	}
	c, err := dial(t.scim.address)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var ids [3]string
	for i, n := range []int{size, 2 * size, size} {
		if ids[i], err = t.groupOf(c, t.users[:n]); err != nil {
			return nil, err
		}
	}
	quiet.limited = true
	if err = errors.Join(quiet.restart(ctx), t.serve(ctx)); err != nil {
		return nil, err
	}
	other := patchMembers("Replace", t.users[size:2*size])
	connection := "/connections/" + t.made.ConnectionID + "?members=release"
	return []attack{
		{name: largeHeld},
		{name: largeChange, large: once(t.scim, "PATCH", "/Groups/"+ids[0], other)},
		{name: largeDelete, large: once(t.scim, "DELETE", "/Groups/"+ids[1], "")},
		{name: largeRemove, large: once(t.native, "DELETE", connection, "")},
	}, nil
}

// once sends a request on a connection of its own and waits for its answer.
func once(e endpoint, method, path, body string) func() error {
	return func() error {
		c, err := dial(e.address)
		if err != nil {
			return err
		}
		defer c.close()
		var answer bytes.Buffer
		return c.must(e.request(method, path, body), &answer)
	}
}
