package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// AllPermissions is the permission that holds every other.
const AllPermissions = "*"

// permissionOf says which permission each operation asks for, as
// ENTITY:PERMISSION. Members belong to their group.
var permissionOf = map[membership.Operation]string{
	membership.OpReadUsers:     "USERS:READ",
	membership.OpWriteUsers:    "USERS:WRITE",
	membership.OpReadGroups:    "GROUPS:READ",
	membership.OpWriteGroups:   "GROUPS:WRITE",
	membership.OpReadMembers:   "GROUPS:READ",
	membership.OpAddMembers:    "GROUPS:WRITE",
	membership.OpRemoveMembers: "GROUPS:WRITE",
	membership.OpReadAudit:     "AUDIT:READ",
	membership.OpAdminister:    "TENANT:ADMIN",
}

// Policy is the membership.Policy of permissions. What it does not know it
// denies.
type Policy struct{}

// Allow implements membership.Policy.
func (Policy) Allow(_ context.Context, q membership.Question) error {
	if !q.Call.Connection.IsZero() {
		return allowScopes(q)
	}
	need, known := permissionOf[q.Operation]
	if !known {
		return forbidden("no permission allows this")
	}
	if !holds(q.Call.Permissions, need) {
		return forbidden(fmt.Sprintf("the permission %s is missing", need))
	}
	return nil
}

// allowScopes decides for a connection, whose permissions are scopes.
func allowScopes(q membership.Question) error {
	for _, scope := range q.Call.Permissions {
		if slices.Contains(operationsOf[scope], q.Operation) {
			return nil
		}
	}
	if slices.Contains(operationsOf[ScopeSCIM], q.Operation) {
		return forbidden("the scope of this credential does not include this: it needs " + ScopeSCIM)
	}
	return forbidden("a connection's credential may not do this")
}

func holds(permissions []string, one string) bool {
	return slices.Contains(permissions, one) || slices.Contains(permissions, AllPermissions)
}

func forbidden(message string) error {
	return &membership.Error{Kind: membership.KindForbidden, Message: message}
}
