package membership

import "context"

// Operation is what a use case does, as the policy is asked about it.
type Operation string

// The operations of the Directory.
const (
	OpReadUsers     Operation = "users.read"
	OpWriteUsers    Operation = "users.write"
	OpReadGroups    Operation = "groups.read"
	OpWriteGroups   Operation = "groups.write"
	OpReadMembers   Operation = "members.read"
	OpAddMembers    Operation = "members.add"
	OpRemoveMembers Operation = "members.remove"
	OpReadAudit     Operation = "audit.read"
	OpAdminister    Operation = "tenant.administer"
)

// Question is what the policy decides on. Group and User are zero where the
// operation has none.
type Question struct {
	Call      Call
	Operation Operation
	Group     ID
	User      ID
}

// Policy decides whether a call may do what it asks for. It returns nil, or an
// *Error of KindForbidden that is safe to show. It must deny when it cannot
// decide.
type Policy interface {
	Allow(ctx context.Context, q Question) error
}
