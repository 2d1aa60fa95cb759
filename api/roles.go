package api

import (
	"encoding/json"
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) roleRoutes() []route {
	const (
		roles = "/v1/roles"
		role  = "/v1/roles/{id}"
		user  = "/v1/roles/{id}/users/{user_id}"
	)
	return []route{
		{http.MethodGet, roles, d.private(d.listRoles, "limit", "cursor")},
		{http.MethodPost, roles, d.private(d.createRole)},
		{http.MethodGet, role, d.private(d.getRole)},
		{http.MethodPatch, role, d.private(d.changeRole)},
		{http.MethodDelete, role, d.private(d.deleteRole, "reason")},
		{http.MethodDelete, user, d.private(d.unassignRole, "reason")},
	}
}

func (d *door) listRoles(w http.ResponseWriter, r request) error {
	after, limit, err := r.query.page()
	if err != nil {
		return err
	}
	roles, err := d.Directory.Roles(r.Context(), r.call, after, limit+1)
	if err != nil {
		return err
	}
	var next membership.ID
	if len(roles) > limit {
		roles, next = roles[:limit], roles[limit-1].ID
	}
	return send(w, http.StatusOK, appendPage(nil, roles, appendRole, next))
}

func (d *door) createRole(w http.ResponseWriter, r request) error {
	c, err := d.decodeRole(w, r, "name")
	if err != nil {
		return err
	}
	r.call.Reason = c.reason
	role, err := d.Directory.CreateRole(r.Context(), r.call, c.RoleChange)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, appendRole(nil, role))
}

func (d *door) getRole(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "role")
	if err != nil {
		return err
	}
	role, err := d.Directory.Role(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendRole(nil, role))
}

func (d *door) changeRole(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "role")
	if err != nil {
		return err
	}
	c, err := d.decodeRole(w, r)
	if err != nil {
		return err
	}
	r.call.Reason = c.reason
	role, err := d.Directory.ChangeRole(r.Context(), r.call, id, c.RoleChange)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendRole(nil, role))
}

func (d *door) deleteRole(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "role")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Directory.DeleteRole(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}

func (d *door) unassignRole(w http.ResponseWriter, r request) error {
	role, err := r.pathID("id", "role")
	if err != nil {
		return err
	}
	user, err := r.pathID("user_id", "role of this user")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Directory.UnassignRole(r.Context(), r.call, role, user); err != nil {
		return err
	}
	return sendNothing(w)
}

// roleBody is the body of a role, with the reason in it.
type roleBody struct {
	membership.RoleChange
	reason string
}

func (d *door) decodeRole(w http.ResponseWriter, r request, required ...string) (c roleBody, err error) {
	var list *[]json.RawMessage
	if err := d.decode(w, r, fields{"name": &c.Name, "permissions": &list, "reason": &c.reason},
		required...); err != nil {
		return c, err
	}
	if list == nil {
		return c, nil
	}
	ps := make([]membership.RolePermission, len(*list))
	for i, raw := range *list {
		p := &ps[i]
		if err := decodeObject(raw, fields{
			"name": &p.Name, "description": nullable{&p.Description}, "access": &p.Access,
		}, []string{"name", "access"}); err != nil {
			return c, inItem("permissions", i, err)
		}
	}
	c.Permissions = &ps
	return c, nil
}

func appendRole(b []byte, r membership.Role) []byte {
	b = appendIDField(append(b, '{'), "id", r.ID)
	b = appendField(append(b, ','), "name", r.Name)
	b = appendList(appendName(append(b, ','), "permissions"), r.Permissions, appendRolePermission)
	b = appendTimeField(append(b, ','), "created_at", r.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", r.UpdatedAt)
	return append(b, '}')
}

func appendRolePermission(b []byte, p membership.RolePermission) []byte {
	b = appendIDField(append(b, '{'), "id", p.ID)
	b = appendTimeField(append(b, ','), "created_at", p.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", p.UpdatedAt)
	b = appendField(append(b, ','), "name", p.Name)
	b = appendName(append(b, ','), "description")
	if p.Description == nil {
		b = append(b, "null"...)
	} else {
		b = appendString(b, *p.Description)
	}
	b = appendBoolField(append(b, ','), "access", p.Access)
	return append(b, '}')
}
