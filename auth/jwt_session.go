package auth

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// ofSession returns the principal of a session that began with a JWT. A change of its
// issuer ends it: what the JWT's claims meant, they may not mean any more.
func (j *JWTs) ofSession(ctx context.Context, n Session) (Principal, error) {
	set, err := j.issuers.current(ctx, n.Tenant)
	if err != nil {
		return Principal{}, err
	}
	for _, i := range set.byName {
		if i.ID == n.Issuer && i.UpdatedAt.Equal(n.IssuerAt) {
			p := Principal{
				Tenant: n.Tenant, Issuer: i.ID, Kind: KindAPI, Actor: n.Actor, CreatedAt: n.CreatedAt,
				Permissions: n.Permissions, Roles: n.Roles,
				Credential: membership.Credential{
					Kind: membership.CredentialJWT, Owner: i.ID, Subject: n.Actor.ID,
				},
			}
			NoteOf(ctx).is(p)
			return p, nil
		}
	}
	NoteOf(ctx).Refuse("unauthenticated: the issuer of the session is not trusted any more, or was changed")
	return Principal{}, errNoSession
}
