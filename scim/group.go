package scim

import (
	"github.com/scimbridge/scimbridge/membership"
)

// groupAttributes returns what a provider can write of a group, except its
// members, as an object that edits can be applied to.
func groupAttributes(l membership.GroupLink) (map[string]any, error) {
	r, err := attributesOfDocument(l.Attributes)
	if err != nil {
		return nil, err
	}
	if l.DisplayName != "" {
		r["displayName"] = l.DisplayName
	}
	if l.ExternalID != "" {
		r["externalId"] = l.ExternalID
	}
	return r, nil
}

// setGroup writes such an object back into the link.
func setGroup(l *membership.GroupLink, r map[string]any) error {
	l.DisplayName, _ = r["displayName"].(string)
	l.ExternalID, _ = r["externalId"].(string)
	delete(r, "displayName")
	delete(r, "externalId")
	var err error
	l.Attributes, err = encode(r)
	return err
}

// groupResource returns a group as callers see it, without its members.
func (d *door) groupResource(l membership.GroupLink) (map[string]any, error) {
	r, err := groupAttributes(l)
	if err != nil {
		return nil, err
	}
	addCommon(r, groupType, l.Group, d.location(groupType, l.Group), meta{l.Version, l.CreatedAt, l.LastModified})
	return r, nil
}
