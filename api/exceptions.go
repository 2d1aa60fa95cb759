package api

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) listExceptions(w http.ResponseWriter, r request) error {
	format, err := r.reportFormat("json")
	if err != nil {
		return err
	}
	q := membership.ExceptionQuery{Kind: membership.ExceptionKind(r.query["kind"])}
	if format != "json" {
		for _, paging := range []string{"limit", "cursor"} {
			if _, given := r.query[paging]; given {
				return membership.Invalidf("%s is for format=json: the others are whole", paging)
			}
		}
		return d.Directory.ExportExceptions(r.Context(), r.call, q.Kind, ExceptionsFormat(format), answerReport(w))
	}
	limit, err := r.query.limit(defaultLimit)
	if err != nil {
		return err
	}
	q.Limit = limit + 1
	if s, given := r.query["cursor"]; given {
		if q.After, err = parseExceptionCursor(s); err != nil {
			return err
		}
	}
	es, err := d.Directory.Exceptions(r.Context(), r.call, q)
	if err != nil {
		return err
	}
	more := len(es) > limit
	es = es[:min(len(es), limit)]
	b := appendPage(nil, es, AppendException, membership.ID{})
	if more {
		b = appendExceptionCursor(append(b[:len(b)-1], `,"next_cursor":"`...), es[limit-1].Cursor())
		b = append(b, `"}`...)
	}
	return send(w, http.StatusOK, b)
}

// A cursor of exceptions is the kind, the group and the user. To callers it is
// opaque.

func appendExceptionCursor(b []byte, p membership.ExceptionCursor) []byte {
	raw := []byte{byte(slices.Index(membership.ExceptionKinds, p.Kind))}
	raw = append(append(raw, p.Group[:]...), p.User[:]...)
	return base64.RawURLEncoding.AppendEncode(b, raw)
}

func parseExceptionCursor(s string) (p membership.ExceptionCursor, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err == nil && len(raw) == 33 && int(raw[0]) < len(membership.ExceptionKinds) {
		p.Kind = membership.ExceptionKinds[raw[0]]
		p.Group, p.User = membership.ID(raw[1:17]), membership.ID(raw[17:])
	}
	if p.Kind == "" || p.Group.IsZero() && p.User.IsZero() || string(appendExceptionCursor(nil, p)) != s {
		return p, membership.Invalidf("cursor is none that this API gave out")
	}
	return p, nil
}

// AppendException appends an exception as JSON.
func AppendException(b []byte, e membership.Exception) []byte {
	b = appendField(append(b, '{'), "kind", string(e.Kind))
	if !e.Group.ID.IsZero() { // else the name of a user is the exception
		b = appendIDField(append(b, ','), "group_id", e.Group.ID)
		b = appendField(append(b, ','), "display_name", e.Group.DisplayName)
	}
	if !e.User.ID.IsZero() {
		b = appendIDField(append(b, ','), "user_id", e.User.ID)
		b = appendField(append(b, ','), "user_name", e.User.UserName)
		b = appendField(append(b, ','), "email", e.User.Email)
		b = appendField(append(b, ','), "name", e.User.Name)
		b = appendBoolField(append(b, ','), "active", e.User.Active)
	}
	b = append(appendName(append(b, ','), "sources"), '[')
	for i, s := range e.Sources {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendSource(b, s)
	}
	b = appendTimeField(append(b, `],`...), "since", e.Since)
	return append(b, '}')
}

// ExceptionsFormat is how the exceptions are written as a report.
func ExceptionsFormat(format string) membership.Format[membership.Exception] {
	f := reportOf(format, exceptionColumns)
	if format == FormatJSONL { // the objects of the JSON answer, a line each
		f.Append = func(b []byte, e membership.Exception) []byte { return append(AppendException(b, e), '\n') }
	}
	return f
}

func exceptionColumns(c columns, e membership.Exception) {
	c.text("kind", string(e.Kind))
	c.id("group_id", e.Group.ID)
	c.text("display_name", e.Group.DisplayName)
	c.id("user_id", e.User.ID)
	c.text("user_name", e.User.UserName)
	c.text("email", e.User.Email)
	c.text("name", e.User.Name)
	c.yes("active", e.User.Active)
	c.text("sources", ExceptionSources(e))
	c.time("since", e.Since)
}

// ExceptionSources names the sources of an exception in one line: local, or
// connection:id.
func ExceptionSources(e membership.Exception) string {
	names := make([]string, len(e.Sources))
	for i, s := range e.Sources {
		names[i] = string(membership.SourceLocal)
		if id := s.Grant.Connection; !id.IsZero() {
			names[i] = "connection:" + id.String()
		}
	}
	return strings.Join(names, " ")
}
