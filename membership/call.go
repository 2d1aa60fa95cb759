package membership

import "time"

// Source says which side put a member into a group.
type Source string

// The two sources.
const (
	SourceLocal Source = "local"
	SourceSCIM  Source = "scim"
)

// ActorKind is the kind of an actor.
type ActorKind string

// The kinds of actors.
const (
	ActorConnection ActorKind = "connection" // an identity provider, through its connection
	ActorUser       ActorKind = "user"       // a person, or a token used in their name
	ActorAgent      ActorKind = "agent"
	ActorService    ActorKind = "service"
	ActorOperator   ActorKind = "operator" // an administrator at the command line of the server
	ActorSystem     ActorKind = "system"   // scimbridge itself
)

// Actor is who acts. ID never is a name or an address: events outlive what
// a person may have erased.
type Actor struct {
	Kind ActorKind
	ID   string
}

// String returns "kind:id", the form of granted_by.
func (a Actor) String() string { return string(a.Kind) + ":" + a.ID }

// Call names the caller and the request for which a use case runs. Doors make it from
// the verified credential.
type Call struct {
	Tenant ID
	Actor  Actor
	// Credential is what the actor proved themselves with, for the events.
	Credential Credential
	Connection ID // the calling connection; zero on the native side
	// Permissions are what the credential carries, such as GROUPS:WRITE. The
	// domain does not read them; the Policy does.
	Permissions []string
	// Roles are the roles of a native caller, such as org_owner. They are for the
	// Policy and the doors as well.
	Roles []string
	// ActorName and ActorSince are what the credential says of itself: the name
	// of a token, and when it was made. They are shown where a person would be.
	ActorName  string
	ActorSince time.Time
	// Person is the same for all credentials of one person, and different for those of
	// others; empty: it is not known, or no person.
	Person string
	// Holder is the same for a token and those that rotations made of it, and for the
	// JWTs of one subject of an issuer; empty: a caller that holds neither.
	Holder    string
	RequestID string
	Reason    string
	Effect    *Effect // takes what is done; nil: it is not noted
}

// Source is scim when a connection calls, else local.
func (c Call) Source() Source {
	if c.Connection.IsZero() {
		return SourceLocal
	}
	return SourceSCIM
}

// Clock tells the time.
type Clock func() time.Time

// Now cuts the time to microseconds, UTC: the finest that both engines keep.
func (c Clock) Now() time.Time { return c().UTC().Truncate(time.Microsecond) }
