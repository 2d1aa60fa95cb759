package auth

import (
	"context"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// issuer returns an issuer that a tenant trusts.
func (j *JWTs) issuer(ctx context.Context, tenant, id membership.ID) (Issuer, error) {
	set, err := j.issuers.current(ctx, tenant)
	if err != nil {
		return Issuer{}, err
	}
	for _, i := range set.byName {
		if i.ID == id {
			return i, nil
		}
	}
	return Issuer{}, errNoSession
}

// ofSession returns the principal of a session that began with a JWT. A change of its
// issuer ends it: what the JWT's claims meant, they may not mean any more.
func (j *JWTs) ofSession(ctx context.Context, n Session) (Principal, error) {
	i, err := j.issuer(ctx, n.Tenant, n.Issuer)
	if err == nil && !i.UpdatedAt.Equal(n.IssuerAt) {
		err = errNoSession
	}
	if err != nil {
		NoteOf(ctx).Refuse("unauthenticated: the issuer of the session is not trusted any more, or was changed")
		return Principal{}, err
	}
	p := Principal{
		Tenant: n.Tenant, Issuer: i.ID, IssuerAt: i.UpdatedAt, Kind: KindAPI, Actor: n.Actor, CreatedAt: n.CreatedAt,
		Permissions: n.Permissions, Roles: n.Roles,
	}
	i.identify(&p, strings.TrimPrefix(n.Actor.ID, i.ID.String()+":")) // see JWTs.apart
	NoteOf(ctx).is(p)
	return p, nil
}
