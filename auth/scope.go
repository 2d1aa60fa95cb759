package auth

import (
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

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

// withinScopes refuses a connection what is outside the scopes of its
// credential. They come before every policy: a tenant's own can narrow what a
// credential was made for, and never widen it.
func withinScopes(q membership.Question) error {
	if q.Call.Connection.IsZero() {
		return nil
	}
	for _, scope := range q.Call.Permissions {
		if slices.Contains(operationsOf[scope], q.Operation) {
			return nil
		}
	}
	if slices.Contains(operationsOf[ScopeSCIM], q.Operation) {
		return forbidden("the scopes of this credential do not include this: it needs " + ScopeSCIM)
	}
	return forbidden("a connection's credential may not do this")
}
