package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// The API of an application's organizations: people, their projects and roles.
// docs/native-apis.md maps its names to ours.

func (d *door) organizationUserRoutes() []route {
	const users = "/api/v1/organizations/{organization_id}/users"
	mismatch := tenantMismatch("organization_id is not the tenant of the credential")
	return []route{
		{http.MethodPut, users, d.session(tenantByPath("organization_id", mismatch), d.addOrganizationUsers)},
		{http.MethodGet, "/v1/users/{id}/organization", d.private(d.getOrganizationUser)},
	}
}

// addOrganizationUsers adds users to the organization, and invites unknown addresses.
func (d *door) addOrganizationUsers(w http.ResponseWriter, r request) error {
	items, err := d.decodeArray(w, r)
	if err != nil {
		return err
	}
	specs := make([]membership.OrganizationMemberSpec, len(items))
	for i, item := range items {
		specs[i], err = decodeOrganizationMember(item)
		if membership.KindOf(err) == membership.KindNotFound {
			return err
		}
		if err != nil {
			return inItem("body", i, err)
		}
	}
	placed, err := d.Directory.AddOrganizationMembers(r.Context(), r.call, specs)
	if err != nil {
		return err
	}
	return sendArray(w, placed, appendOrganizationUser)
}

// getOrganizationUser answers a user's membership in the organization. It shows the projects
// too, which the published API takes but does not return.
func (d *door) getOrganizationUser(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	p, err := d.Directory.OrganizationUser(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	b := appendOrganizationUser(nil, p)
	b = appendName(append(b[:len(b)-1], ','), "project_ids")
	if p.Member.Projects == nil {
		return send(w, http.StatusOK, append(b, "null}"...))
	}
	return send(w, http.StatusOK, append(appendList(b, *p.Member.Projects, appendString), '}'))
}

func decodeOrganizationMember(item []byte) (p membership.OrganizationMemberSpec, err error) {
	var user, email, role *string
	if err := decodeObject(item, fields{
		"user_id": nullable{&user}, "email": nullable{&email}, "project_ids": nullable{&p.Projects},
		"role_id": nullable{&role},
	}, []string{"project_ids"}); err != nil {
		return p, err
	}
	if email != nil {
		if p.Email = *email; p.Email == "" {
			return p, membership.Invalidf("email must not be empty")
		}
	}
	for name, id := range map[string]struct {
		text *string
		to   *membership.ID
	}{"user_id": {user, &p.User}, "role_id": {role, &p.Role}} {
		if id.text == nil {
			continue
		}
		if *id.to, err = membership.ParseID(*id.text); err != nil {
			return p, membership.Invalidf("%s must be a UUID", name)
		}
		if id.to.IsZero() { // to the domain that means none; here it was said
			e := &membership.Error{Kind: membership.KindNotFound, Message: "user not found",
				Details: map[string]any{"unknown": []membership.ID{{}}}}
			if name == "role_id" {
				e.Message, e.Details = "role not found", map[string]any{"unknown_roles": []membership.ID{{}}}
			}
			return p, e
		}
	}
	return p, nil
}

func appendOrganizationUser(b []byte, p membership.OrganizationUser) []byte {
	b = appendIDField(append(b, '{'), "id", p.Member.ID)
	b = appendTimeField(append(b, ','), "created_at", p.Member.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", p.Member.UpdatedAt)
	b = appendField(append(b, ','), "email", p.User.Email)
	b = appendIDField(append(b, ','), "user_id", p.User.ID)
	b = appendIDField(append(b, ','), "organization_id", p.User.Tenant)
	b = appendBoolField(append(b, ','), "pending", p.User.Pending)
	if p.Inviter == nil {
		b = append(b, `,"invited_by_user_id":null,"invited_by_user_email":null`...)
	} else {
		b = appendIDField(append(b, ','), "invited_by_user_id", p.Inviter.ID)
		b = appendField(append(b, ','), "invited_by_user_email", p.Inviter.Email)
	}
	b = appendList(appendName(append(b, ','), "roles"), p.Roles, appendAssignedRole)
	return append(b, '}')
}

func appendAssignedRole(b []byte, a membership.AssignedRole) []byte {
	b = appendIDField(append(b, '{'), "id", a.ID)
	b = appendTimeField(append(b, ','), "created_at", a.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", a.UpdatedAt)
	b = appendIDField(append(b, ','), "user_id", a.User)
	b = appendIDField(append(b, ','), "organization_id", a.Role.Tenant)
	b = appendIDField(append(b, ','), "role_id", a.Role.ID)
	b = appendIDField(append(b, `,"role":{`...), "id", a.Role.ID)
	b = appendTimeField(append(b, ','), "created_at", a.Role.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", a.Role.UpdatedAt)
	b = appendField(append(b, ','), "name", a.Role.Name)
	b = appendIDField(append(b, ','), "organization_id", a.Role.Tenant)
	b = appendList(appendName(append(b, ','), "permissions"), a.Role.Permissions, appendRolePermission)
	return append(b, "}}"...)
}
