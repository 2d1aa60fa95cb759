package api

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) auditRoutes() []route {
	return []route{
		{http.MethodGet, "/v1/audit/events", d.private(d.listEvents, "limit", "cursor", "wait",
			"from", "to", "actor", "user_id", "group_id", "connection_id", "action")},
		{http.MethodGet, "/v1/audit/register", d.private(d.exportRegister,
			"as_of", "group_id", "user_id", "connection_id", "membership_source", "format")},
		{http.MethodGet, "/v1/audit/checkpoint", d.private(d.checkpoint, "size")},
		{http.MethodGet, "/v1/audit/checkpoint/timestamp", d.private(d.timeStamp, "size")},
		{http.MethodGet, "/v1/audit/key", d.private(d.verifierKeys)},
		{http.MethodGet, "/v1/audit/events/{number}/proof", d.private(d.proof)},
		{http.MethodGet, "/v1/audit/exceptions", d.private(d.listExceptions, "kind", "limit", "cursor", "format")},
	}
}

func (d *door) listEvents(w http.ResponseWriter, r request) error {
	f, err := r.query.events()
	if err != nil {
		return err
	}
	f.Stored = r.wantsLeaves()
	wait, err := r.query.wait()
	if err != nil {
		return err
	}
	p, err := d.eventsWithin(r, f, wait)
	if err != nil {
		return err
	}
	if f.Stored {
		return sendLeaves(w, r.call.Tenant, p)
	}
	return send(w, http.StatusOK, appendEventPage(nil, p))
}

func (q query) events() (f membership.EventFilter, err error) {
	if f.Limit, err = q.limit(defaultLimit); err != nil {
		return f, err
	}
	if s, given := q["cursor"]; given {
		if f.Cursor, err = ParseEventCursor(s); err != nil {
			return f, err
		}
	}
	for name, to := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if *to, err = q.time(name); err != nil {
			return f, err
		}
	}
	for name, to := range map[string]*membership.ID{"user_id": &f.User, "group_id": &f.Group,
		"connection_id": &f.Connection} {
		if *to, err = q.id(name); err != nil {
			return f, err
		}
	}
	if s, given := q["actor"]; given {
		if f.Actor, err = ParseActor(s); err != nil {
			return f, err
		}
	}
	f.Action = membership.Action(q["action"])
	return f, nil
}

// ParseActor reads kind:id, the form of granted_by.
func ParseActor(s string) (membership.Actor, error) {
	kind, id, ok := strings.Cut(s, ":")
	if !ok || kind == "" || id == "" {
		return membership.Actor{}, membership.Invalidf("actor must be kind:id, as in granted_by")
	}
	return membership.Actor{Kind: membership.ActorKind(kind), ID: id}, nil
}

// An event cursor is two numbers. To callers it is opaque.

func appendEventCursor(b []byte, c membership.EventCursor) []byte {
	var raw []byte
	raw = binary.AppendUvarint(raw, uint64(c.Number))  //nolint:gosec // numbers are not negative
	raw = binary.AppendUvarint(raw, uint64(c.Through)) //nolint:gosec // nor is this one
	return base64.RawURLEncoding.AppendEncode(b, raw)
}

// EventCursorText is the text of a cursor of events.
func EventCursorText(c membership.EventCursor) string { return string(appendEventCursor(nil, c)) }

// ParseEventCursor reads a cursor of a list of events.
func ParseEventCursor(s string) (c membership.EventCursor, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	number, n := binary.Uvarint(raw)
	through, m := binary.Uvarint(raw[max(n, 0):])
	c = membership.EventCursor{Number: int64(number), Through: int64(through)} //nolint:gosec // checked below
	// What it reads as must be what it is: there is one text for each cursor.
	if err != nil || n <= 0 || m <= 0 || c.Number < 0 || c.Through < 0 || string(appendEventCursor(nil, c)) != s {
		return membership.EventCursor{}, membership.Invalidf("cursor is none that this API gave out")
	}
	return c, nil
}

func appendEventPage(b []byte, p membership.EventPage) []byte {
	b = append(b, `{"data":[`...)
	for i, e := range p.Events {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendEvent(b, e, p.Names)
	}
	b = append(b, ']')
	if p.Next != nil {
		b = appendEventCursor(append(b, `,"next_cursor":"`...), *p.Next)
		b = append(b, '"')
	}
	b = appendEventCursor(append(b, `,"follow_cursor":"`...), p.Follow)
	return append(b, `"}`...)
}

// AppendEvent appends an event as JSON, with the names of what it tells of.
func AppendEvent(b []byte, e membership.Event, names membership.Names) []byte {
	b = appendIDField(append(b, '{'), "id", e.ID)
	b = appendNumberField(append(b, ','), "number", e.Number)
	b = appendTimeField(append(b, ','), "at", e.At)
	b = appendField(append(b, `,"actor":{`...), "kind", string(e.Actor.Kind))
	b = appendField(append(b, ','), "id", e.Actor.ID)
	b = append(b, '}')
	text := func(name, s string) {
		if s != "" {
			b = appendField(append(b, ','), name, s)
		}
	}
	text("actor_name", names.Actor(e))
	b = appendCredential(b, e.Credential, names)
	text("source", string(e.Source))
	id := func(what string, id membership.ID, names map[membership.ID]string) {
		if !id.IsZero() {
			b = appendIDField(append(b, ','), what+"_id", id)
			text(what+"_name", names[id])
		}
	}
	id("connection", e.Connection, names.Connections)
	text("action", string(e.Action))
	id("group", e.Group, names.Groups)
	id("user", e.User, names.Users)
	b = appendEventMembers(b, e)
	if len(e.Before) > 0 {
		b = append(appendName(append(b, ','), "before"), e.Before...)
	}
	if len(e.After) > 0 {
		b = append(appendName(append(b, ','), "after"), e.After...)
	}
	b = appendField(append(b, ','), "request_id", e.RequestID)
	if e.Reason != "" {
		b = appendField(append(b, ','), "reason", e.Reason)
	}
	return append(appendDisclosed(b, e.Disclosed), '}')
}

// appendDisclosed appends what the hashes in a leaf are made of.
func appendDisclosed(b []byte, texts []membership.DisclosedText) []byte {
	for i, t := range texts {
		if i == 0 {
			b = append(b, `,"disclosed":{`...)
		} else {
			b = append(b, ',')
		}
		b = appendField(append(appendName(b, t.Field), '{'), "text", t.Text)
		b = appendField(append(b, ','), "salt", hex.EncodeToString(t.Salt))
		b = append(b, '}')
	}
	if len(texts) > 0 {
		b = append(b, '}')
	}
	return b
}

// appendEventMembers appends the members of an event of grants. They have no names:
// there can be many.
func appendEventMembers(b []byte, e membership.Event) []byte {
	if len(e.Members) == 0 {
		return b
	}
	b = appendField(append(b, ','), "membership_source", string(e.MemberSource))
	return appendList(appendName(append(b, ','), "members"), e.Members,
		func(b []byte, m membership.EventMember) []byte {
			b = appendIDField(append(b, '{'), "user_id", m.User)
			b = appendIDField(append(b, ','), "grant_id", m.Grant)
			return append(appendBoolField(append(b, ','), "still_member", m.Still), '}')
		})
}

// appendCredential appends the credential that acted; events of before it was
// kept have none.
func appendCredential(b []byte, c membership.Credential, names membership.Names) []byte {
	if c.Kind == "" {
		return b
	}
	b = appendField(append(b, `,"credential":{`...), "kind", string(c.Kind))
	if !c.ID.IsZero() {
		b = appendIDField(append(b, ','), "id", c.ID)
	}
	if name := names.Tokens[c.ID]; c.Kind == membership.CredentialToken && name != "" {
		b = appendField(append(b, ','), "name", name)
	}
	switch c.Kind {
	case membership.CredentialAccessToken:
		b = appendIDField(append(b, ','), "client_id", c.Owner)
	case membership.CredentialJWT:
		b = appendIDField(append(b, ','), "issuer_id", c.Owner)
		if issuer := names.Issuers[c.Owner]; issuer != "" {
			b = appendField(append(b, ','), "issuer", issuer)
		}
		b = appendField(append(b, ','), "subject", c.Subject)
	case membership.CredentialToken, membership.CredentialClient, membership.CredentialCLI,
		membership.CredentialBootstrap, membership.CredentialSetupLink, membership.CredentialSystem:
	}
	return append(b, '}')
}
