package membership

import "slices"

// MemberDelta folds the member operations of one request, in their order, to
// their net effect on the caller's own grants. The zero value changes nothing.
type MemberDelta struct {
	replace   bool
	clears    int // how often everybody was taken out
	order     []ID
	state     map[ID]memberState
	malformed []string
}

type memberState struct {
	wanted bool // the last word: in or out
	named  bool // was added at some point, so it must be a known user (rule 6)
	clears int  // how often everybody had been taken out when that was said
}

// Add puts users in.
func (d *MemberDelta) Add(users ...ID) {
	for _, u := range users {
		d.set(u, memberState{wanted: true, named: true, clears: d.clears})
	}
}

// AddMalformed records something that was added and cannot be the id of any
// user.
func (d *MemberDelta) AddMalformed(id string) { d.malformed = append(d.malformed, id) }

// Remove takes users out; taking out a stranger is nothing (rule 4).
func (d *MemberDelta) Remove(users ...ID) {
	for _, u := range users {
		d.set(u, memberState{named: d.state[u].named})
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
	return !d.replace && len(d.order) == 0 && len(d.malformed) == 0
}

// isPlain reports whether it can go to the store as it is.
func (d *MemberDelta) isPlain() bool {
	return len(d.order) > 0 && !d.replace && len(d.malformed) == 0
}

func (d *MemberDelta) set(u ID, s memberState) {
	if d.state == nil {
		d.state = make(map[ID]memberState)
	}
	if _, seen := d.state[u]; !seen {
		d.order = append(d.order, u)
	}
	d.state[u] = s
}

// lists returns who is wanted in, who is wanted out (of no meaning after a
// replace), and who only has to exist.
func (d *MemberDelta) lists() (in, out, check []ID) {
	for _, u := range d.order {
		switch s := d.state[u]; {
		case s.wanted && s.clears == d.clears:
			in = append(in, u)
		default:
			out = append(out, u)
			if s.named {
				check = append(check, u)
			}
		}
	}
	return in, out, check
}

// removesMany reports whether more than one member could be taken out.
func (d *MemberDelta) removesMany() bool {
	n := 0
	for _, u := range d.order {
		if !d.state[u].wanted {
			n++
		}
		if n > 1 {
			return true
		}
	}
	return d.replace
}

// operations are what a connection asks the policy for.
func (d *MemberDelta) operations() []Operation {
	var ops []Operation
	in, out, _ := d.lists()
	if len(in)+len(d.malformed) > 0 {
		ops = append(ops, OpAddMembers)
	}
	if len(out) > 0 || d.replace {
		ops = append(ops, OpRemoveMembers)
	}
	return ops
}

// named returns all users that have to exist.
func (d *MemberDelta) named() []ID {
	in, _, check := d.lists()
	return slices.Concat(in, check)
}

// UnknownMembers is the error of rule 6: nothing was applied, and the unknown
// ids are named.
func UnknownMembers(ids []string) error {
	const most = 20
	e := errorf(KindUnknownMembers, "no such user for this connection: %s", joinMost(ids, most))
	e.Details = map[string]any{"unknown": ids[:min(len(ids), most)]}
	return e
}
