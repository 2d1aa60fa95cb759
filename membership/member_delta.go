package membership

import (
	"context"
	"slices"
)

// MemberDelta folds the member operations of one request, in their order, to
// their net effect on the caller's own grants. The zero value changes nothing.
type MemberDelta struct {
	replace   bool
	adds      bool
	clears    int           // how often everybody was taken out
	users     []memberState // in the order in which they were first named
	at        map[ID]int32  // where they stand
	malformed Named         // was added, and cannot be the id of any user
}

type memberState struct {
	id     ID
	wanted bool // the last word: in or out
	kept   bool // the last word: in if they were before
	named  bool // was added at some point, so it must be a known user (rule 6)
	clears int  // how often everybody had been taken out when that was said
}

// Add puts users in.
func (d *MemberDelta) Add(users ...ID) {
	d.expect(len(users))
	d.adds = d.adds || len(users) > 0
	for _, u := range users {
		s := d.of(u)
		s.wanted, s.kept, s.named, s.clears = true, false, true, d.clears
	}
}

// AddMalformed records something that was added and cannot be the id of any
// user.
func (d *MemberDelta) AddMalformed(id string) { d.malformed.Add(id) }

// AddAllMalformed is AddMalformed of many.
func (d *MemberDelta) AddAllMalformed(ids Named) { d.malformed.AddAll(ids) }

// Remove takes users out; taking out a stranger is nothing (rule 4).
func (d *MemberDelta) Remove(users ...ID) {
	d.expect(len(users))
	for _, u := range users {
		s := d.of(u)
		s.wanted, s.kept, s.clears = false, false, 0
	}
}

// Retain takes out all members but users: those of them who are in stay, no other
// comes in.
func (d *MemberDelta) Retain(users ...ID) {
	d.expect(len(users))
	retained := make([]int32, 0, len(users))
	for _, u := range users {
		i, seen := d.at[u]
		switch {
		case !seen && !d.replace:
			d.of(u).kept = true
			i = d.at[u]
		case !seen || d.users[i].clears != d.clears || !d.users[i].wanted && !d.users[i].kept:
			continue // is out already
		}
		retained = append(retained, i)
	}
	d.Clear()
	for _, i := range retained {
		d.users[i].clears = d.clears
	}
}

// Clear takes everybody out: a remove without a value, or the start of a
// replace (rule 5). It costs the same however many were named before.
func (d *MemberDelta) Clear() {
	d.replace = true
	d.clears++
}

// IsZero reports whether no operation on members was folded in.
func (d *MemberDelta) IsZero() bool {
	return !d.replace && len(d.users) == 0 && d.malformed.Len() == 0
}

// Adds reports whether anybody was added, be it that they were taken out again.
func (d *MemberDelta) Adds() bool { return d.adds }

// isPlain reports whether it can go to the store as it is.
func (d *MemberDelta) isPlain() bool {
	return len(d.users) > 0 && !d.replace && d.malformed.Len() == 0
}

// expect makes room for the first users.
func (d *MemberDelta) expect(n int) {
	if d.at == nil && n > 0 {
		d.at, d.users = make(map[ID]int32, n), make([]memberState, 0, n)
	}
}

func (d *MemberDelta) of(u ID) *memberState {
	i, seen := d.at[u]
	if !seen {
		i = int32(len(d.users)) //nolint:gosec // a body is not that long
		d.at[u] = i
		d.users = append(d.users, memberState{id: u})
	}
	return &d.users[i]
}

// lists returns who is wanted in, who is wanted out (of no meaning after a
// replace), and who only has to exist.
func (d *MemberDelta) lists() (in, out, check []ID) {
	wanted := 0
	for i := range d.users {
		if d.in(&d.users[i]) {
			wanted++
		}
	}
	if wanted > 0 {
		in = make([]ID, 0, wanted)
	}
	if wanted < len(d.users) {
		out = make([]ID, 0, len(d.users)-wanted)
	}
	for i := range d.users {
		switch s := &d.users[i]; {
		case d.in(s):
			in = append(in, s.id)
		case d.stays(s):
			if s.named {
				check = append(check, s.id)
			}
		default:
			out = append(out, s.id)
			if s.named {
				check = append(check, s.id)
			}
		}
	}
	return in, out, check
}

func (d *MemberDelta) in(s *memberState) bool { return s.wanted && s.clears == d.clears }

func (d *MemberDelta) stays(s *memberState) bool { return s.kept && s.clears == d.clears }

// difference computes what a delta that takes everybody else out comes to: who
// has to be put in, and who taken out.
func (d *MemberDelta) difference(
	ctx context.Context, tx MemberWriter, group, connection ID, in []ID,
) (add, out []ID, err error) {
	var kept []ID
	for i := range d.users {
		if s := &d.users[i]; d.stays(s) {
			kept = append(kept, s.id)
		}
	}
	add, out, err = tx.MemberDifference(ctx, group, connection, slices.Concat(in, kept))
	if len(kept) > 0 {
		add = slices.DeleteFunc(add, func(u ID) bool { return !d.in(d.of(u)) })
	}
	return add, out, err
}

// operations are what a connection asks the policy for.
func (d *MemberDelta) operations() []Operation {
	var ops []Operation
	in := 0
	for i := range d.users {
		if d.in(&d.users[i]) {
			in++
		}
	}
	if in+d.malformed.Len() > 0 {
		ops = append(ops, OpAddMembers)
	}
	if in < len(d.users) || d.replace {
		ops = append(ops, OpRemoveMembers)
	}
	return ops
}

// named returns all users that have to exist.
func (d *MemberDelta) named() []ID {
	in, _, check := d.lists()
	return slices.Concat(in, check)
}
