package auth

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/scimbridge/scimbridge/membership"
)

// RoleOrgOwner is the role of a principal with every permission in the tenant.
const RoleOrgOwner = "org_owner"

var (
	ownerRoles     = []string{RoleOrgOwner}
	allPermissions = []string{AllPermissions}
)

// Principal is the caller that a verified credential names.
type Principal struct {
	Tenant      membership.ID
	Actor       membership.Actor
	Credential  membership.Credential // the one that was verified
	Kind        TokenKind
	Connection  membership.ID // zero for native credentials
	Issuer      membership.ID // of a JWT; else zero
	IssuerAt    time.Time     // when the issuer that verified it had last been changed
	Permissions []string      // the scopes, for a connection; shared: only to be read
	Roles       []string      // of native credentials; shared: only to be read
	Person      string        // membership.Call.Person
	Holder      string        // membership.Call.Holder
	Name        string        // of a native credential, where it has one
	CreatedAt   time.Time     // of a native credential, where it is known
	Paused      bool          // the connection is
	// CaptureUntil is until when whole bodies of the connection are captured.
	CaptureUntil time.Time
}

// Paused is the error for every request of a paused connection.
func Paused() error {
	return &membership.Error{Kind: membership.KindPaused,
		Message: "an administrator has paused this connection: try again later"}
}

// Call makes the domain's view of one request of this principal.
func (p Principal) Call(requestID, reason string) membership.Call {
	return membership.Call{
		Tenant: p.Tenant, Actor: p.Actor, Credential: p.Credential, Connection: p.Connection,
		Permissions: p.Permissions, Roles: p.Roles, ActorName: p.Name, ActorSince: p.CreatedAt,
		Person:    p.Person,
		Holder:    p.Holder,
		RequestID: requestID, Reason: reason,
	}
}

// ownership makes the role RoleOrgOwner and every permission one thing.
func ownership(permissions, roles []string) (may, are []string) {
	owner, all := slices.Contains(roles, RoleOrgOwner), slices.Contains(permissions, AllPermissions)
	switch {
	case all && len(roles) == 0:
		return permissions, ownerRoles
	case all && !owner:
		return permissions, append(slices.Clone(roles), RoleOrgOwner)
	case owner && !all:
		return allPermissions, roles
	}
	return permissions, roles
}

// The bounds of the roles of one principal.
const (
	maxRoles = 100
	maxRole  = 255 // bytes
)

// checkRoles refuses words that no policy could sensibly name.
func checkRoles(roles []string) error {
	if len(roles) > maxRoles {
		return membership.Invalidf("roles must be at most %d", maxRoles)
	}
	for _, r := range roles {
		if r == "" || len(r) > maxRole || !membership.ValidText(r) || strings.ContainsFunc(r, unicode.IsControl) {
			return membership.Invalidf("roles must be words of 1 to %d bytes without control characters", maxRole)
		}
	}
	return nil
}
