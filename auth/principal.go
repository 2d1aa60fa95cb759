package auth

import "github.com/scimbridge/scimbridge/membership"

// RoleOrgOwner is the role of whoever has every permission in the tenant.
const RoleOrgOwner = "org_owner"

var ownerRoles = []string{RoleOrgOwner}

// Principal is whoever a verified credential stands for.
type Principal struct {
	Tenant      membership.ID
	Actor       membership.Actor
	Kind        TokenKind
	Connection  membership.ID // zero for native credentials
	Permissions []string      // the scopes, for a connection; shared: only to be read
	Roles       []string      // of native credentials; shared: only to be read
}

// Call makes the domain's view of one request of this principal.
func (p Principal) Call(requestID, reason string) membership.Call {
	return membership.Call{
		Tenant: p.Tenant, Actor: p.Actor, Connection: p.Connection,
		Permissions: p.Permissions, Roles: p.Roles, RequestID: requestID, Reason: reason,
	}
}
