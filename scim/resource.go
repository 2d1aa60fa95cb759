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
func (d *door) addCommon(r map[string]any, t *resourceType, id membership.ID, m meta) {
	schemas := []string{t.core.ID}
	for key := range r {
		if isURN(key) {
			schemas = append(schemas, key)
		}
	}
	slices.SortFunc(schemas[1:], strings.Compare)
	r["schemas"] = schemas
	r["id"] = id.String()
	r["meta"] = map[string]any{
		"resourceType": t.name,
		"created":      membership.Timestamp(m.created),
		"lastModified": membership.Timestamp(m.modified),
		"location":     d.location(t, id),
		"version":      membership.ETag(m.version),
	}
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
