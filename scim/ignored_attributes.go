package scim

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// ignoredNames are the attributes of a request that no schema has: a provider
// may map what it likes, but a misspelt name has to leave a trace. They are names
// and never values, and at most maxIgnored of them.
type ignoredNames []string

const (
	maxIgnored     = 20 // names of a request
	maxIgnoredName = 80 // bytes of a name
)

// add keeps a name, unless it is there. What is no name may be somebody's
// address: it is not repeated.
func (n *ignoredNames) add(name string) {
	name, _, _ = strings.Cut(name, "[")
	if len(*n) == maxIgnored {
		return
	}
	for i := range len(name) {
		if c := name[i]; !nameByte(c) && c != ':' && c != '.' {
			name = ""
			break
		}
	}
	switch {
	case name == "":
		name = "(what is no name)"
	case len(name) > maxIgnoredName:
		name = name[:maxIgnoredName] + "…"
	}
	if !slices.Contains(*n, name) {
		*n = append(*n, strings.Clone(name))
	}
}

func (n *ignoredNames) addAll(names ignoredNames) {
	for _, name := range names {
		n.add(strings.TrimSuffix(name, "…"))
	}
}

// addEdits keeps the names in edits that no schema has.
func (n *ignoredNames) addEdits(edits []edit) {
	for _, e := range edits {
		switch a := e.to.attr; {
		case e.to.unknown():
			n.add(e.to.text())
		case a != nil && a.kind == kindComplex && !a.unlisted && e.to.subName == "":
			for _, v := range arrayOfOne(e.value) {
				object, _ := v.(map[string]any)
				for _, key := range sortedKeys(object) {
					if a.subs[oldName(a, strings.ToLower(key))] == nil {
						n.add(e.to.text() + "." + key)
					}
				}
			}
		}
	}
}

// addFilter keeps the names in a filter that no schema has: they are absent from
// every resource, so the filter may match nothing.
func (n *ignoredNames) addFilter(f membership.Filter) {
	switch f := f.(type) {
	case membership.And:
		n.addFilter(f.Left)
		n.addFilter(f.Right)
	case membership.Or:
		n.addFilter(f.Left)
		n.addFilter(f.Right)
	case membership.Not:
		n.addFilter(f.Filter)
	case membership.Element:
		n.addAttribute(f.Attribute)
	case membership.Compare:
		n.addAttribute(f.Attribute)
	}
}

func (n *ignoredNames) addAttribute(a membership.Attribute) {
	to := target{schema: a.Schema, name: a.Name, subName: a.Sub}
	if to.custom() {
		return
	}
	for _, t := range resourceTypes { // a query on the root is about all of them
		if _, schema := t.schemaNamed(a.Name); schema || t.in(a.Schema, a.Name, a.Sub).attr != nil {
			return
		}
	}
	n.add(to.text())
}

// unknown: of a schema that is known, and not in it.
func (to target) unknown() bool { return to.attr == nil && !to.whole && !to.custom() }

// text is the path, with the URN of an extension.
func (to target) text() string {
	text := to.name
	if to.schema != "" {
		text = to.schema + ":" + text
	}
	if to.subName != "" {
		text += "." + to.subName
	}
	return text
}

// ignoredLog limits what the log says of ignored attributes: of each connection
// each name once a minute, in so many lines, and of so many connections at once.
type ignoredLog struct {
	mu sync.Mutex
	of map[membership.ID]*ignoredMinute
}

type ignoredMinute struct {
	until time.Time
	said  ignoredNames
	lines int
}

const (
	ignoredPeriod      = time.Minute
	ignoredLines       = 10
	ignoredConnections = 1000
)

// unsaid returns the names that the log has not said of the connection within
// the minute, and keeps that it is about to.
func (l *ignoredLog) unsaid(connection membership.ID, names ignoredNames, now time.Time) (unsaid ignoredNames) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.of[connection]
	if m == nil || now.After(m.until) {
		if m == nil && len(l.of) >= ignoredConnections {
			l.makeRoom(now)
		}
		if l.of == nil {
			l.of = map[membership.ID]*ignoredMinute{}
		}
		m = &ignoredMinute{until: now.Add(ignoredPeriod)}
		l.of[connection] = m
	}
	if m.lines == ignoredLines {
		return nil
	}
	for _, name := range names {
		if !slices.Contains(m.said, name) {
			unsaid = append(unsaid, name)
		}
	}
	if len(unsaid) > 0 {
		m.lines++
		m.said = append(m.said, unsaid...)
	}
	return unsaid
}

// makeRoom forgets the minutes that are over, or any one.
func (l *ignoredLog) makeRoom(now time.Time) {
	for id, m := range l.of {
		if now.After(m.until) {
			delete(l.of, id)
		}
	}
	for id := range l.of {
		if len(l.of) < ignoredConnections {
			return
		}
		delete(l.of, id)
	}
}

// logIgnored says in the program's log which attributes of a request were
// ignored.
func (d *door) logIgnored(r *http.Request, call membership.Call, names ignoredNames) {
	if len(names) == 0 {
		return
	}
	if names = d.ignored.unsaid(call.Connection, names, time.Now()); len(names) > 0 {
		d.log.Warn("attributes that no schema has were ignored", append(auth.RequestFields(r),
			zap.Stringer("tenant", call.Tenant), zap.Stringer("connection", call.Connection),
			zap.Strings("attributes", names))...)
	}
}
