package membership

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Resource returns the view as the JSON object that a door shows and a filter
// reads (RFC 7643 section 4.1), except for groups and meta.location.
func (l UserLink) Resource() map[string]any {
	r := resource(l.Attributes, l.User, l.ExternalID, "User", l.Version, l.CreatedAt, l.LastModified)
	r["userName"] = l.UserName
	r["active"] = l.Active
	return r
}

// Resource is to groups what UserLink.Resource is to users; members are left
// out.
func (l GroupLink) Resource() map[string]any {
	r := resource(l.Attributes, l.Group, l.ExternalID, "Group", l.Version, l.CreatedAt, l.LastModified)
	r["displayName"] = l.DisplayName
	return r
}

// ResourceID is the id of the user.
func (l UserLink) ResourceID() ID { return l.User }

// ResourceID is the id of the group.
func (l GroupLink) ResourceID() ID { return l.Group }

func resource(doc []byte, id ID, externalID, kind string, version int64, created, modified time.Time) map[string]any {
	r := make(map[string]any)
	// The document was checked when it was written.
	_ = json.Unmarshal(doc, &r)
	schemas := []any{"urn:ietf:params:scim:schemas:core:2.0:" + kind}
	for key := range r {
		if strings.HasPrefix(strings.ToLower(key), "urn:") { // an extension
			schemas = append(schemas, key)
		}
	}
	r["schemas"] = schemas
	r["id"] = id.String()
	if externalID != "" {
		r["externalId"] = externalID
	}
	r["meta"] = map[string]any{
		"resourceType": kind,
		"created":      Timestamp(created),
		"lastModified": Timestamp(modified),
		"version":      ETag(version),
	}
	return r
}

// ETag is the weak entity tag of a version (RFC 7644 section 3.14).
func ETag(version int64) string {
	return string(append(strconv.AppendInt([]byte(`W/"`), version, 10), '"'))
}

// Timestamp is a time as every door writes it: RFC 3339, UTC, microseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
