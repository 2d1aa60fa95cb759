package api

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The sizes of pages.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// query is a query string with known parameters only, each once and not empty.
type query map[string]string

// parseQuery is strict: a misspelled filter that was dropped would select
// everything.
func parseQuery(raw string, known []string) (query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, membership.Invalidf("the query string is malformed")
	}
	q := make(query, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		vs := values[name]
		switch {
		case !slices.Contains(known, name):
			return nil, membership.Invalidf("unknown query parameter %q", short(name))
		case len(vs) > 1:
			return nil, membership.Invalidf("the query parameter %s is given more than once", name)
		case vs[0] == "":
			return nil, membership.Invalidf("the query parameter %s is empty", name)
		case !membership.ValidText(vs[0]):
			return nil, membership.Invalidf("the query parameter %s has a NUL byte or is not UTF-8", name)
		}
		q[name] = vs[0]
	}
	return q, nil
}

// flag returns a parameter that is true or false; left out, it is false.
func (q query) flag(name string) (bool, error) {
	switch q[name] {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, membership.Invalidf("%s must be true or false", name)
}

// limit returns the size of the page, or otherwise when none is asked for.
func (q query) limit(otherwise int) (int, error) {
	s, given := q["limit"]
	if !given {
		return otherwise, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > maxLimit {
		return 0, membership.Invalidf("limit must be a number from 1 to %d", maxLimit)
	}
	return n, nil
}

// after returns the id after which the page begins.
func (q query) after() (membership.ID, error) {
	s, given := q["cursor"]
	if !given {
		return membership.ID{}, nil
	}
	return parseCursor(s)
}

// page reads what every list takes. limit is that of the page: ask for one
// more, to see whether there is a next one.
func (q query) page() (after membership.ID, limit int, err error) {
	if limit, err = q.limit(defaultLimit); err != nil {
		return after, 0, err
	}
	after, err = q.after()
	return after, limit, err
}

// native reads what the lists of users and groups take. The query asks for one
// more than the page holds, to see whether there is a next one.
func (q query) native(name string) (nq membership.NativeQuery, limit int, err error) {
	if nq.After, limit, err = q.page(); err != nil {
		return nq, 0, err
	}
	nq.Limit, nq.Name, nq.Email = limit+1, q[name], q["email"]
	nq.NamePrefix = q[name+"_prefix"]
	if nq.Origin, err = oneOf(q, "origin", membership.SourceLocal, membership.SourceSCIM); err != nil {
		return nq, 0, err
	}
	if nq.Kind, err = oneOf(q, "kind", membership.GroupCustom, membership.GroupEnterprise); err != nil {
		return nq, 0, err
	}
	nq.Active, err = q.active()
	return nq, limit, err
}

// oneOf reads a parameter that has few values; empty when it is not given.
func oneOf[T ~string](q query, name string, first, second T) (T, error) {
	v, given := q[name]
	if given && T(v) != first && T(v) != second {
		return "", membership.Invalidf("%s must be %s or %s", name, first, second)
	}
	return T(v), nil
}

// active is nil when it is not asked for.
func (q query) active() (*bool, error) {
	s, err := oneOf(q, "active", "true", "false")
	if err != nil || s == "" {
		return nil, err
	}
	active := s == "true"
	return &active, nil
}

// members reads the parameters of a list of members; without a limit it is the
// whole list, and limit is 0.
func (q query) members() (mq membership.MemberQuery, limit int, err error) {
	if limit, err = q.limit(0); err != nil {
		return mq, 0, err
	}
	if limit > 0 {
		mq.Limit = limit + 1
	}
	if mq.After, err = q.after(); err != nil {
		return mq, 0, err
	}
	if mq.Source, err = oneOf(q, "membership_source", membership.SourceLocal, membership.SourceSCIM); err != nil {
		return mq, 0, err
	}
	if mq.Active, err = q.active(); err != nil {
		return mq, 0, err
	}
	mq.Email = q["email"]
	mq.AsOf.Time, err = q.time("as_of")
	return mq, limit, err
}

// time reads a time; the zero one when it is not given.
func (q query) time(name string) (time.Time, error) {
	s, given := q[name]
	if !given {
		return time.Time{}, nil
	}
	return membership.ParseTime(name, s)
}

// id reads an id; the zero one when it is not given.
func (q query) id(name string) (membership.ID, error) {
	s, given := q[name]
	if !given {
		return membership.ID{}, nil
	}
	id, err := membership.ParseID(s)
	if err != nil || id.IsZero() {
		return membership.ID{}, membership.Invalidf("%s must be a UUID", name)
	}
	return id, nil
}

// short cuts a text that a caller sent to a length that a message can hold.
func short(s string) string {
	const longest = 64
	if len(s) <= longest {
		return s
	}
	return strings.ToValidUTF8(s[:longest], "") + "…"
}
