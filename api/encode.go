package api

import (
	"net/http"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The encoders append to a buffer: a list of members is as long as the group,
// and neither reflection nor maps keep up with the store.

func appendUser(b []byte, u membership.User) []byte {
	b = appendIDField(append(b, '{'), "id", u.ID)
	b = appendField(append(b, ','), "user_name", u.UserName)
	b = appendField(append(b, ','), "email", u.Email)
	b = appendField(append(b, ','), "name", u.Name)
	b = appendBoolField(append(b, ','), "active", u.Active)
	if u.Pending {
		b = appendBoolField(append(b, ','), "pending", true)
	}
	b = appendField(append(b, ','), "origin", string(u.Origin))
	b = appendTimeField(append(b, ','), "created_at", u.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", u.UpdatedAt)
	return append(b, '}')
}

func appendGroup(b []byte, g membership.Group) []byte {
	b = appendIDField(append(b, '{'), "id", g.ID)
	b = appendField(append(b, ','), "display_name", g.DisplayName)
	b = appendField(append(b, ','), "kind", string(g.Kind))
	b = appendField(append(b, ','), "origin", string(g.Origin))
	b = appendList(appendName(append(b, ','), "permissions"), g.Permissions, appendString)
	if g.MaxGrantSeconds > 0 {
		b = appendNumberField(append(b, ','), "max_grant_seconds", g.MaxGrantSeconds)
	} else {
		b = append(b, `,"max_grant_seconds":null`...)
	}
	b = appendBoolField(append(b, ','), "grants_must_end", g.GrantsMustEnd)
	b = appendTimeField(append(b, ','), "created_at", g.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", g.UpdatedAt)
	return append(b, '}')
}

// AppendMember appends a member of a group as JSON.
func AppendMember(b []byte, m membership.Member) []byte {
	b = appendIDField(append(b, '{'), "id", m.User.ID)
	b = appendField(append(b, ','), "email", m.User.Email)
	b = appendField(append(b, ','), "name", m.User.Name)
	b = appendBoolField(append(b, ','), "active", m.User.Active)
	return appendSources(append(b, ','), m.Source(), m.JoinedAt, m.Sources)
}

func appendMembership(b []byte, m membership.Membership) []byte {
	b = appendIDField(append(b, '{'), "id", m.Group.ID)
	b = appendField(append(b, ','), "display_name", m.Group.DisplayName)
	return appendSources(append(b, ','), m.Source(), m.JoinedAt, m.Sources)
}

// appendSources ends a member or a membership.
func appendSources(b []byte, source membership.Source, joinedAt time.Time, sources []membership.MemberSource) []byte {
	b = appendField(b, "membership_source", string(source))
	b = appendTimeField(append(b, ','), "joined_at", joinedAt)
	b = appendName(append(b, ','), "sources")
	b = append(b, '[')
	for i, s := range sources {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSource(b, s)
	}
	return append(b, "]}"...)
}

func appendSource(b []byte, s membership.MemberSource) []byte {
	b = appendField(append(b, '{'), "source", string(s.Grant.Source()))
	if !s.Grant.Connection.IsZero() {
		b = appendIDField(append(b, ','), "connection", s.Grant.Connection)
		b = appendField(append(b, ','), "connection_name", s.ConnectionName)
	}
	b = appendTimeField(append(b, ','), "granted_at", s.Grant.OpenedAt)
	b = appendField(append(b, ','), "granted_by", s.Grant.OpenedBy.String())
	b = appendTimeUnlessZero(b, "expires_at", s.Grant.ExpiresAt)
	if s.Grant.BreakGlass {
		b = appendBoolField(append(b, ','), "break_glass", true)
	}
	if s.Grant.OpenedReason != "" {
		b = appendField(append(b, ','), "reason", s.Grant.OpenedReason)
	}
	return append(b, '}')
}

// appendPage appends a page of a list; next is the zero id on the last one.
func appendPage[T any](b []byte, page []T, appendOne func([]byte, T) []byte, next membership.ID) []byte {
	b = append(b, `{"data":[`...)
	for i, v := range page {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, v)
	}
	return appendPageEnd(b, next)
}

// appendPageEnd ends what began with {"data":[.
func appendPageEnd(b []byte, next membership.ID) []byte {
	b = append(b, ']')
	if !next.IsZero() {
		b = append(b, `,"next_cursor":"`...)
		b = append(appendCursor(b, next), '"')
	}
	return append(b, '}')
}

// appendName appends the name of a field; names need no escapes.
func appendName(b []byte, name string) []byte {
	b = append(b, '"')
	b = append(b, name...)
	return append(b, `":`...)
}

func appendField(b []byte, name, value string) []byte {
	return appendString(appendName(b, name), value)
}

// appendList appends a JSON array, also when it is empty.
func appendList[T any](b []byte, vs []T, appendOne func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, v)
	}
	return append(b, ']')
}

// sendArray answers 200 with a JSON array, sent while it is written.
func sendArray[T any](w http.ResponseWriter, vs []T, appendOne func([]byte, T) []byte) error {
	const one = 1 << 10 // or so
	if err := reserve(w, len(vs)*one); err != nil {
		return err
	}
	jsonHeader(w)
	b := append(make([]byte, 0, chunk+4<<10), '[')
	for i, v := range vs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, v)
		if len(b) >= chunk {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	_, err := w.Write(append(b, ']'))
	return err
}

func appendIDField(b []byte, name string, id membership.ID) []byte {
	b = append(appendName(b, name), '"')
	return append(id.AppendText(b), '"')
}

func appendTimeField(b []byte, name string, t time.Time) []byte {
	b = append(appendName(b, name), '"')
	return append(appendTime(b, t), '"')
}

// appendTime appends what membership.Timestamp returns.
func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
}

func appendNumberField(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(appendName(b, name), n, 10)
}

// appendMillisecondsField appends a duration, to the microsecond.
func appendMillisecondsField(b []byte, name string, d time.Duration) []byte {
	return strconv.AppendFloat(appendName(b, name), float64(d.Microseconds())/1000, 'f', -1, 64)
}

func appendBoolField(b []byte, name string, v bool) []byte {
	return appendBool(appendName(b, name), v)
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

// appendString appends a JSON string (RFC 8259 section 7). The domain keeps
// valid UTF-8 only, so nothing but quotes and control characters needs care.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		if c < ' ' {
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		} else {
			b = append(b, '\\', c)
		}
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
