package membership

import (
	"context"
	"strconv"
	"strings"
)

// MaxEffectIDs is how many events, and how many users, of a request are kept by
// their ids; more events are counted.
const MaxEffectIDs = 100

// Effect is what a use case did. A Call carries it to where things are done; nil
// notes nothing.
type Effect struct {
	Events     []ID // that it wrote, in their order
	MoreEvents int
	Groups     []ID // that it was about
	Users      []ID // that it was about, or named as members: the first of them

	Already int  // were to be added, and are members by this connection
	Absent  int  // were to be removed, and are no members by this connection
	Unseen  int  // were to be removed, and are no users in the connection's view
	Same    bool // attributes or members are what they were to become

	// Of the first of each.
	room, roomOfUsers [4]ID
	roomOfGroups      [1]ID
}

// ends takes how a use case ended: what failed was rolled back.
func (e *Effect) ends(err error) {
	if err != nil {
		e.restart()
	}
}

// restart forgets what an attempt has done that was rolled back.
func (e *Effect) restart() {
	if e != nil {
		e.Events, e.MoreEvents, e.Already, e.Absent, e.Unseen, e.Same = nil, 0, 0, 0, 0, false
	}
}

// about says what a request is about.
func (e *Effect) about(group, user ID) {
	switch {
	case e == nil:
	case !user.IsZero():
		e.Users = append(e.roomOfUsers[:0], user)
	default:
		e.Groups = append(e.roomOfGroups[:0], group)
	}
}

// names takes the users of a change of members.
func (e *Effect) names(m *MemberDelta) {
	if e == nil {
		return
	}
	for i := range m.users[:min(len(m.users), MaxEffectIDs)] {
		e.name(m.users[i].id)
	}
}

func (e *Effect) name(user ID) {
	switch {
	case len(e.Users) >= MaxEffectIDs:
	case e.Users == nil:
		e.Users = append(e.roomOfUsers[:0], user)
	default:
		e.Users = append(e.Users, user)
	}
}

// Wrote takes the ids of events that were written.
func (e *Effect) Wrote(ids ...ID) {
	if e == nil {
		return
	}
	for _, id := range ids {
		switch {
		case len(e.Events) >= MaxEffectIDs:
			e.MoreEvents++
		case e.Events == nil:
			e.Events = append(e.room[:0], id)
		default:
			e.Events = append(e.Events, id)
		}
	}
}

// append writes events, and takes note of them.
func (c *Call) append(ctx context.Context, tx EventWriter, events ...Event) error {
	if c.Effect != nil {
		for i := range events {
			c.Effect.Wrote(events[i].ID)
		}
	}
	return tx.AppendEvents(ctx, events...)
}

// tellUnseen tells of those whom a request that changed nothing was to remove which
// are no users in the connection's view. It is a look of its own, which only such
// requests need; that it fails is not worth an error.
func (d *Directory) tellUnseen(ctx context.Context, call Call, m *MemberDelta, err error) {
	e := call.Effect
	if e == nil || err != nil || e.Absent == 0 || len(e.Events) > 0 {
		return
	}
	_, out, _ := m.lists()
	out = out[:min(len(out), MaxEffectIDs)]
	_ = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		unseen, err := r.UnknownMembers(ctx, call.Connection, out)
		if err == nil {
			e.Unseen = min(len(unseen), e.Absent)
			e.Absent -= e.Unseen
		}
		return err
	})
}

// same takes note that something is what it was to become.
func (e *Effect) same() {
	if e != nil {
		e.Same = true
	}
}

// members takes what became of a change of members.
func (e *Effect) members(c *MemberChange, r *MemberResult) {
	if e == nil || r.Held != nil || c.Connection != c.Call.Connection {
		return
	}
	e.Wrote(r.Events...)
	e.Already += len(c.Open) - r.Opened
	e.Absent += len(c.Close) - r.Closed
}

// Answer is what became of a change that was carried out.
func (e *Effect) Answer() RequestAnswer {
	a := RequestAnswer{Outcome: RequestNothing}
	if len(e.Events) > 0 {
		a.Outcome = RequestChanged
	}
	a.Why = e.why(a.Outcome == RequestNothing)
	return a
}

// Tell adds what the request was about, and what it wrote.
func (e *Effect) Tell(a *RequestAnswer) { a.Events, a.Users, a.Groups = e.Events, e.Users, e.Groups }

// Add takes the effect of a part of the request.
func (e *Effect) Add(part *Effect) {
	if e == nil {
		return
	}
	e.Wrote(part.Events...)
	e.MoreEvents += part.MoreEvents
	for _, u := range part.Users {
		e.name(u)
	}
	e.Groups = append(e.Groups, part.Groups[:min(len(part.Groups), MaxEffectIDs-len(e.Groups))]...)
}

// why says what of it was no change. Of a change that was one, values that stay
// are not worth a word.
func (e *Effect) why(nothing bool) string {
	var why []string
	say := func(n int, text string) {
		if n > 1 {
			text += " (" + strconv.Itoa(n) + ")"
		}
		if n > 0 {
			why = append(why, text)
		}
	}
	say(e.Already, "already a member by this connection")
	say(e.Absent, "no such member to remove")
	say(e.Unseen, "not in this view")
	switch {
	case !nothing:
	case e.Same:
		why = append(why, "same value")
	case len(why) == 0:
		why = append(why, "the request asks for no change")
	}
	return strings.Join(why, "; ")
}
