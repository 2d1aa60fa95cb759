package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// ErrUnauthenticated is what every error of a credential that opens nothing is
// (errors.Is). The text of such an error is safe to show.
var ErrUnauthenticated = errors.New("unauthenticated")

type unauthenticated string

func (e unauthenticated) Error() string        { return string(e) }
func (e unauthenticated) Is(target error) bool { return target == ErrUnauthenticated }

// Whatever the store knows about a token is told with one message: unknown,
// wrong, revoked and expired look the same. That a text is no token at all is
// no secret, and the most frequent mistake.
const (
	errNoBearer  = unauthenticated("a bearer token is required (Authorization: Bearer <token>)")
	errNoToken   = unauthenticated("the bearer token is no scimbridge token: it was cut, mistyped or belongs elsewhere")
	errNotOpened = unauthenticated("the bearer token is not valid")
)

// Verifier turns credentials into principals.
type Verifier struct {
	store Store
	clock membership.Clock
}

// NewVerifier returns a Verifier of the tokens in store.
func NewVerifier(store Store, clock membership.Clock) *Verifier {
	return &Verifier{store: store, clock: clock}
}

// Verify returns the principal of an Authorization header (RFC 6750 section
// 2.1). A credential that opens nothing gives an error that is
// ErrUnauthenticated; any other error means that the store could not answer.
// A token costs one query.
func (v *Verifier) Verify(ctx context.Context, authorization string) (Principal, error) {
	text, ok := bearerText(authorization)
	if !ok {
		return Principal{}, errNoBearer
	}
	b, err := parse(text)
	if err != nil {
		return Principal{}, errNoToken
	}
	t, err := v.store.Token(ctx, b.tenant, b.id)
	if membership.KindOf(err) == membership.KindNotFound {
		return Principal{}, errNotOpened
	}
	if err != nil {
		return Principal{}, fmt.Errorf("find token: %w", err)
	}
	if subtle.ConstantTimeCompare(t.Hash, b.hash()) != 1 || !t.live(v.clock) {
		return Principal{}, errNotOpened
	}
	return t.principal(), nil
}

// bearerText returns the credential of the scheme Bearer, in any letter case
// (RFC 9110 section 11.1).
func bearerText(authorization string) (string, bool) {
	scheme, text, _ := strings.Cut(authorization, " ")
	text = strings.Trim(text, " ")
	return text, strings.EqualFold(scheme, "Bearer") && text != ""
}

func (t Token) live(clock membership.Clock) bool {
	return t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || clock.Now().Before(t.ExpiresAt))
}

func (t Token) principal() Principal {
	p := Principal{Tenant: t.Tenant, Kind: t.Kind}
	if t.Kind == KindSCIM {
		p.Connection = t.Connection
		p.Actor = membership.Actor{Kind: membership.ActorConnection, ID: t.Connection.String()}
		return p
	}
	p.Permissions = t.Permissions
	p.Actor = membership.Actor{Kind: membership.ActorUser, ID: t.ID.String()}
	return p
}
