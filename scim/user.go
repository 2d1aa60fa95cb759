package scim

import (
	"cmp"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// userAttributes returns what a provider can write of a user, as an object that
// edits can be applied to.
func userAttributes(l membership.UserLink) (map[string]any, error) {
	r, err := attributesOfDocument(l.Attributes)
	if err != nil {
		return nil, err
	}
	r["userName"], r["active"] = l.UserName, l.Active
	if l.ExternalID != "" {
		r["externalId"] = l.ExternalID
	}
	return r, nil
}

// attributesOfDocument decodes the stored document of a link.
func attributesOfDocument(doc []byte) (map[string]any, error) {
	r := map[string]any{}
	if len(doc) == 0 {
		return r, nil
	}
	return r, decode(doc, &r)
}

// setUser writes such an object back into the link.
func setUser(l *membership.UserLink, r map[string]any) error {
	l.UserName, _ = r["userName"].(string)
	l.ExternalID, _ = r["externalId"].(string)
	l.Active, _ = r["active"].(bool)
	l.Email, l.Emails = mails(r["emails"])
	l.Name = displayNameOf(r)
	for _, column := range []string{"userName", "externalId", "active"} {
		delete(r, column)
	}
	var err error
	l.Attributes, err = encode(r)
	return err
}

// mails returns the address that the application gets, which is the primary
// one, else that of work, else the first, and all of them.
func mails(v any) (string, []string) {
	var primary, work, first string
	var all []string
	list, _ := v.([]any)
	for _, e := range list {
		m, _ := e.(map[string]any)
		address, _ := m["value"].(string)
		if address == "" {
			continue
		}
		all = append(all, address)
		first = cmp.Or(first, address)
		if m["primary"] == true {
			primary = cmp.Or(primary, address)
		}
		if kind, _ := m["type"].(string); strings.EqualFold(kind, "work") {
			work = cmp.Or(work, address)
		}
	}
	return cmp.Or(primary, work, first), all
}

// displayNameOf returns the name that the application gets.
func displayNameOf(r map[string]any) string {
	display, _ := r["displayName"].(string)
	name, _ := r["name"].(map[string]any)
	formatted, _ := name["formatted"].(string)
	given, _ := name["givenName"].(string)
	family, _ := name["familyName"].(string)
	return cmp.Or(display, formatted, strings.TrimSpace(given+" "+family))
}

// userResource returns a user as callers see them. groups are those that this
// connection put the user into; the list is there when it is empty, because
// Rauthy finds out from it what to remove.
func (d *door) userResource(l membership.UserLink, groups []membership.GroupRef) (map[string]any, error) {
	r, err := userAttributes(l)
	if err != nil {
		return nil, err
	}
	refs := make([]any, len(groups))
	for i, g := range groups {
		refs[i] = map[string]any{
			"value": g.ID.String(), "$ref": d.location(groupType, g.ID), "display": g.DisplayName, "type": "direct",
		}
	}
	r["groups"] = refs
	addCommon(r, userType, l.User, d.location(userType, l.User), meta{l.Version, l.CreatedAt, l.LastModified})
	return r, nil
}
