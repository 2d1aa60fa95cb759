package auth

import (
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Ability is what the holder of a set-up link may do, besides seeing how the connection
// is to be set up and saying that it is done.
type Ability string

// The abilities.
const (
	AbilityRequests Ability = "requests" // see what the connection sends, and what comes of it
	AbilityToken    Ability = "token"    // make its SCIM token, and replace it
	AbilityClient   Ability = "client"   // make its OAuth client, and more secrets of that
)

// Abilities are all of them.
var Abilities = []Ability{AbilityRequests, AbilityToken, AbilityClient}

// The bounds of set-up links.
const (
	DefaultSetupLifetime = 7 * 24 * time.Hour
	MinSetupLifetime     = time.Minute
	MaxSetupLifetime     = 30 * 24 * time.Hour
	// MaxSetupLinks is how many links of one tenant are open at once.
	MaxSetupLinks = 100
	// endedSetupLinks is how many of those that ended are listed still.
	endedSetupLinks = 100
	// setupSessionLife is for how long a browser stays signed in by a link.
	setupSessionLife = 12 * time.Hour
	// setupSessions is how many browsers are signed in by one link: the oldest goes.
	setupSessions = 5
	// One link is opened so often at once on one server, and then once a setupOpening:
	// each time is an event.
	setupOpenings = 20
	setupOpening  = time.Minute
	// maxSetupCredentials is how many tokens and secrets are made by one link.
	maxSetupCredentials = 50
)

// SetupLink lets a person without any other credential set up one connection: the
// administrator of the customer's identity provider. It is sent to them as a URL.
type SetupLink struct {
	Tenant     membership.ID
	ID         membership.ID
	Connection membership.ID
	Abilities  []Ability
	Hash       []byte // SHA-256 of the secret
	CreatedBy  string // "kind:id", as of an Actor
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time // when a browser was last signed in by it; zero: never
	DoneAt     time.Time // when its holder said that all is set up; zero: not yet
	RevokedAt  time.Time // zero: not revoked
	// Token and Client are what was made by it; zero: nothing. Made counts the tokens
	// and secrets.
	Token, Client membership.ID
	Made          int
}

// SetupState is how a link stands.
type SetupState string

// The states of links. Only an open one opens anything.
const (
	SetupOpen    SetupState = "open"
	SetupDone    SetupState = "done"
	SetupRevoked SetupState = "revoked"
	SetupExpired SetupState = "expired"
)

// State is how the link stands at a time.
func (l SetupLink) State(now time.Time) SetupState {
	switch {
	case !l.RevokedAt.IsZero():
		return SetupRevoked
	case !l.DoneAt.IsZero():
		return SetupDone
	case !now.Before(l.ExpiresAt):
		return SetupExpired
	}
	return SetupOpen
}

// May reports whether the link has an ability.
func (l SetupLink) May(a Ability) bool { return slices.Contains(l.Abilities, a) }

// SetupSpec is what a new link is made from.
type SetupSpec struct {
	Connection membership.ID
	Abilities  []Ability     // nil: all
	Lifetime   time.Duration // 0: DefaultSetupLifetime
}

func (s SetupSpec) check() error {
	if s.Lifetime < MinSetupLifetime || s.Lifetime > MaxSetupLifetime {
		return membership.Invalidf("expires_in_seconds must be a number from %d to %d",
			int(MinSetupLifetime.Seconds()), int(MaxSetupLifetime.Seconds()))
	}
	for _, a := range s.Abilities {
		if !slices.Contains(Abilities, a) {
			return membership.Invalidf("abilities must be some of %v", Abilities)
		}
	}
	return nil
}

// The text form of a link is that of a token with another prefix, and so is that of a
// session: no door takes one for the other.
const (
	setupPrefix        = "scimbridge_setup_"
	setupSessionPrefix = "scimbridge_setup_session_"
)

// SetupPath is the page of links.
const SetupPath = "/console/setup"

// SetupURL is the address that is sent to the holder of a link. The secret is in the
// fragment, which no browser sends: it is in no log of a server or a proxy on the way,
// and in no Referer.
func SetupURL(publicURL, text string) string { return publicURL + SetupPath + "#" + text }

// SetupCode is the text form in what a person pastes: that, or the whole address.
func SetupCode(pasted string) string {
	if _, code, is := strings.Cut(pasted, SetupPath+"#"); is {
		return code
	}
	return pasted
}

// facts is what an event says of a link.
func (l SetupLink) facts() membership.Facts {
	return membership.Facts{
		"setup_link_id": l.ID, "connection_id": l.Connection, "abilities": l.Abilities,
		"expires_at": membership.Timestamp(l.ExpiresAt),
	}
}

// principal is the caller that a holder of the link is. It has no permissions: what the
// link is for is not asked of the policy, and nothing else is allowed.
func (l SetupLink) principal() Principal {
	return Principal{
		Tenant: l.Tenant, Kind: KindSetup,
		Actor:      membership.Actor{Kind: membership.ActorUser, ID: l.ID.String()},
		Credential: membership.Credential{Kind: membership.CredentialSetupLink, ID: l.ID},
	}
}

// SetupSession is a browser that is signed in by a link.
type SetupSession struct {
	ID        membership.ID
	Hash      []byte // SHA-256 of the secret
	CreatedAt time.Time
	ExpiresAt time.Time
	// Link and Connection are as they are now.
	Link       SetupLink
	Connection membership.Connection
}
