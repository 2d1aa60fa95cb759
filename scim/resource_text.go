package scim

import (
	"bytes"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// resourceText writes a resource as encode writes what userResource and
// groupResource return, without making it first: its attributes in the order of
// their names, those that are stored as they stand.
type resourceText struct {
	b      []byte
	stored []storedPart // what is left of them
	shown  projection
	begun  bool
}

func newResourceText(to *buffer, doc []byte, shown projection) (w resourceText, ok bool) {
	if shown.parts {
		return w, false
	}
	if to.parts, ok = storedParts(to.parts[:0], doc); !ok {
		return w, false
	}
	return resourceText{b: append(to.text, '{'), stored: to.parts, shown: shown}, true
}

// appendUser appends what callers see of a user; false: it is for userResource
// to tell.
func (d *door) appendUser(to *buffer, l membership.UserLink, groups []membership.GroupRef, shown projection) bool {
	w, ok := newResourceText(to, l.Attributes, shown)
	if !ok {
		return false
	}
	if w.name("active") {
		w.b = strconv.AppendBool(w.b, l.Active)
	}
	if l.ExternalID != "" && w.name("externalId") {
		w.b = appendText(w.b, l.ExternalID)
	}
	if w.name("groups") {
		w.b = d.appendGroups(w.b, groups)
	}
	d.appendCommon(&w, userType, to.parts, l.User, meta{l.Version, l.CreatedAt, l.LastModified})
	if w.name("userName") {
		w.b = appendText(w.b, l.UserName)
	}
	to.text = w.end()
	return true
}

// appendGroups appends the groups of a user.
func (d *door) appendGroups(b []byte, groups []membership.GroupRef) []byte {
	b = append(b, '[')
	for i, g := range groups {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"$ref":`...)
		b = appendText(b, d.location(groupType, g.ID))
		b = append(b, `,"display":`...)
		b = appendText(b, g.DisplayName)
		b = append(b, `,"type":"direct","value":"`...)
		b = append(g.ID.AppendText(b), `"}`...)
	}
	return append(b, ']')
}

// appendGroup is to groups what appendUser is to users; members are left out.
func (d *door) appendGroup(to *buffer, l membership.GroupLink, shown projection) bool {
	w, ok := newResourceText(to, l.Attributes, shown)
	if !ok {
		return false
	}
	if l.DisplayName != "" && w.name("displayName") {
		w.b = appendText(w.b, l.DisplayName)
	}
	if l.ExternalID != "" && w.name("externalId") {
		w.b = appendText(w.b, l.ExternalID)
	}
	d.appendCommon(&w, groupType, to.parts, l.Group, meta{l.Version, l.CreatedAt, l.LastModified})
	to.text = w.end()
	return true
}

// appendCommon is addCommon.
func (d *door) appendCommon(w *resourceText, t *resourceType, stored []storedPart, id membership.ID, m meta) {
	if w.name("id") {
		w.b = append(id.AppendText(append(w.b, '"')), '"')
	}
	if w.name("meta") {
		w.b = append(w.b, `{"created":"`...)
		w.b = appendTime(w.b, m.created)
		w.b = append(w.b, `","lastModified":"`...)
		w.b = appendTime(w.b, m.modified)
		w.b = append(w.b, `","location":`...)
		w.b = appendText(w.b, d.location(t, id))
		w.b = append(w.b, `,"resourceType":"`...)
		w.b = append(w.b, t.name...)
		w.b = append(w.b, `","version":"W/\"`...) // membership.ETag
		w.b = append(strconv.AppendInt(w.b, m.version, 10), `\""}`...)
	}
	if w.name("schemas") {
		w.b = appendText(append(w.b, '['), t.core.ID)
		for _, p := range stored {
			if isURN(p.name) {
				w.b = appendQuoted(append(w.b, ','), p.name)
			}
		}
		w.b = append(w.b, ']')
	}
}

// name writes the stored attributes that come before one and then its name;
// false: it is not shown.
func (w *resourceText) name(name string) bool {
	for len(w.stored) > 0 && string(w.stored[0].name) < name {
		w.pass(w.stored[0])
		w.stored = w.stored[1:]
	}
	if len(w.stored) > 0 && string(w.stored[0].name) == name {
		w.stored = w.stored[1:] // what the server says counts
	}
	if name != "id" && name != "schemas" && !w.shown.keeps("", name) {
		return false
	}
	w.next()
	w.b = append(append(append(w.b, '"'), name...), `":`...)
	return true
}

// pass writes a stored attribute, if it is shown; see projection.of.
func (w *resourceText) pass(p storedPart) {
	if !w.shown.showsAll() {
		switch {
		case isURN(p.name):
			if w.shown.asked || p.value[0] != '{' || bytes.Equal(p.value, []byte("{}")) {
				return
			}
		case !w.shown.keeps("", string(p.name)):
			return
		}
	}
	w.next()
	w.b = append(appendQuoted(w.b, p.name), ':')
	w.b = append(w.b, p.value...)
}

func (w *resourceText) next() {
	if w.begun {
		w.b = append(w.b, ',')
	}
	w.begun = true
}

func (w *resourceText) end() []byte {
	for _, p := range w.stored {
		w.pass(p)
	}
	return append(w.b, '}')
}

// appendQuoted appends a text that needs no escapes.
func appendQuoted(b, text []byte) []byte {
	return append(append(append(b, '"'), text...), '"')
}

// appendTime appends what membership.Timestamp returns.
func appendTime(b []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000000Z")
}
