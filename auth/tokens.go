package auth

import (
	"cmp"
	"context"
	"net/netip"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// TokenSpec is what a new token is made from.
type TokenSpec struct {
	Kind        TokenKind
	Name        string
	Connection  membership.ID        // scim: required; api: zero
	Permissions []string             // api only
	Principal   membership.ActorKind // api only: user (or empty), agent or service
	Roles       []string             // api only; RoleOrgOwner is every permission
	Scopes      []string             // scim only; nil: ScopeSCIM
	Networks    []netip.Prefix
	ExpiresAt   time.Time // zero: never
}

// CreateToken makes a token in the transaction's tenant, call.Tenant, and
// returns it with its text form, which is not stored. Like membership.NewTenant
// it asks no policy: its callers do. Errors: KindInvalid; KindNotFound when
// there is no such connection.
func CreateToken(
	ctx context.Context, tx TokenTx, clock membership.Clock, call membership.Call, s TokenSpec,
) (Token, string, error) {
	now := clock.Now()
	if s.Kind == KindSCIM && s.Scopes == nil {
		s.Scopes = []string{ScopeSCIM}
	}
	s.Principal = cmp.Or(s.Principal, membership.ActorUser)
	if err := s.check(now); err != nil {
		return Token{}, "", err
	}
	if s.Kind == KindSCIM {
		if _, err := tx.LockConnectionShared(ctx, s.Connection); err != nil {
			return Token{}, "", err
		}
	}
	// Times are as fine as both engines keep them.
	t, text := Mint(Token{
		Tenant: call.Tenant, Kind: s.Kind, Name: s.Name, Connection: s.Connection,
		Permissions: set(s.Permissions), Scopes: set(s.Scopes), Networks: s.Networks,
		Principal: s.Principal, Roles: set(s.Roles),
		CreatedAt: now, ExpiresAt: s.ExpiresAt.UTC().Truncate(time.Microsecond),
	})
	t.Person = personOf(call, t.ID)
	if err := tx.InsertToken(ctx, t); err != nil {
		return Token{}, "", err
	}
	e := call.Event(now, membership.ActionTokenCreated, membership.ID{}, membership.ID{}, nil, t.facts())
	return t, text, tx.AppendEvents(ctx, e)
}

// personOf is whose a new token is: of who makes it. An operator makes it for somebody
// else, who is known by nothing but this token.
func personOf(call membership.Call, id membership.ID) string {
	if call.Actor.Kind == membership.ActorOperator {
		return "token:" + id.String()
	}
	return call.Person
}

// RevokeToken ends a token of the transaction's tenant for good. KindNotFound
// when there is none that was not revoked before.
func RevokeToken(
	ctx context.Context, tx TokenTx, clock membership.Clock, call membership.Call, id membership.ID,
) error {
	now := clock.Now()
	if err := tx.RevokeToken(ctx, id, now); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, call.Event(now, membership.ActionTokenRevoked, membership.ID{}, membership.ID{},
		membership.Facts{"token_id": id}, nil))
}

// facts is what an event says of a token.
func (t Token) facts() membership.Facts {
	f := membership.Facts{"token_id": t.ID, "kind": t.Kind, "name": t.Name}
	if t.Kind == KindSCIM {
		f["connection_id"], f["scopes"] = t.Connection, t.Scopes
	} else {
		f["permissions"] = t.Permissions
		if t.Principal != membership.ActorUser {
			f["principal"] = PrincipalType(t.Principal)
		}
		if len(t.Roles) > 0 {
			f["roles"] = t.Roles
		}
	}
	if len(t.Networks) > 0 {
		f["networks"] = t.Networks
	}
	if !t.ExpiresAt.IsZero() {
		f["expires_at"] = membership.Timestamp(t.ExpiresAt)
	}
	return f
}
