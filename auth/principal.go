package auth

import "github.com/scimbridge/scimbridge/membership"

// Principal is whoever a verified credential stands for.
type Principal struct {
	Tenant      membership.ID
	Actor       membership.Actor
	Kind        TokenKind
	Connection  membership.ID // zero for native credentials
	Permissions []string      // the scopes, for a connection; shared: only to be read
}

// Call makes the domain's view of one request of this principal.
func (p Principal) Call(requestID, reason string) membership.Call {
	return membership.Call{
		Tenant: p.Tenant, Actor: p.Actor, Connection: p.Connection,
		Permissions: p.Permissions, RequestID: requestID, Reason: reason,
	}
}
