package console

import (
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// query is the query string of a page: known parameters, each once. Forms send the
// fields that were left empty; they count as not there.
type query map[string]string

func parseQuery(raw string, known []string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, membership.Invalidf("the address of the page is malformed")
	}
	q := make(query, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		vs := values[name]
		switch {
		case !slices.Contains(known, name):
			return nil, membership.Invalidf("the address of the page has something that it does not know: %q",
				short(name))
		case len(vs) > 1:
			return nil, membership.Invalidf("the address of the page has %s more than once", name)
		case !membership.ValidText(vs[0]):
			return nil, membership.Invalidf("%s has a NUL byte or is not UTF-8", name)
		case vs[0] != "":
			q[name] = vs[0]
		}
	}
	return q, nil
}

// pageSize is how many rows a list shows.
const pageSize = 50

// after returns the id after which the page begins.
func (q query) after() (membership.ID, error) {
	s := q["cursor"]
	if s == "" {
		return membership.ID{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(membership.ID{}) {
		return membership.ID{}, membership.Invalidf("cursor is none that this console gave out")
	}
	return membership.ID(b), nil
}

// id reads an id; the zero one when it is not given.
func (q query) id(name string) (membership.ID, error) {
	if q[name] == "" {
		return membership.ID{}, nil
	}
	id, err := membership.ParseID(q[name])
	if err != nil || id.IsZero() {
		return membership.ID{}, membership.Invalidf("%s must be a UUID", name)
	}
	return id, nil
}

// timeForms are how a moment may be written: as an API writes it, or as a browser's
// field for date and time does, which has no zone: it is UTC.
var timeForms = []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02"}

// time reads a moment; the zero one when it is not given.
func (q query) time(name string) (time.Time, error) { return parseTime(name, q[name]) }

func parseTime(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form, s); err == nil && membership.ValidTime(t) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, membership.Invalidf("%s must be a date and a time, such as 2026-03-01T12:00", name)
}

// pager leads to the next page of a list and back to its first.
type pager struct{ First, Next string }

// pages makes the pager of a list; last is the last id of this page, zero if there are
// no more. The other parameters of the page stay.
func (r *request) pages(last membership.ID) pager {
	cursor := ""
	if !last.IsZero() {
		cursor = base64.RawURLEncoding.EncodeToString(last[:])
	}
	return r.pagesAt(cursor)
}

// pagesAt is pages for a list with a cursor of its own; empty: there are no more.
func (r *request) pagesAt(cursor string) (p pager) {
	if r.query["cursor"] != "" {
		p.First = r.with("cursor", "")
	}
	if cursor != "" {
		p.Next = r.with("cursor", cursor)
	}
	return p
}

// with is the address of this page with one parameter changed; empty: without it.
func (r *request) with(name, value string) string {
	v := url.Values{}
	for n, s := range r.query {
		v.Set(n, s)
	}
	v.Set(name, value)
	if value == "" {
		v.Del(name)
	}
	u := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: v.Encode()}
	return u.String()
}

// cut takes a list of one more than the page holds down to the page. last is the zero id
// when there was no more.
func cut[T any](list []T, id func(T) membership.ID) (page []T, last membership.ID) {
	if len(list) <= pageSize {
		return list, last
	}
	return list[:pageSize], id(list[pageSize-1])
}
