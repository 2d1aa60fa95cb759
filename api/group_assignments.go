package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The API of a tenant's authentication service: who gets what permissions
// through which group. Its names are its own; docs/native-apis.md maps them to ours.

func (d *door) groupAssignmentRoutes() []route {
	const members = "/tenant-auth/v1/groups/{groupId}/members"
	return []route{
		{http.MethodPost, members, d.privateBy(tenantByCredential, d.assignUsers)},
	}
}

// assignUsers adds many users to a group, all or nothing.
func (d *door) assignUsers(w http.ResponseWriter, r request) error {
	group, err := r.pathID("groupId", "group")
	if err != nil {
		return err
	}
	var texts []string
	if err := d.decodeMany(w, r, fields{"userIds": &texts}, "userIds"); err != nil {
		return err
	}
	if err := checkMany("userIds", len(texts)); err != nil {
		return err
	}
	users := make([]membership.ID, len(texts))
	for i, s := range texts {
		if users[i], err = membership.ParseID(s); err != nil {
			return membership.Invalidf("userIds must be UUIDs, and %q is none", short(s))
		}
	}
	added, err := d.Directory.AddMembers(r.Context(), r.call, group, users)
	if err != nil {
		return err
	}
	var by []byte
	if added.By != nil {
		by = appendAccount(nil, *added.By)
	}
	return sendArray(w, added.Users, func(b []byte, u membership.Added) []byte {
		b = appendAccount(append(b, `{"user":`...), u.Profile)
		b = appendIDField(append(b, ','), "groupId", group)
		b = appendTimeField(append(b, ','), "assignedAt", u.At)
		b = appendName(append(b, ','), "assignedBy")
		if added.By == nil { // no user of the tenant
			return append(appendAccount(b, credentialAccount(r.call, u.At)), '}')
		}
		return append(append(b, by...), '}')
	})
}

// credentialAccount is what stands where a person would, when a credential acted
// that is none of the tenant's users: its id, name, age and permissions. When it
// does not say how old it is, that is the time of what it did.
func credentialAccount(call membership.Call, at time.Time) membership.Profile {
	id, err := membership.ParseID(call.Actor.ID)
	name := call.ActorName
	if err != nil && name == "" {
		name = call.Actor.ID // the subject of a JWT, which need not be a UUID
	}
	since := call.ActorSince
	if since.IsZero() {
		since = at
	}
	return membership.Profile{
		User:        membership.User{Tenant: call.Tenant, ID: id, CreatedAt: since},
		Name:        membership.PersonName{Given: name},
		Permissions: call.Permissions,
	}
}

func appendAccount(b []byte, p membership.Profile) []byte {
	b = appendIDField(append(b, '{'), "id", p.User.ID)
	b = appendIDField(append(b, ','), "tenantId", p.User.Tenant)
	b = appendField(append(b, ','), "email", p.User.Email)
	b = appendTimeField(append(b, ','), "createdAt", p.User.CreatedAt)
	b = appendList(appendName(append(b, ','), "permissions"), p.Permissions, appendPermission)
	b = appendField(append(b, ','), "firstName", p.Name.Given)
	b = appendField(append(b, ','), "lastName", p.Name.Family)
	b = appendList(appendName(append(b, ','), "groupIds"), p.Groups, func(b []byte, id membership.ID) []byte {
		return append(id.AppendText(append(b, '"')), '"')
	})
	return append(b, '}')
}

// appendPermission appends ENTITY:PERMISSION in two parts. Every permission is
// "*" of "*".
func appendPermission(b []byte, p string) []byte {
	entity, permission, ok := strings.Cut(p, ":")
	if !ok {
		permission = p
	}
	b = appendField(append(b, '{'), "entity", entity)
	b = appendField(append(b, ','), "permission", permission)
	return append(b, '}')
}
