package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// The API of a cloud's access management: users are added to a group of an
// organization by their names. docs/native-apis.md maps its names to ours.

func (d *door) customGroupRoutes() []route {
	const users = "/csp/gateway/am/api/orgs/{orgId}/groups/{groupId}/users"
	noOrganization := &failure{
		status: http.StatusNotFound, code: codeNotFound, message: "Organization with this identifier is not found.",
	}
	return []route{
		{http.MethodPost, users, d.privateBy(tenantByPath("orgId", noOrganization), d.addToCustomGroup)},
	}
}

// customGroupErrors are the errors whose answers this API has words of its own
// for.
var customGroupErrors = map[membership.Kind]*failure{
	membership.KindNotFound: {
		status: http.StatusNotFound, code: codeNotFound, message: "Group with this identifier is not found.",
	},
	membership.KindGone: {
		status: http.StatusBadRequest, code: codeInvalidInput, message: "Group not part of the organization",
	},
	membership.KindGroupManaged: {
		status: http.StatusBadRequest, code: codeGroupManaged,
		message: "Adding users to enterprise groups is not allowed",
	},
}

// addToCustomGroup adds those of many users who can be added, and says who they
// are.
func (d *door) addToCustomGroup(w http.ResponseWriter, r request) error {
	group, err := r.pathID("groupId", "group")
	if err != nil {
		return customGroupErrors[membership.KindNotFound]
	}
	var names []string
	var inv membership.Invitation
	if err := d.decodeMany(w, r, fields{
		"usernamesToAdd": &names, "invitedBy": &inv.By, "notifyUsers": &inv.Notify,
	}, "usernamesToAdd"); err != nil {
		return err
	}
	if err := checkMany("usernamesToAdd", len(names)); err != nil {
		return err
	}
	added, err := d.Directory.AddMembersByName(r.Context(), r.call, auth.RoleOrgOwner, group, names, inv)
	if f, ok := customGroupErrors[membership.KindOf(err)]; ok {
		return f
	}
	if err != nil {
		return err
	}
	b := appendList([]byte(`{"failed":`), added.Failed, appendString)
	b = appendList(append(b, `,"succeeded":`...), added.Succeeded, appendString)
	return send(w, http.StatusOK, append(b, '}'))
}
