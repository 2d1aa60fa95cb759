package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// TokenKind says which door a token opens.
type TokenKind string

// The kinds of tokens.
const (
	KindSCIM TokenKind = "scim" // one connection's, for /scim/v2
	KindAPI  TokenKind = "api"  // for the native doors
)

// Token is a stored credential, without its secret.
type Token struct {
	Tenant      membership.ID
	ID          membership.ID
	Kind        TokenKind
	Name        string
	Connection  membership.ID // scim only
	Permissions []string      // api only; "*" is every permission
	Hash        []byte        // SHA-256 of the secret
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: never
	RevokedAt   time.Time // zero: not revoked
}

// Store is the port to where tokens are kept; db implements it beside
// membership.Store.
type Store interface {
	// Token returns one token of a tenant, revoked and expired ones included;
	// an error of membership.KindNotFound when there is none.
	Token(ctx context.Context, tenant, id membership.ID) (Token, error)
	// UpdateCredentials is membership.Store.Update for changes that touch
	// tokens; fn may run again.
	UpdateCredentials(ctx context.Context, tenant membership.ID, fn func(Tx) error) error
}

// Tx is a transaction that can also change tokens.
type Tx interface {
	membership.Tx
	InsertToken(ctx context.Context, t Token) error
	RevokeToken(ctx context.Context, id membership.ID, at time.Time) error
}
