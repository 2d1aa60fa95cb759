package db

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The body of an event is its text as it is kept: a JSON object on one line, whose
// fields are always in this order, and of which those with nothing are left out.
// The function member_event_body of PostgreSQL writes it too, from a rest that is
// made here.

const eventTime = "2006-01-02T15:04:05.000000Z"

// appendEventBody writes the body of an event whose texts are hidden. It does not
// have the members.
func appendEventBody(b []byte, e membership.Event, t hiddenTexts) []byte {
	b = append(e.ID.AppendText(append(b, `{"id":"`...)), `","at":"`...)
	b = append(e.At.UTC().AppendFormat(b, eventTime), `","action":`...)
	b = appendJSON(b, string(e.Action))
	b = appendID(b, "group_id", e.Group)
	b = appendID(b, "user_id", e.User)
	return append(appendEventRest(b, e, t), '}')
}

// appendEventRest writes what follows the user: a comma and all fields that the
// events of one change have in common.
func appendEventRest(b []byte, e membership.Event, t hiddenTexts) []byte {
	b = appendJSON(append(b, `,"actor":{"kind":`...), string(e.Actor.Kind))
	b = append(appendJSON(append(b, `,"id":`...), e.Actor.ID), '}')
	b = appendText(b, "credential", e.Credential.String())
	b = appendText(b, "source", string(e.Source))
	b = appendID(b, "connection_id", e.Connection)
	if e.MemberSource != e.Source {
		b = appendText(b, "membership_source", string(e.MemberSource))
	}
	b = appendFacts(b, "before", e.Before)
	b = appendFacts(b, "after", e.After)
	b = appendText(b, "request_id", e.RequestID)
	return appendText(b, reasonField+hashed, t.hash(reasonField))
}

func appendText(b []byte, name, s string) []byte {
	if s == "" {
		return b
	}
	return appendJSON(append(append(append(b, `,"`...), name...), `":`...), s)
}

func appendID(b []byte, name string, id membership.ID) []byte {
	if id.IsZero() {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":"`...)
	return append(id.AppendText(b), '"')
}

func appendFacts(b []byte, name string, facts []byte) []byte {
	if len(facts) == 0 {
		return b
	}
	return append(append(append(append(b, `,"`...), name...), `":`...), facts...)
}

// appendJSON appends a text as a JSON string.
func appendJSON(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			text, _ := json.Marshal(s) // any text can be
			return append(b, text...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// An event is a leaf of the log: with number and tenant in front it has at most
// 65,535 bytes. Of these 60,512 are for membership.MaxEventMembers members; what a
// request says of itself has maxCallTexts, in JSON six times as many.
const (
	maxEvent     = 65_535 - 120
	maxCallTexts = 666
)

// checkCallTexts refuses a caller whose events would be too long. No server lets
// one in.
func checkCallTexts(a membership.Actor, c membership.Credential, request string) error {
	if n := len(a.ID) + len(c.Subject) + len(request); n > maxCallTexts {
		return membership.Invalidf("actor, credential and request id have %d bytes together: an event has room for %d",
			n, maxCallTexts)
	}
	return nil
}

// fitEvent leaves out of an event the facts that would make it too long.
func fitEvent(e *membership.Event) error {
	if err := checkCallTexts(e.Actor, e.Credential, e.RequestID); err != nil {
		return err
	}
	most := 16 << 10 // of either facts
	if len(e.Members) > 1 {
		most = 128
	}
	for _, facts := range []*[]byte{&e.Before, &e.After} {
		if n := len(*facts); n > most {
			*facts = fmt.Appendf(nil, `{"omitted_bytes":%d}`, n)
		}
	}
	return nil
}

// appendEventMembers writes members as event_member of PostgreSQL does.
func appendEventMembers(b []byte, members []membership.EventMember) []byte {
	b = append(b, '[')
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(m.User.AppendText(append(b, memberUser...)), memberGrant...)
		b = m.Grant.AppendText(b)
		if m.Still {
			b = append(b, memberStill...)
		} else {
			b = append(b, memberEnd...)
		}
	}
	return append(b, ']')
}

const (
	memberUser  = `{"user_id":"`
	memberGrant = `","grant_id":"`
	memberStill = `","still_member":true}`
	memberEnd   = `"}`
	idLength    = 36
)

var errEventMembers = errors.New("the members of an event are not as they were written")

// parseEventMembers reads what appendEventMembers wrote.
func parseEventMembers(text []byte) (members []membership.EventMember, err error) {
	if len(text) == 0 {
		return nil, nil
	}
	const one = len(memberUser) + idLength + len(memberGrant) + idLength + len(memberEnd) + 1
	members = make([]membership.EventMember, 0, len(text)/one+1)
	for first := true; len(text) > 0 && text[0] != ']'; first = false {
		open := byte(',')
		if first {
			open = '['
		}
		var m membership.EventMember
		if text[0] != open {
			return nil, errEventMembers
		}
		if m.User, text, err = cutID(text[1:], memberUser); err != nil {
			return nil, err
		}
		if m.Grant, text, err = cutID(text, memberGrant); err != nil {
			return nil, err
		}
		if text, m.Still = bytes.CutPrefix(text, []byte(memberStill)); !m.Still {
			var ended bool
			if text, ended = bytes.CutPrefix(text, []byte(memberEnd)); !ended {
				return nil, errEventMembers
			}
		}
		members = append(members, m)
	}
	if string(text) != "]" {
		return nil, errEventMembers
	}
	return members, nil
}

func cutID(text []byte, prefix string) (id membership.ID, rest []byte, err error) {
	text, found := bytes.CutPrefix(text, []byte(prefix))
	if !found || len(text) < idLength {
		return id, nil, errEventMembers
	}
	id, err = membership.ParseIDOf(text[:idLength])
	return id, text[idLength:], err
}

// eventBody is what a body says, as JSON.
type eventBody struct {
	ID     membership.ID     `json:"id"`
	At     string            `json:"at"`
	Action membership.Action `json:"action"`
	Group  membership.ID     `json:"group_id"`
	User   membership.ID     `json:"user_id"`
	Actor  struct {
		Kind membership.ActorKind `json:"kind"`
		ID   string               `json:"id"`
	} `json:"actor"`
	Credential   string            `json:"credential"`
	Source       membership.Source `json:"source"`
	Connection   membership.ID     `json:"connection_id"`
	MemberSource membership.Source `json:"membership_source"`
	Before       json.RawMessage   `json:"before"`
	After        json.RawMessage   `json:"after"`
	RequestID    string            `json:"request_id"`
}

// parseEventBody reads a body and the members beside it. The texts that it hides
// are still hidden.
func parseEventBody(body, members []byte) (e membership.Event, err error) {
	var v eventBody
	if err := json.Unmarshal(body, &v); err != nil {
		return e, fmt.Errorf("an event is not as it was written: %w", err)
	}
	e = membership.Event{
		ID: v.ID, Action: v.Action, Group: v.Group, User: v.User,
		Actor:  membership.Actor{Kind: v.Actor.Kind, ID: v.Actor.ID},
		Source: v.Source, Connection: v.Connection, Before: v.Before, After: v.After, RequestID: v.RequestID,
		MemberSource: v.MemberSource,
	}
	if e.At, err = time.Parse(eventTime, v.At); err != nil {
		return e, fmt.Errorf("an event is not as it was written: %w", err)
	}
	if e.Credential, err = membership.ParseCredential(v.Credential); err != nil {
		return e, fmt.Errorf("an event is not as it was written: %w", err)
	}
	if e.Members, err = parseEventMembers(members); len(e.Members) > 0 && e.MemberSource == "" {
		e.MemberSource = e.Source
	}
	return e, err
}

// parseEventHead reads who acted, and in which request, without the rest.
func parseEventHead(body []byte) (actor membership.Actor, request string, err error) {
	if kind, rest, ok := cutText(body, `,"actor":{"kind":"`); ok {
		if id, rest, ok := cutText(rest, `,"id":"`); ok {
			last := bytes.LastIndex(rest, []byte(`,"request_id":"`))
			if last < 0 {
				return membership.Actor{Kind: membership.ActorKind(kind), ID: id}, "", nil
			}
			if request, _, ok := cutText(rest[last:], `,"request_id":"`); ok {
				return membership.Actor{Kind: membership.ActorKind(kind), ID: id}, request, nil
			}
		}
	}
	e, err := parseEventBody(body, nil)
	return e.Actor, e.RequestID, err
}

// cutText reads the text behind the first mark, if it is written without escapes.
func cutText(b []byte, mark string) (text string, rest []byte, ok bool) {
	_, b, ok = bytes.Cut(b, []byte(mark))
	if !ok {
		return "", nil, false
	}
	end := bytes.IndexByte(b, '"')
	if end < 0 || bytes.IndexByte(b[:end], '\\') >= 0 {
		return "", nil, false
	}
	return string(b[:end]), b[end+1:], true
}

// nextID is the id that counts up from another by i.
func nextID(id membership.ID, i int) membership.ID {
	const random = 1<<62 - 1 // RFC 9562 5.7: the last bits of a version 7
	low := binary.BigEndian.Uint64(id[8:])
	binary.BigEndian.PutUint64(id[8:], low&^random|(low+uint64(i))&random) //nolint:gosec // an index
	return id
}

// memberEventRest is what write_members gets of the events of one change of members,
// to which it knows the rest; and what they hide.
func memberEventRest(e membership.Event) (rest string, texts hiddenTexts, err error) {
	if texts, err = hideTexts(&e); err != nil {
		return "", nil, err
	}
	return string(appendEventRest(nil, e, texts)), texts, nil
}

// eventKeys is what of an event its index has.
type eventKeys struct {
	at         time.Time
	action     membership.Action
	actor      membership.Actor
	connection string
}

// parseEventKeys reads them, without the rest where the body is as usual.
func parseEventKeys(body []byte) (k eventKeys, err error) {
	at, rest, ok := cutText(body, `","at":"`)
	action, rest, ok2 := cutText(rest, `,"action":"`)
	kind, rest, ok3 := cutText(rest, `,"actor":{"kind":"`)
	id, rest, ok4 := cutText(rest, `,"id":"`)
	if ok && ok2 && ok3 && ok4 {
		if k.at, err = time.Parse(eventTime, at); err == nil {
			k.action, k.actor = membership.Action(action), membership.Actor{Kind: membership.ActorKind(kind), ID: id}
			// Before the facts, which may have a field of this name, too.
			for _, facts := range []string{`,"before":{`, `,"after":{`} {
				rest, _, _ = bytes.Cut(rest, []byte(facts))
			}
			k.connection, _, _ = cutText(rest, `,"connection_id":"`)
			return k, nil
		}
	}
	e, err := parseEventBody(body, nil)
	k = eventKeys{at: e.At, action: e.Action, actor: e.Actor}
	if !e.Connection.IsZero() {
		k.connection = e.Connection.String()
	}
	return k, err
}
