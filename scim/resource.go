package scim

import (
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// meta is what the meta attribute tells of a resource (RFC 7643 section 3.1).
type meta struct {
	version           int64
	created, modified time.Time
}

// addCommon adds the common attributes and the schemas that follow from what
// the resource has.
func addCommon(r map[string]any, t *resourceType, id membership.ID, location string, m meta) {
	schemas := []string{t.core.ID}
	for key := range r {
		if isURN(key) {
			schemas = append(schemas, key)
		}
	}
	slices.SortFunc(schemas[1:], strings.Compare)
	list := make([]any, len(schemas))
	for i, s := range schemas {
		list[i] = s
	}
	r["schemas"] = list
	r["id"] = id.String()
	about := map[string]any{
		"resourceType": t.name,
		"created":      membership.Timestamp(m.created),
		"lastModified": membership.Timestamp(m.modified),
		"version":      membership.ETag(m.version),
	}
	if location != "" {
		about["location"] = location
	}
	r["meta"] = about
}

// queried implements membership.Resources: it is what callers see, except for
// addresses, and for groups and members, which the store adds where a filter asks.
type queried struct{}

// User implements membership.Resources.
func (queried) User(l membership.UserLink) map[string]any {
	r, err := userAttributes(l)
	if err != nil { // it was checked when it was written
		r = map[string]any{}
	}
	addCommon(r, userType, l.User, "", meta{l.Version, l.CreatedAt, l.LastModified})
	return r
}

// Group implements membership.Resources.
func (queried) Group(l membership.GroupLink) map[string]any {
	r, err := groupAttributes(l)
	if err != nil { // it was checked when it was written
		r = map[string]any{}
	}
	addCommon(r, groupType, l.Group, "", meta{l.Version, l.CreatedAt, l.LastModified})
	return r
}

// location is the address of a resource.
func (d *door) location(t *resourceType, id membership.ID) string {
	var room [128]byte
	b := append(room[:0], d.base...)
	b = append(append(b, t.endpoint...), '/')
	return string(id.AppendText(b))
}

// describe sets the headers that say which resource an answer is about, and in
// which version.
func (x *exchange) describe(location string, version int64) {
	h := x.w.Header()
	h["Etag"] = []string{membership.ETag(version)}
	at := []string{location}
	h["Location"], h["Content-Location"] = at, at
}

func (x *exchange) send(status int, v any) error {
	b, err := encode(v)
	if err != nil {
		return err
	}
	if err := x.w.Reserve(len(b)); err != nil {
		return err
	}
	header(x.w)
	sized(x.w, len(b))
	x.w.WriteHeader(status)
	_, err = x.w.Write(b)
	return err
}

func (x *exchange) sendNothing(status int) error {
	x.w.Header()["Cache-Control"] = noStore
	x.w.WriteHeader(status)
	return nil
}
