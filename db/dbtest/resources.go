package dbtest

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Resources renders links for filters and orders, as the contract needs it of a door.
type Resources struct{}

// User implements membership.Resources.
func (Resources) User(l membership.UserLink) map[string]any {
	r := resource(l.Attributes, l.User, l.ExternalID, "User", l.Version, l.CreatedAt, l.LastModified)
	r["userName"], r["active"] = l.UserName, l.Active
	return r
}

// Group implements membership.Resources.
func (Resources) Group(l membership.GroupLink) map[string]any {
	r := resource(l.Attributes, l.Group, l.ExternalID, "Group", l.Version, l.CreatedAt, l.LastModified)
	r["displayName"] = l.DisplayName
	return r
}

func resource(
	doc []byte, id membership.ID, externalID, kind string, version int64, created, modified time.Time,
) map[string]any {
	r := map[string]any{}
	_ = json.Unmarshal(doc, &r)
	schemas := []any{"urn:ietf:params:scim:schemas:core:2.0:" + kind}
	for key := range r {
		if strings.HasPrefix(strings.ToLower(key), "urn:") {
			schemas = append(schemas, key)
		}
	}
	r["schemas"], r["id"] = schemas, id.String()
	if externalID != "" {
		r["externalId"] = externalID
	}
	r["meta"] = map[string]any{
		"resourceType": kind, "created": membership.Timestamp(created), "lastModified": membership.Timestamp(modified),
		"version": membership.ETag(version),
	}
	return r
}
