package main

import (
	"fmt"
	"sync/atomic"
)

// cell is one thing to measure: what clients send, how many of them, and to a
// group or a store of which size.
type cell struct {
	name    string
	kinds   []string // the requests that a client sends in turn, by the name of their rows
	members int      // of the group; 0: no group
	users   int      // in the store, where that matters
	clients int
	spare   int  // users that each client needs beyond the group's own
	early   bool // before all users are seeded
	native  bool // through /v1, which only ours has
	writes  bool // the members are verified afterwards
	slow    bool // a request takes long: nothing is sent to warm up
	// requests prepares what is sent.
	requests func(t *target, clients int) func(client, turn, kind int) []byte
}

// String is what --run is matched against.
func (c cell) String() string {
	s := c.name
	if c.members > 0 {
		s += fmt.Sprintf(" members=%d", c.members)
	}
	if c.users > 0 {
		s += fmt.Sprintf(" users=%d", c.users)
	}
	return s + fmt.Sprintf(" clients=%d", c.clients)
}

// cells are all that o asks for, those that only read first, so that the memory
// of a read is not that of a write before it.
func (o options) cells() (chosen []cell) {
	few := o.clients // the expensive cells stay at 16 clients
	for len(few) > 1 && few[len(few)-1] > 16 {
		few = few[:len(few)-1]
	}
	one := o.clients[0]
	middle, bulk := o.sizes[1], o.bulk
	var all []cell
	at := func(clients []int, c cell) {
		for _, n := range clients {
			c.clients = n
			all = append(all, c)
		}
	}
	at(few, lookup(o.few, true))
	at(few, lookup(o.users, false))
	for _, size := range o.sizes {
		at(few, get("get without members", size, "?excludedAttributes=members"))
	}
	for _, size := range o.sizes[1:] {
		at(few, get("get with members", size, ""))
	}
	at(few, nativeList(middle))
	for _, size := range o.sizes {
		at(o.clients, patchOne(size))
	}
	at(few, nativeOne(middle))
	at(few, patchMany(middle, 100))
	at([]int{one}, patchMany(middle, bulk))
	at([]int{one}, replace("replace, few differ", middle, min(10, middle)))
	at([]int{one}, replace("replace, all differ", middle, middle))
	at(few, post())
	for _, c := range all {
		if o.run.MatchString(c.String()) {
			chosen = append(chosen, c)
		}
	}
	return chosen
}

// needs is how many users have to be there.
func (c cell) needs() int { return max(c.users, c.members+c.spare*c.clients) }

func lookup(users int, early bool) cell {
	return cell{
		name: "filter userName", kinds: []string{"filter userName"}, users: users, early: early,
		requests: func(t *target, _ int) func(client, turn, kind int) []byte {
			return func(client, turn, _ int) []byte {
				n := (client*7919 + turn*104_729) % users // steps that reach everybody, in no order
				return t.scim.request("GET", userLookup(seeded(n)), "")
			}
		},
	}
}

func get(name string, size int, query string) cell {
	return cell{
		name: name, kinds: []string{name}, members: size,
		requests: func(t *target, _ int) func(client, turn, kind int) []byte {
			request := t.scim.request("GET", "/Groups/"+t.groups[size]+query, "")
			return func(int, int, int) []byte { return request }
		},
	}
}

func nativeList(size int) cell {
	const name = "v1 list members"
	return cell{
		name: name, kinds: []string{name}, members: size, native: true,
		requests: func(t *target, _ int) func(client, turn, kind int) []byte {
			request := t.native.request("GET", "/groups/"+t.groups[size]+"/members", "")
			return func(int, int, int) []byte { return request }
		},
	}
}

// spares are the users that a client adds and removes in turn.
const spares = 8

// patchOne adds and removes one member; no two clients the same one.
func patchOne(size int) cell {
	return cell{
		name: "patch 1", kinds: []string{"patch add 1", "patch remove 1"}, members: size, spare: spares, writes: true,
		requests: func(t *target, _ int) func(client, turn, kind int) []byte {
			path := "/Groups/" + t.groups[size]
			return func(client, turn, kind int) []byte {
				user := t.users[size+client*spares+turn%spares]
				if kind == 0 {
					return t.scim.request("PATCH", path, patchMembers("Add", []string{user}))
				}
				return t.scim.request("PATCH", path, removeMember(user))
			}
		},
	}
}

// nativeOne adds and removes one local member.
func nativeOne(size int) cell {
	return cell{
		name: "v1 1", kinds: []string{"v1 add 1", "v1 remove 1"}, members: size, spare: spares, native: true,
		writes: true,
		requests: func(t *target, _ int) func(client, turn, kind int) []byte {
			path := "/groups/" + t.groups[size] + "/members"
			return func(client, turn, kind int) []byte {
				user := t.users[size+client*spares+turn%spares]
				if kind == 0 {
					return t.native.request("POST", path, fmt.Sprintf(`{"user_id":%q}`, user))
				}
				return t.native.request("DELETE", path+"/"+user, "")
			}
		},
	}
}

// patchMany adds and removes many members with one operation.
func patchMany(size, many int) cell {
	name := fmt.Sprintf("patch %d", many)
	return cell{
		name: name, members: size, spare: many, writes: true, slow: many > 100,
		kinds: []string{fmt.Sprintf("patch add %d", many), fmt.Sprintf("patch remove %d", many)},
		requests: func(t *target, clients int) func(client, turn, kind int) []byte {
			path := "/Groups/" + t.groups[size]
			rendered := make([][2][]byte, clients)
			for client := range rendered {
				users := t.users[size+client*many : size+(client+1)*many]
				rendered[client] = [2][]byte{
					t.scim.request("PATCH", path, patchMembers("Add", users)),
					t.scim.request("PATCH", path, patchMembers("Remove", users)),
				}
			}
			return func(client, _, kind int) []byte { return rendered[client][kind] }
		},
	}
}

// replace puts another list in the place of the members, and the old one back.
func replace(name string, size, differ int) cell {
	return cell{
		name: name, kinds: []string{name, name}, members: size, spare: differ, writes: true, slow: true,
		requests: func(t *target, _ int) func(client, turn, kind int) []byte {
			path := "/Groups/" + t.groups[size]
			lists := [2][]byte{
				t.scim.request("PATCH", path, patchMembers("Replace", t.users[differ:size+differ])),
				t.scim.request("PATCH", path, patchMembers("Replace", t.users[:size])),
			}
			return func(_, _, kind int) []byte { return lists[kind] }
		},
	}
}

// post creates users, each a new one.
func post() cell {
	return cell{
		name: "post user", kinds: []string{"post user"},
		requests: func(t *target, _ int) func(client, turn, kind int) []byte {
			var posted atomic.Int64
			t.posts++
			return func(int, int, int) []byte {
				n := int(posted.Add(1))
				return t.scim.request("POST", "/Users", userBody(fmt.Sprintf("new.%d.%d@bench.example", t.posts, n), n))
			}
		},
	}
}
