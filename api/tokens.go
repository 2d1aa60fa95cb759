package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) tokenRoutes() []route {
	const (
		tokens = "/v1/tokens"
		token  = "/v1/tokens/{id}"
	)
	return []route{
		{http.MethodGet, tokens, d.private(d.listTokens, "limit", "cursor")},
		{http.MethodPost, tokens, d.private(withSecret(d.createToken))},
		{http.MethodGet, token, d.private(d.getToken)},
		{http.MethodDelete, token, d.private(d.revokeToken, "reason")},
		{http.MethodPost, token + "/rotate", d.private(withSecret(d.rotateToken))},
	}
}

func (d *door) createToken(w http.ResponseWriter, r request) error {
	s, err := d.decodeToken(w, &r)
	if err != nil {
		return err
	}
	t, text, err := d.Tokens.Create(r.Context(), r.call, s)
	if err != nil {
		return err
	}
	return sendNewToken(w, t, text)
}

func (d *door) decodeToken(w http.ResponseWriter, r *request) (s auth.TokenSpec, err error) {
	var connection, expires, principal *string
	var networks []string
	if err := d.decode(w, *r, fields{
		"name": &s.Name, "kind": &s.Kind, "connection_id": &connection, "permissions": &s.Permissions,
		"scopes":    &s.Scopes,
		"principal": &principal, "roles": &s.Roles,
		"networks": &networks, "expires_at": &expires, "reason": &r.call.Reason,
	}, "name", "kind"); err != nil {
		return s, err
	}
	if connection != nil {
		if s.Connection, err = membership.ParseID(*connection); err != nil {
			return s, membership.Invalidf("connection_id must be a UUID")
		}
		if s.Connection.IsZero() { // to the domain that means none; here it was said
			return s, membership.NotFound("connection")
		}
	}
	if principal != nil {
		if s.Principal = auth.PrincipalTypes[strings.ToUpper(*principal)]; s.Principal == "" {
			return s, membership.Invalidf("principal must be USER, AGENT or SERVICE")
		}
	}
	if s.ExpiresAt, err = readExpiry(expires); err != nil {
		return s, err
	}
	s.Networks, err = auth.ParseNetworks(networks)
	return s, err
}

func (d *door) listTokens(w http.ResponseWriter, r request) error {
	after, limit, err := r.query.page()
	if err != nil {
		return err
	}
	ts, err := d.Tokens.List(r.Context(), r.call, after, limit+1)
	if err != nil {
		return err
	}
	ts, next := cut(ts, limit, func(t auth.Token) membership.ID { return t.ID })
	return send(w, http.StatusOK, appendPage(nil, ts, AppendToken, next))
}

func (d *door) getToken(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "token")
	if err != nil {
		return err
	}
	t, err := d.Tokens.Token(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendToken(nil, t))
}

func (d *door) rotateToken(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "token")
	if err != nil {
		return err
	}
	var seconds int64
	if err := d.decode(w, r, fields{"overlap_seconds": &seconds, "reason": &r.call.Reason},
		"overlap_seconds"); err != nil {
		return err
	}
	// Bounded before it becomes nanoseconds, so that it cannot overflow.
	if most := int64(auth.MaxOverlap / time.Second); seconds < 0 || seconds > most {
		return membership.Invalidf("overlap_seconds must be a number from 0 to %d", most)
	}
	t, text, err := d.Tokens.Rotate(r.Context(), r.call, id, time.Duration(seconds)*time.Second)
	if err != nil {
		return err
	}
	return sendNewToken(w, t, text)
}

func (d *door) revokeToken(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "token")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Tokens.Revoke(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}

// sendNewToken is the one answer that has a token's text.
func sendNewToken(w http.ResponseWriter, t auth.Token, text string) error {
	return send(w, http.StatusCreated, AppendNewToken(nil, t, text))
}
