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
	OpBreakGlass    Operation = "members.break_glass"
	OpSignOff       Operation = "members.sign_off"
	OpReadAudit     Operation = "audit.read"
	OpReadRequests  Operation = "requests.read"
	OpAdminister    Operation = "tenant.administer"

	// OpBreakGlassEnterprise is asked about beside OpBreakGlass, of enterprise groups.
	OpBreakGlassEnterprise Operation = "members.break_glass_enterprise"

	OpAdministerWebhooks Operation = "webhooks.administer"
	OpCaptureRequests    Operation = "requests.capture"
	OpReceiveStreams     Operation = "streams.receive"
)

// writes reports whether what the operation does is dated.
func (o Operation) writes() bool {
	switch o {
	case OpReadUsers, OpReadGroups, OpReadMembers, OpReadAudit, OpReadRequests:
		return false
	}
	return true
}

// Question is what the policy decides on. Group and User are zero where the
// operation has none, and User also where it has many.
type Question struct {
	Call      Call
	Operation Operation
	Group     ID
	User      ID
	// Gives are permissions that the operation gives to others. The caller has
	// to have each of them.
	Gives []string
	// Role is a role that the caller has to have; empty: none.
	Role string
	// Objects are Group and User as the store has them; nil: not read yet. A
	// policy that has to look at them then answers ErrUndecided.
	Objects *Objects
}

// Objects are the group and the user of a question. What does not exist for the
// caller is zero.
type Objects struct {
	Group Group
	User  User
}

// Policy decides whether a call may do what it asks for. It returns nil,
// ErrUndecided, or an *Error of KindForbidden that is safe to show: its Notices
// and Details["policies"] are what the policies that determined it say, and go
// into the event of the refusal. It must deny when it cannot decide.
type Policy interface {
	Allow(ctx context.Context, q Question) error
}

// ErrUndecided is the answer to a question that says too little: the policy
// wants to see its objects, and each user where there are many. If the
// use case does not ask again, it is a refusal.
var ErrUndecided error = &Error{Kind: KindForbidden, Message: "the policy could not decide"}
