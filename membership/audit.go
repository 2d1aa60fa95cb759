package membership

import (
	"encoding/json"
	"time"
)

// Action names what an event records, as object.verb.
type Action string

// The actions of events.
const (
	ActionTenantCreated      Action = "tenant.created"
	ActionConnectionCreated  Action = "connection.created"
	ActionConnectionUpdated  Action = "connection.updated"
	ActionConnectionPaused   Action = "connection.paused"
	ActionConnectionResumed  Action = "connection.resumed"
	ActionConnectionRemoving Action = "connection.removing" // its credentials ended
	ActionConnectionFrozen   Action = "connection.frozen"
	ActionConnectionRemoved  Action = "connection.removed"
	ActionTokenCreated       Action = "token.created"
	ActionTokenRotated       Action = "token.rotated"
	ActionTokenRevoked       Action = "token.revoked"
	ActionTokenExpiring      Action = "token.expiring" // used less than 30 days before its end
	ActionTokenIssued        Action = "token.issued"   // an access token, to an OAuth client
	ActionClientCreated      Action = "client.created"
	ActionClientRevoked      Action = "client.revoked"
	ActionClientRefused      Action = "client.refused" // it could not prove who it is; at most one a minute
	ActionSecretCreated      Action = "client.secret_created"
	ActionSecretRevoked      Action = "client.secret_revoked"
	ActionUserCreated        Action = "user.created"
	ActionUserLinked         Action = "user.linked"
	ActionUserUpdated        Action = "user.updated"
	ActionUserDeactivated    Action = "user.deactivated" // a connection's word (rule 23)
	ActionUserActivated      Action = "user.activated"   // a connection's word (rule 24)
	ActionUserSuspended      Action = "user.suspended"   // rule 26
	ActionUserReactivated    Action = "user.reactivated" // a native suspension or rule 25 undone
	ActionUserUnlinked       Action = "user.unlinked"
	ActionUserDeleted        Action = "user.deleted"
	ActionUserErased         Action = "user.erased" // what names the person was deleted
	ActionGroupCreated       Action = "group.created"
	ActionGroupLinked        Action = "group.linked" // by an administrator (rule 31)
	ActionGroupUpdated       Action = "group.updated"
	ActionGroupUnlinked      Action = "group.unlinked"
	ActionGroupDeleted       Action = "group.deleted"
	ActionGrantOpened        Action = "grant.opened"
	ActionGrantClosed        Action = "grant.closed"
	ActionGrantUpdated       Action = "grant.updated"      // the end of a local one (rule 15)
	ActionBreakGlass         Action = "grant.break_glass"  // a local one was taken so: to be looked at (rule 16)
	ActionGrantSignedOff     Action = "grant.signed_off"   // another person has
	ActionGrantExpiring      Action = "grant.expiring"     // a local one ends in 72 hours
	ActionRefused            Action = "access.refused"     // an attempt that ended in 403
	ActionExported           Action = "audit.exported"     // a report left: who was a member of what, or the exceptions
	ActionLogRestored        Action = "audit.log_restored" // an operator accepted that the log goes on from a backup
	ActionKeyRotated         Action = "audit.key_rotated"  // checkpoints are signed with another key
	ActionLogUpgraded        Action = "audit.log_upgraded" // up to which number the order of before is not promised

	ActionRemovalHeld    Action = "removal.held"                // a request that the removal guard refused
	ActionRemovalAllowed Action = "removal.allowed"             // an administrator's word that one may pass
	ActionAllowanceUsed  Action = "removal.allowance_used"      // it passed
	ActionAllowanceGone  Action = "removal.allowance_withdrawn" // before it was used

	ActionNotificationDelivered     Action = "notification.delivered"
	ActionUserClaimed               Action = "user.claimed" // an invitation was accepted: not pending any more
	ActionOrganizationMemberAdded   Action = "organization.member_added"
	ActionOrganizationMemberUpdated Action = "organization.member_updated"
	ActionRoleCreated               Action = "role.created"
	ActionRoleUpdated               Action = "role.updated"
	ActionRoleDeleted               Action = "role.deleted"
	ActionRoleAssigned              Action = "role.assigned"
	ActionRoleUnassigned            Action = "role.unassigned"

	ActionIssuerCreated Action = "issuer.created"
	ActionIssuerUpdated Action = "issuer.updated"
	ActionIssuerDeleted Action = "issuer.deleted"
	ActionPolicyCreated Action = "policy.created"
	ActionPolicyUpdated Action = "policy.updated"
	ActionPolicyDeleted Action = "policy.deleted"

	ActionWebhookCreated  Action = "webhook.created"
	ActionWebhookUpdated  Action = "webhook.updated"
	ActionWebhookRotated  Action = "webhook.secret_rotated"
	ActionWebhookDeleted  Action = "webhook.deleted"
	ActionWebhookResent   Action = "webhook.resent"   // events go to it again
	ActionWebhookDisabled Action = "webhook.disabled" // its receiver failed for too long, or wants no more

	ActionStreamVerification Action = "stream.verification" // a receiver asked for a verification event

	ActionCaptureOpened Action = "capture.opened" // the whole bodies of a connection's requests are kept
	ActionCaptureClosed Action = "capture.closed" // before its time
	ActionCaptureRead   Action = "capture.read"   // somebody read a body

	ActionSetupLinkCreated Action = "setup_link.created"
	ActionSetupLinkUsed    Action = "setup_link.used" // a browser was signed in by it
	ActionSetupLinkDone    Action = "setup_link.done" // its holder said that all is set up
	ActionSetupLinkRevoked Action = "setup_link.revoked"

	ActionSessionStarted Action = "session.started" // somebody logged in at the console
	ActionSessionEnded   Action = "session.ended"   // and out
)

// Actions are all actions that events have.
var Actions = []Action{
	ActionTenantCreated, ActionConnectionCreated, ActionConnectionUpdated, ActionConnectionPaused,
	ActionConnectionResumed, ActionConnectionRemoving, ActionConnectionFrozen, ActionConnectionRemoved,
	ActionTokenCreated, ActionTokenRotated, ActionTokenRevoked, ActionTokenExpiring, ActionTokenIssued,
	ActionClientCreated, ActionClientRevoked, ActionClientRefused, ActionSecretCreated, ActionSecretRevoked,
	ActionUserCreated, ActionUserLinked, ActionUserUpdated, ActionUserDeactivated, ActionUserActivated,
	ActionUserSuspended, ActionUserReactivated, ActionUserUnlinked, ActionUserDeleted, ActionUserErased,
	ActionGroupCreated,
	ActionGroupLinked, ActionGroupUpdated, ActionGroupUnlinked, ActionGroupDeleted, ActionGrantOpened,
	ActionGrantClosed, ActionGrantUpdated, ActionGrantExpiring, ActionBreakGlass, ActionGrantSignedOff,
	ActionRefused, ActionExported, ActionLogRestored, ActionKeyRotated,
	ActionLogUpgraded, ActionRemovalHeld, ActionRemovalAllowed, ActionAllowanceUsed,
	ActionAllowanceGone, ActionNotificationDelivered, ActionUserClaimed, ActionOrganizationMemberAdded,
	ActionOrganizationMemberUpdated, ActionRoleCreated, ActionRoleUpdated, ActionRoleDeleted, ActionRoleAssigned,
	ActionRoleUnassigned, ActionIssuerCreated, ActionIssuerUpdated, ActionIssuerDeleted, ActionPolicyCreated,
	ActionPolicyUpdated, ActionPolicyDeleted,
	ActionWebhookCreated, ActionWebhookUpdated, ActionWebhookRotated, ActionWebhookDeleted, ActionWebhookResent,
	ActionWebhookDisabled, ActionStreamVerification, ActionCaptureOpened, ActionCaptureClosed, ActionCaptureRead,
	ActionSetupLinkCreated, ActionSetupLinkUsed, ActionSetupLinkDone, ActionSetupLinkRevoked,
	ActionSessionStarted, ActionSessionEnded,
}

// Event is the evidence of one effective change, written in its transaction: what
// one request did to one group or user by one action. Before and After are JSON
// objects or nil. They carry no personal data: of a name or an address they say
// that it changed, not from what to what, so that an erasure never has to edit
// history. What may be personal all the same, the reason and an externalId, is kept
// apart from the event, which has its hash.
type Event struct {
	Tenant     ID
	ID         ID
	At         time.Time
	Actor      Actor
	Credential Credential
	Source     Source
	Connection ID
	Action     Action
	Group      ID
	User       ID
	Before     []byte
	After      []byte
	RequestID  string
	Reason     string
	// Disclosed are the texts that were read back into Reason, Before and After, with
	// what they are hidden by where the event is stored. Writers leave it empty.
	Disclosed []DisclosedText
	// Members are those that grants were opened for or closed. Of one alone User
	// says who it is, too.
	Members []EventMember
	// MemberSource is that of their grants.
	MemberSource Source
	// Number counts the tenant's events from 1 without gaps; 0: not numbered
	// yet.
	Number int64
	// Stored is the text of the event as it is stored, where an EventFilter asks for it.
	Stored []byte
}

// DisclosedText is a text of an event that is stored as SHA-256(Salt || Text). Field
// is where it stands: reason, before.external_id or after.external_id.
type DisclosedText struct {
	Field, Text string
	Salt        []byte
}

// EventMember is a member in an event of grants.
type EventMember struct {
	User, Grant ID
	// Still: by the grant of another source they were a member before this one
	// opened, or stay one after it closed.
	Still bool
}

// MaxEventMembers is how many members one event has at most: a change of more is
// several events, one after another.
const MaxEventMembers = 500

// Facts is the content of Before and After.
type Facts map[string]any

func (f Facts) json() []byte {
	if f == nil {
		return nil
	}
	b, err := json.Marshal(f)
	if err != nil { // facts hold strings, booleans and numbers only
		return []byte(`{}`)
	}
	return b
}

// Event makes the event of a change within a call.
func (c Call) Event(at time.Time, action Action, group, user ID, before, after Facts) Event {
	return Event{
		Tenant: c.Tenant, ID: NewID(), At: at,
		Actor: c.Actor, Credential: c.Credential, Source: c.Source(), Connection: c.Connection,
		Action: action, Group: group, User: user,
		Before: before.json(), After: after.json(),
		RequestID: c.RequestID, Reason: c.Reason,
	}
}
