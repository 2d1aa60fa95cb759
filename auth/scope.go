package auth

import "github.com/scimbridge/scimbridge/membership"

// The scopes of SCIM tokens.
const (
	ScopeSCIM     = "scim"      // everything that a connection may do in its view
	ScopeSCIMRead = "scim:read" // only reading: GET, HEAD and /.search
)

// operationsOf says what a scope lets a connection do. It needs no permissions
// beside it: what a connection sees and touches is its own view.
var operationsOf = map[string][]membership.Operation{
	ScopeSCIM: {
		membership.OpReadUsers, membership.OpWriteUsers,
		membership.OpReadGroups, membership.OpWriteGroups,
		membership.OpReadMembers, membership.OpAddMembers, membership.OpRemoveMembers,
	},
	ScopeSCIMRead: {membership.OpReadUsers, membership.OpReadGroups, membership.OpReadMembers},
}
