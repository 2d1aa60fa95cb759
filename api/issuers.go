package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) issuerRoutes() []route {
	const (
		issuers = "/v1/issuers"
		issuer  = "/v1/issuers/{id}"
	)
	return []route{
		{http.MethodGet, issuers, d.private(d.listIssuers)},
		{http.MethodPost, issuers, d.private(d.createIssuer)},
		{http.MethodGet, issuer, d.private(d.getIssuer)},
		{http.MethodPatch, issuer, d.private(d.updateIssuer)},
		{http.MethodDelete, issuer, d.private(d.deleteIssuer, "reason")},
	}
}

func (d *door) listIssuers(w http.ResponseWriter, r request) error {
	all, err := d.Issuers.List(r.Context(), r.call)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, all, AppendIssuer, membership.ID{}))
}

func (d *door) createIssuer(w http.ResponseWriter, r request) error {
	s, err := d.decodeIssuer(w, &r, "issuer", "audiences")
	if err != nil {
		return err
	}
	i, err := d.Issuers.Create(r.Context(), r.call, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendIssuer(nil, i))
}

func (d *door) getIssuer(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "issuer")
	if err != nil {
		return err
	}
	i, err := d.Issuers.Get(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendIssuer(nil, i))
}

func (d *door) updateIssuer(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "issuer")
	if err != nil {
		return err
	}
	s, err := d.decodeIssuer(w, &r)
	if err != nil {
		return err
	}
	i, err := d.Issuers.Update(r.Context(), r.call, id, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendIssuer(nil, i))
}

func (d *door) deleteIssuer(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "issuer")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Issuers.Delete(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}

func (d *door) decodeIssuer(w http.ResponseWriter, r *request, required ...string) (s auth.IssuerSpec, err error) {
	var jwks json.RawMessage
	err = d.decode(w, *r, fields{
		"issuer": &s.Issuer, "audiences": &s.Audiences, "jwks": &jwks, "jwks_uri": &s.JWKSURI,
		"tenant_claim": &s.TenantClaim, "tenant_value": &s.TenantValue, "principal_claim": &s.PrincipalClaim,
		"permissions_claim": &s.PermissionsClaim, "roles_claim": &s.RolesClaim,
		"default_principal": &s.DefaultPrincipal,
		"permissions":       &s.Permissions, "max_age_seconds": &s.MaxAgeSeconds, "reason": &r.call.Reason,
	}, required...)
	if jwks != nil {
		text := string(jwks)
		s.JWKS = &text
	}
	return s, err
}

// AppendIssuer appends a trusted issuer as a JSON object. Its key set is what
// was given: it has public keys only.
func AppendIssuer(b []byte, i auth.Issuer) []byte {
	b = appendIDField(append(b, '{'), "id", i.ID)
	b = appendField(append(b, ','), "issuer", i.Issuer)
	b = appendStrings(append(b, ','), "audiences", i.Audiences)
	if i.JWKS != "" {
		b = append(appendName(append(b, ','), "jwks"), i.JWKS...)
	} else {
		b = appendField(append(b, ','), "jwks_uri", i.JWKSURI)
	}
	b = appendField(append(b, ','), "tenant_claim", i.Claims.Tenant)
	for _, f := range []struct{ name, value string }{
		{"tenant_value", i.TenantValue}, {"principal_claim", i.Claims.Principal},
		{"permissions_claim", i.Claims.Permissions}, {"roles_claim", i.Claims.Roles},
	} {
		if f.value != "" {
			b = appendField(append(b, ','), f.name, f.value)
		}
	}
	b = appendField(append(b, ','), "default_principal", auth.PrincipalType(i.DefaultPrincipal))
	b = appendStrings(append(b, ','), "permissions", i.Permissions)
	b = strconv.AppendInt(appendName(append(b, ','), "max_age_seconds"), int64(i.MaxAge/time.Second), 10)
	b = appendTimeField(append(b, ','), "created_at", i.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", i.UpdatedAt)
	return append(b, '}')
}
