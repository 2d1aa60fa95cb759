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

// provisioning is what a connection may do. It needs no permissions: what it
// sees and touches is its own view.
var provisioning = []membership.Operation{
	membership.OpReadUsers, membership.OpWriteUsers,
	membership.OpReadGroups, membership.OpWriteGroups,
	membership.OpReadMembers, membership.OpAddMembers, membership.OpRemoveMembers,
}

// Policy is the membership.Policy of permissions. What it does not know it
// denies.
type Policy struct{}

// Allow implements membership.Policy.
func (Policy) Allow(_ context.Context, q membership.Question) error {
	if !q.Call.Connection.IsZero() {
		if slices.Contains(provisioning, q.Operation) {
			return nil
		}
		return forbidden("a connection's credential may not do this")
	}
	need, known := permissionOf[q.Operation]
	if !known {
		return forbidden("no permission allows this")
	}
	if slices.Contains(q.Call.Permissions, need) || slices.Contains(q.Call.Permissions, AllPermissions) {
		return nil
	}
	return forbidden(fmt.Sprintf("the permission %s is missing", need))
}

func forbidden(message string) error {
	return &membership.Error{Kind: membership.KindForbidden, Message: message}
}
