package auth

import (
	"context"
	"net/netip"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// TokenKind says which door a token opens.
type TokenKind string

// The kinds of tokens.
const (
	KindSCIM TokenKind = "scim" // one connection's, for /scim/v2
	KindAPI  TokenKind = "api"  // for the native doors
	// KindSetup is of no token but of a set-up link, which opens the page of links alone.
	KindSetup TokenKind = "setup"
)

// Token is a stored credential, without its secret.
type Token struct {
	Tenant      membership.ID
	ID          membership.ID
	Kind        TokenKind
	Name        string
	Connection  membership.ID        // scim only
	Permissions []string             // api only; "*" is every permission
	Principal   membership.ActorKind // api only: user, agent or service
	Roles       []string             // api only
	Scopes      []string             // scim only
	Networks    []netip.Prefix       // from where it may be used; empty: anywhere
	Hash        []byte               // SHA-256 of the secret
	CreatedAt   time.Time
	ExpiresAt   time.Time     // zero: never
	RevokedAt   time.Time     // zero: not revoked
	LastUsedAt  time.Time     // up to two minutes late; zero: never used
	WarnedAt    time.Time     // of the last event that it expires soon
	ReplacedBy  membership.ID // the token that a rotation made of it; zero: not rotated
	First       membership.ID // the token that rotations made this of, in the end; zero: none did
	Person      string        // whose it is (membership.Call.Person); empty: not known
	Client      membership.ID // the OAuth client whose access token it is; zero: none's
	// How its connection is; zero: neither. Store.Token alone fills them in.
	ConnectionPausedAt, ConnectionRemovedAt time.Time
	// CaptureUntil is when the window ends in which its connection's bodies are captured;
	// zero: there is none. Store.Token alone fills it in.
	CaptureUntil time.Time
}

// Store is the port to the stored tokens; db implements it beside
// membership.Store.
type Store interface {
	TokenReader
	// Tokens lists at most limit tokens that are not revoked and no access tokens
	// of clients, with greater ids than after, in the order of their ids.
	Tokens(ctx context.Context, tenant, after membership.ID, limit int) ([]Token, error)
	// CredentialsOf counts the credentials of a connection that are valid at a time.
	CredentialsOf(ctx context.Context, tenant, connection membership.ID, at time.Time) (int, error)
	CredentialUpdater
}

// TokenReader reads one token.
type TokenReader interface {
	// Token returns one token of a tenant, revoked and expired ones included;
	// an error of membership.KindNotFound when there is none.
	Token(ctx context.Context, tenant, id membership.ID) (Token, error)
}

// VerifierStore is what a Verifier needs of a Store: it reads tokens and records
// refusals.
type VerifierStore interface {
	TokenReader
	CredentialUpdater
}

// CredentialUpdater is membership.Store.Update for changes that touch tokens; fn may
// run again.
type CredentialUpdater interface {
	UpdateCredentials(ctx context.Context, tenant membership.ID, fn func(Tx) error) error
}

// Tx is a transaction of the domain that can also change credentials.
type Tx interface {
	membership.Tx
	TokenTx
}

// TokenTx is a transaction that can change tokens, with the connections that they
// are of, and record it.
type TokenTx interface {
	membership.ConnectionWriter
	membership.EventWriter
	// LockToken returns a token that is not revoked; later writers of it wait
	// until the transaction ends.
	LockToken(ctx context.Context, id membership.ID) (Token, error)
	InsertToken(ctx context.Context, t Token) error
	RevokeToken(ctx context.Context, id membership.ID, at time.Time) error
	// RevokeTokensOf revokes all tokens of a connection, and returns the ids of
	// those that still worked.
	RevokeTokensOf(ctx context.Context, connection membership.ID, at time.Time) ([]membership.ID, error)
	// RevokeClientsOf revokes all OAuth clients of a connection, removes their
	// access tokens, and returns the clients' ids.
	RevokeClientsOf(ctx context.Context, connection membership.ID, at time.Time) ([]membership.ID, error)
	// RevokeSetupLinksOf revokes all set-up links of a connection that are open, and
	// returns their ids.
	RevokeSetupLinksOf(ctx context.Context, connection membership.ID, at time.Time) ([]membership.ID, error)
	// ReplaceToken writes ReplacedBy, ExpiresAt and RevokedAt of t.
	ReplaceToken(ctx context.Context, t Token) error
	// UseToken writes that the token was used last at a time, unless a use after
	// unlessAfter is written already.
	UseToken(ctx context.Context, id membership.ID, at, unlessAfter time.Time) error
	// WarnOfToken writes WarnedAt.
	WarnOfToken(ctx context.Context, id membership.ID, at time.Time) error
}
